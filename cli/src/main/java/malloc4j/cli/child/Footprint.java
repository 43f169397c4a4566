package malloc4j.cli.child;

import io.avaje.jsonb.Json;
import java.util.List;
import malloc4j.cli.picture.CellMap;
import org.jspecify.annotations.Nullable;

/// What an allocator had resident while one subject went by, in a round of its own that nobody timed.
///
/// ```
///   at.size() == residentBytes.size(), and == liveBytes.size() where that is there
/// ```
///
/// @param subject the trace or workload
/// @param unit of `at`: `event` or `millisecond`
/// @param at how far the round was at each look
/// @param residentBytes growth of the allocator's resident memory then, the JVM's excluded
/// @param liveBytes what was asked for and not yet freed then; absent where nobody knows
/// @param afterFree the same once every object was freed
/// @param cells of malloc4j's heap at the peak; absent for others
@Json
public record Footprint(
        String subject,
        String allocator,
        String unit,
        List<Long> at,
        List<Long> residentBytes,
        @Nullable List<Long> liveBytes,
        List<Freed> afterFree,
        @Nullable CellMap cells) {
    /// A look at what was not given back.
    ///
    /// @param millis since the last object was freed
    @Json
    public record Freed(long millis, long residentBytes) {}

    /// What a child tells of its round.
    @Json
    public record Samples(
            List<Long> at,
            List<Long> residentBytes,
            List<Freed> afterFree,
            @Nullable CellMap cells) {}

    /// What a child has told, with what the parent knows.
    ///
    /// @param samples as the child has written them
    public static Footprint of(
            String subject, String allocator, String unit, Samples samples, @Nullable List<Long> liveBytes) {
        return new Footprint(
                subject,
                allocator,
                unit,
                samples.at(),
                samples.residentBytes(),
                liveBytes,
                samples.afterFree(),
                samples.cells());
    }
}
