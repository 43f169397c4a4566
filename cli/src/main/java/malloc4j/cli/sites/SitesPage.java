package malloc4j.cli.sites;

import java.io.IOException;
import java.io.OutputStream;
import malloc4j.cli.profile.Measure;
import malloc4j.cli.profile.SampledProcess;

/// The flame graph as a page of its own, for others than `sites`.
public final class SitesPage {
    private SitesPage() {}

    /// Writes one page of HTML.
    public static void write(SampledProcess process, Measure measure, OutputStream out) throws IOException {
        SitesFormat.HTML.file().write(process, measure, out);
    }
}
