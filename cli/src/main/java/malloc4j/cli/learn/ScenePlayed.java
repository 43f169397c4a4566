package malloc4j.cli.learn;

import io.avaje.jsonb.Json;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// What came of a scene: what `learn NAME --json` prints.
///
/// @param source the classic texts that its claims are from
/// @param verdict how many of its claims hold here, a sentence
/// @param playedOn the machine, kernel, C library and JDK
@Json
public record ScenePlayed(String name, String title, String source, String verdict, String playedOn, List<Step> steps) {
    /// One step: what was done, what was measured, and what the texts say of it.
    ///
    /// @param text what was done; the same on every machine
    /// @param strip addresses in ascending order, where a step shows a layout
    /// @param claim of the classic texts, where the step is about one
    /// @param holds whether it holds here; absent where there is no claim, or it cannot be shown here
    /// @param reason why it cannot be shown here
    @Json
    public record Step(
            String text,
            List<Figure> figures,
            @Nullable List<Piece> strip,
            @Nullable String claim,
            @Nullable Boolean holds,
            @Nullable String reason) {
        /// Whether there is something to be said that this machine cannot show.
        boolean isOpen() {
            return holds == null && reason != null;
        }
    }

    /// A measured value.
    ///
    /// @param unit `bytes`, `ns`, `times` (a ratio), or what is counted
    @Json
    public record Figure(String name, double value, String unit) {}

    /// A range of addresses of a strip.
    ///
    /// @param to the first address behind it
    /// @param kind one of [StripKind], which says how it is drawn
    @Json
    public record Piece(long from, long to, String label, String kind) {
        /// Its size in bytes.
        public long byteSize() {
            return to - from;
        }
    }

    /// Whether a claim was found not to hold.
    public boolean isRefuted() {
        return steps.stream().anyMatch(step -> Boolean.FALSE.equals(step.holds()));
    }
}
