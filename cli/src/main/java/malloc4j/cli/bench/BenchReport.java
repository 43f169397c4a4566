package malloc4j.cli.bench;

import io.avaje.jsonb.Json;
import java.util.List;
import malloc4j.cli.child.Footprint;
import malloc4j.cli.child.Machine;
import org.jspecify.annotations.Nullable;

/// What `bench --json` prints. Bytes and nanoseconds are in the names.
///
/// @param skipped allocators that were not put to a workload, because it does not suit them
/// @param absent allocators that are not installed here; they have no results
/// @param failures allocators that failed at a workload; they have no result for it
/// @param footprints what was resident as the workloads went by; absent unless a report was asked for
@Json
public record BenchReport(
        Machine machine,
        Settings settings,
        List<Result> results,
        List<Skipped> skipped,
        List<Absent> absent,
        List<Failure> failures,
        @Nullable List<Footprint> footprints) {
    /// How it ran.
    ///
    /// @param threads of the workloads that take a number
    /// @param secondsPerRound how long a round took
    @Json
    public record Settings(int threads, int rounds, double secondsPerRound, boolean verify) {}

    /// One allocator on one workload. An operation is a call of the allocator: one malloc or one free. Nanoseconds
    /// per operation are the elapsed time by the operations of all threads together.
    ///
    /// @param threads that worked
    /// @param operations of all rounds
    /// @param operationsPerSecond of the median round
    /// @param nanosPerOperation of the median round
    /// @param cpuNanosPerOperation processor time of this process by its operations, median: what other processes
    ///     do changes it less
    /// @param roundNanosPerOperation of each round, in the order in which they ran
    /// @param toBest nanoseconds by those of the allocator with the best median, round by round
    /// @param mallocNanos of sampled calls that allocate, each with one reading of the clock
    /// @param freeNanos of sampled frees
    /// @param peakResidentBytes growth of the allocator's resident memory at its highest, the JVM's excluded
    /// @param endResidentBytes the same two seconds after everything was freed
    /// @param verified true when every byte was written and checked; then the times are no measure, and latency and
    ///     memory are absent. Otherwise this is absent
    /// @param disturbed what kept the machine from measuring well; absent when nothing did
    @Json
    public record Result(
            String workload,
            String allocator,
            String version,
            int threads,
            int rounds,
            long operations,
            double operationsPerSecond,
            double nanosPerOperation,
            double cpuNanosPerOperation,
            List<Double> roundNanosPerOperation,
            Spread toBest,
            @Nullable Latency mallocNanos,
            @Nullable Latency freeNanos,
            @Nullable Long peakResidentBytes,
            @Nullable Long endResidentBytes,
            @Nullable Boolean verified,
            @Nullable Disturbance disturbed) {}

    /// Of all rounds.
    @Json
    public record Spread(double min, double median, double max) {}

    /// Percentiles in nanoseconds.
    ///
    /// @param samples how many calls were timed; with none, all others are 0
    @Json
    public record Latency(long samples, long p50, long p90, long p99, long p999, long p9999, long max) {}

    /// What disturbed a measurement.
    ///
    /// @param rounds in which other processes or the hypervisor took more than the bound
    /// @param othersShare the most that other processes took in a round, as a share of one processor
    /// @param stealShare the most that the hypervisor withheld in a round, as a share of one processor
    /// @param spread the slowest round beyond the fastest, by the median
    @Json
    public record Disturbance(int rounds, double othersShare, double stealShare, double spread) {}

    /// An allocator that a workload does not suit.
    @Json
    public record Skipped(String workload, String allocator, String reason) {}

    /// An allocator that is not installed.
    @Json
    public record Absent(String allocator, String reason) {}

    /// An allocator that crashed, misbehaved or had no memory.
    @Json
    public record Failure(String workload, String allocator, String reason) {}
}
