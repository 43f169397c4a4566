package malloc4j.cli.serve;

import io.avaje.jsonb.Json;
import java.util.List;
import malloc4j.cli.picture.LeaksPicture;
import malloc4j.cli.sites.FoundLeaks;
import malloc4j.cli.sites.LeaksReport;

/// What keeps growing, as the page shows it.
///
/// @param verdicts a sentence for each heap
@Json
record SeenLeaks(List<String> verdicts, LeaksReport report) {
    static SeenLeaks of(FoundLeaks found) {
        return new SeenLeaks(
                found.reports().stream()
                        .map(report -> LeaksPicture.verdict(found.pid(), found.seconds(), report))
                        .toList(),
                LeaksReport.of(found));
    }
}
