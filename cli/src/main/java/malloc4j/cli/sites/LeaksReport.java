package malloc4j.cli.sites;

import io.avaje.jsonb.Json;
import java.util.List;
import java.util.concurrent.TimeUnit;
import malloc4j.observe.LeakReport;

/// What `leaks --json` prints. The field names are a contract.
///
/// @param seconds between the beginning and the second snapshot
@Json
public record LeaksReport(long pid, int seconds, List<Leak> leaks) {
    /// A site that keeps growing.
    ///
    /// @param stack innermost first, as `Class.method(File.java:LINE)`
    /// @param grownBytes between the snapshots
    @Json
    public record Leak(
            String heap,
            List<String> stack,
            long liveBytes,
            long liveBlocks,
            long grownBytes,
            long samples,
            long oldestAgeMillis) {}

    /// What was found, heap by heap.
    public static LeaksReport of(FoundLeaks found) {
        return new LeaksReport(
                found.pid(),
                found.seconds(),
                found.reports().stream()
                        .flatMap(report -> report.leaks().stream().map(leak -> leak(report, leak)))
                        .toList());
    }

    private static Leak leak(LeakReport report, LeakReport.Leak leak) {
        return new Leak(
                report.heapName(),
                leak.frames(),
                leak.liveBytes(),
                leak.liveBlocks(),
                leak.grownBytes(),
                leak.samples(),
                TimeUnit.NANOSECONDS.toMillis(leak.oldestAgeNanos()));
    }
}
