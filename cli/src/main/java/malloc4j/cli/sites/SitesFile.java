package malloc4j.cli.sites;

import java.io.IOException;
import java.io.OutputStream;
import malloc4j.cli.profile.Measure;
import malloc4j.cli.profile.SampledProcess;

/// A file that other programs show.
interface SitesFile {
    /// Writes the whole file and leaves the stream open.
    void write(SampledProcess process, Measure measure, OutputStream out) throws IOException;
}
