package malloc4j.cli.bench;

import io.avaje.jsonb.Json;
import java.util.List;
import malloc4j.cli.bench.BenchReport.Absent;
import malloc4j.cli.bench.BenchReport.Disturbance;
import malloc4j.cli.bench.BenchReport.Failure;
import malloc4j.cli.bench.BenchReport.Skipped;
import malloc4j.cli.child.Machine;
import org.jspecify.annotations.Nullable;

/// What `bench scale --json` prints.
///
/// @param skipped allocators that were not put to a point, and why
/// @param absent allocators that are not installed here; they have no results
/// @param failures allocators that failed at a point; they have no result for it
@Json
public record ScaleReport(
        Machine machine,
        Settings settings,
        List<Result> results,
        List<Skipped> skipped,
        List<Absent> absent,
        List<Failure> failures) {
    /// How it ran.
    @Json
    public record Settings(int rounds, double secondsPerRound) {}

    /// One allocator at one point of a dimension. An operation is one malloc or one free; nanoseconds per operation
    /// are the elapsed time by the operations of all threads together.
    ///
    /// @param point how many, in the dimension's unit
    /// @param nanosPerOperation of the median round
    /// @param cpuNanosPerOperation processor time of this process by its operations, median
    /// @param nanosBeyondControl what it takes more than the same accesses to memory that was there before, of the
    ///     median rounds; absent where there is no such control
    /// @param byTurns whether its rounds took turns with the other allocators'; where memory is too small for all
    ///     of them at a time they do not
    /// @param disturbed what kept the machine from measuring well; absent when nothing did
    @Json
    public record Result(
            String dimension,
            long point,
            String allocator,
            String version,
            double nanosPerOperation,
            double minNanosPerOperation,
            double maxNanosPerOperation,
            double cpuNanosPerOperation,
            @Nullable Double nanosBeyondControl,
            boolean byTurns,
            @Nullable Disturbance disturbed) {}
}
