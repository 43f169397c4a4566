package malloc4j.cli.sites;

import java.util.List;
import malloc4j.observe.LeakReport;

/// What keeps growing in the heaps of one process.
///
/// @param seconds between the beginning and the second snapshot
/// @param reports one of each heap
public record FoundLeaks(long pid, int seconds, List<LeakReport> reports) {
    /// Whether nothing does.
    public boolean isEmpty() {
        return reports.stream().allMatch(report -> report.leaks().isEmpty());
    }
}
