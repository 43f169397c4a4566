package malloc4j.cli.report;

import java.util.List;
import malloc4j.cli.child.Machine;

/// What a page tells of a comparison, beside the document that it draws from.
///
/// @param command `replay` or `bench`
/// @param settings how it ran, for people
/// @param notes who is absent, failed or was left out, and why; a sentence each
/// @param document what `--json` prints
public record Comparison(
        String command, Machine machine, String settings, List<Subject> subjects, List<String> notes, Object document) {

    /// A trace or a workload.
    ///
    /// @param line what it is, for people
    /// @param unit of what is timed: `event` or `operation`
    /// @param peakLiveBytes what was asked for at most, 0 where nobody knows
    public record Subject(String name, String line, String unit, long peakLiveBytes, List<Contender> contenders) {}

    /// An allocator that was measured.
    ///
    /// @param medianNanos per event or operation, of the median round
    /// @param fastestNanos of the best round
    /// @param slowestNanos of the worst round
    /// @param peakBytes resident at the highest
    /// @param leftBytes resident two seconds after everything was freed
    public record Contender(
            String allocator,
            double medianNanos,
            double fastestNanos,
            double slowestNanos,
            long peakBytes,
            long leftBytes) {
        boolean overlaps(Contender other) {
            return fastestNanos <= other.slowestNanos && other.fastestNanos <= slowestNanos;
        }
    }
}
