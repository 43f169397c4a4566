package malloc4j.cli.bench;

import io.avaje.jsonb.Json;
import java.util.List;
import malloc4j.cli.bench.BenchReport.Absent;
import malloc4j.cli.bench.BenchReport.Failure;
import malloc4j.cli.child.Machine;
import org.jspecify.annotations.Nullable;

/// What `bench return --json` prints.
///
/// @param absent allocators that are not installed here; they have no results
/// @param failures allocators that failed at a probe; they have no result for it
@Json
public record ReturnReport(
        Machine machine, Settings settings, List<Result> results, List<Absent> absent, List<Failure> failures) {
    /// How it ran.
    ///
    /// @param blocks that were allocated, of 16 to 199 bytes
    /// @param idleSeconds from the frees to the light use
    @Json
    public record Settings(int blocks, double idleSeconds) {}

    /// One allocator at one probe: its resident memory in bytes, the JVM's excluded, step by step.
    ///
    /// @param peakBytes with everything allocated
    /// @param freedBytes right after the frees
    /// @param idle3SecondsBytes after three seconds in which nobody calls the allocator
    /// @param idleBytes after all of the idle time
    /// @param lightUseBytes after two seconds more, with a few blocks allocated and freed each millisecond
    /// @param trimmedBytes after the allocator was called to give back all that it can; absent where it has no such
    ///     call
    /// @param livePageBytes of the pages that a block touches which is still live: the least that can be resident
    @Json
    public record Result(
            String probe,
            String allocator,
            String version,
            long peakBytes,
            long freedBytes,
            long idle3SecondsBytes,
            long idleBytes,
            long lightUseBytes,
            @Nullable Long trimmedBytes,
            long livePageBytes) {}
}
