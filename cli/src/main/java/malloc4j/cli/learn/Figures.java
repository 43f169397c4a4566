package malloc4j.cli.learn;

import java.util.Locale;
import malloc4j.cli.learn.ScenePlayed.Figure;
import malloc4j.cli.picture.Texts;

/// Measured values as text.
final class Figures {
    private static final double EXACT_BELOW = 1 << 20;

    private Figures() {}

    /// `31.4 MiB`, `4,096 bytes`, `17.3 ns`, `5.2 times`, `16 arenas`.
    static String text(Figure figure) {
        double value = figure.value();
        return switch (figure.unit()) {
            case "bytes" ->
                Math.abs(value) < EXACT_BELOW
                        ? String.format(Locale.ROOT, "%,.0f bytes", value)
                        : (value < 0 ? "-" : "") + Texts.size((long) Math.abs(value));
            case "ns", "times" -> String.format(Locale.ROOT, "%,.1f %s", value, figure.unit());
            default -> String.format(Locale.ROOT, "%,.0f %s", value, value == 1 ? one(figure.unit()) : figure.unit());
        };
    }

    /// What one of the things is called.
    private static String one(String units) {
        return units.endsWith("s") ? units.substring(0, units.length() - 1) : units;
    }
}
