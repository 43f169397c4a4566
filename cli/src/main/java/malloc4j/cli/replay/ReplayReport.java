package malloc4j.cli.replay;

import io.avaje.jsonb.Json;
import java.util.List;
import malloc4j.cli.child.Footprint;
import malloc4j.cli.child.Machine;
import org.jspecify.annotations.Nullable;

/// What `replay --json` prints. The field names are a contract; bytes and nanoseconds are in the names.
///
/// @param notes what is to be known of traces whose format or file does not tell everything
/// @param absent allocators that are not installed here; they have no results
/// @param failures allocators that failed on a trace; they have no result for it
/// @param footprints what was resident as the events went by; absent unless a report was asked for
@Json
public record ReplayReport(
        Machine machine,
        Settings settings,
        List<Result> results,
        List<Note> notes,
        List<Absent> absent,
        List<Failure> failures,
        @Nullable List<Footprint> footprints) {
    /// How it ran.
    ///
    /// @param source of malloc4j's pages
    @Json
    public record Settings(int rounds, boolean serial, String touch, boolean verify, String source) {}

    /// One allocator on one trace.
    ///
    /// @param threads that replayed
    /// @param nanosPerEvent of the best round
    /// @param medianNanosPerEvent of all rounds
    /// @param roundNanosPerEvent of each round, in the order in which they ran
    /// @param peakLiveBytes of the trace: what was asked for and not yet freed
    /// @param peakResidentBytes growth of the allocator's resident memory at its highest, the JVM's excluded
    /// @param residentAfterFreeBytes the same two seconds after every object was freed
    /// @param verified true when every byte was written and checked, and then the times are no measure; absent
    ///     otherwise
    @Json
    public record Result(
            String trace,
            String allocator,
            String version,
            int threads,
            long events,
            int rounds,
            double nanosPerEvent,
            double medianNanosPerEvent,
            List<Double> roundNanosPerEvent,
            long peakLiveBytes,
            long peakResidentBytes,
            long residentAfterFreeBytes,
            @Nullable Boolean verified) {}

    /// A sentence on a trace.
    @Json
    public record Note(String trace, String text) {}

    /// An allocator that is not installed.
    @Json
    public record Absent(String allocator, String reason) {}

    /// An allocator that crashed, misbehaved or had no memory.
    @Json
    public record Failure(String trace, String allocator, String reason) {}
}
