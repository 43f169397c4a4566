package malloc4j.cli.learn;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.function.BooleanSupplier;
import malloc4j.cli.learn.ScenePlayed.Figure;
import malloc4j.cli.learn.ScenePlayed.Piece;
import org.jspecify.annotations.Nullable;

/// Where a scene is played: collects its steps in order.
///
/// ```
///   stage.step("A page is mapped.")
///           .bytes("mapped", 4096)
///           .strip(new Strip().add(from, to, "page", StripKind.MAPPING))
///           .claim("One byte costs a page.", mapped == pageBytes);
/// ```
public final class Stage {
    private final List<Step> steps = new ArrayList<>();

    /// Begins a step.
    ///
    /// @param text what is done, in sentences that hold on every machine: no measured value, no address
    public Step step(String text) {
        Step step = new Step(text);
        steps.add(step);
        return step;
    }

    List<ScenePlayed.Step> steps() {
        return steps.stream().map(Step::played).toList();
    }

    /// One step; each method adds to it.
    public static final class Step {
        private final String text;
        private final List<Figure> figures = new ArrayList<>();
        private @Nullable List<Piece> strip;
        private @Nullable String claim;
        private @Nullable Boolean holds;
        private @Nullable String reason;

        private Step(String text) {
            this.text = text;
        }

        public Step bytes(String name, long value) {
            return figure(name, (double) value, "bytes");
        }

        public Step nanos(String name, double value) {
            return figure(name, Math.round(value * 10) / 10.0, "ns");
        }

        /// A ratio.
        public Step times(String name, double value) {
            return figure(name, Math.round(value * 10) / 10.0, "times");
        }

        /// A number of things.
        ///
        /// @param unit what is counted
        public Step count(String name, long value, String unit) {
            return figure(name, (double) value, unit);
        }

        private Step figure(String name, double value, String unit) {
            figures.add(new Figure(name, value, unit));
            return this;
        }

        /// What lies where now.
        public Step strip(Strip pieces) {
            strip = pieces.pieces();
            return this;
        }

        /// What the texts say, and whether it holds here.
        public Step claim(String said, boolean holdsHere) {
            claim = said;
            holds = holdsHere;
            return this;
        }

        /// What the texts say, where this machine cannot show it.
        public Step open(String said, String why) {
            claim = said;
            reason = why;
            return this;
        }

        /// One or the other: what the texts say, and whether it holds if it can be shown.
        ///
        /// @param obstacle why it cannot be shown here, or null
        public Step claimUnless(@Nullable String obstacle, String said, BooleanSupplier holdsHere) {
            return obstacle == null ? claim(said, holdsHere.getAsBoolean()) : open(said, obstacle);
        }

        /// Why this machine shows nothing of what the step is about, without a claim.
        Step cannot(String why) {
            reason = why;
            return this;
        }

        private ScenePlayed.Step played() {
            return new ScenePlayed.Step(text, List.copyOf(figures), strip, claim, holds, reason);
        }
    }

    /// Addresses and what lies there.
    public static final class Strip {
        private final List<Piece> pieces = new ArrayList<>();

        /// Adds a range; empty ones are left out.
        ///
        /// @param to the first address behind it
        public Strip add(long from, long to, String label, StripKind kind) {
            if (Long.compareUnsigned(from, to) < 0) {
                pieces.add(new Piece(from, to, label, kind.toString()));
            }
            return this;
        }

        List<Piece> pieces() {
            return pieces.stream().sorted(Comparator.comparingLong(Piece::from)).toList();
        }
    }
}
