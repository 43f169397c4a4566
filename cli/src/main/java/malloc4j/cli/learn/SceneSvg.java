package malloc4j.cli.learn;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import malloc4j.cli.Terminal;
import malloc4j.cli.learn.ScenePlayed.Figure;
import malloc4j.cli.learn.ScenePlayed.Piece;
import malloc4j.cli.learn.ScenePlayed.Step;
import malloc4j.cli.picture.Texts;

/// A scene that was played as an SVG document: its strips one below the other, on common axes, or where it has none its
/// figures as bars.
///
/// ```
///   title
///   2. The 320 blocks are freed; the small one stays.
///   +-----------------+---------------------------+--+---+
///   |  older blocks   |   hole                    |  |   |      strip
///   |  33.4 MiB       |   31.3 MiB                |  |   |
///   +-----------------+---------------------------+--+---+
///   5606caf8a000                                  a  b            a small block, 2.3 KiB   b top, 29.8 KiB
///
///   after free    ############################ 139 MiB            bars
/// ```
///
/// Each piece has its addresses in a title that browsers show under the pointer.
public final class SceneSvg {
    private static final int WIDTH = 900;
    private static final int LEFT = 20;
    private static final int INSIDE = WIDTH - 2 * LEFT;
    private static final int STRIP_HEIGHT = 40;
    private static final int LINE = 16;
    private static final int CAPTION_LETTERS = 128;
    private static final double LETTER = 6.4; // of the font in a strip, on average
    private static final double LEAST_WIDTH = 2;
    private static final int NAMES = 330; // of figures
    private static final int BARS = 380;
    private static final double WIDE_RANGE = 100; // from which bars are logarithmic
    private static final double DARK = 140;
    private static final int MIN_BARS = 3;
    private static final String STRIP_NOTE =
            ". Widths are by the logarithm of sizes; what is dotted is not of this scene.";
    private static final String BAR_NOTE = ". Bars are logarithmic.";

    private final ScenePlayed scene;
    private final StringBuilder body = new StringBuilder();
    private double y = 12;

    private SceneSvg(ScenePlayed scene) {
        this.scene = scene;
    }

    /// The document.
    public static String of(ScenePlayed scene) {
        return new SceneSvg(scene).svg();
    }

    private String svg() {
        y += 18;
        text(LEFT, y, "font-size=\"16\" font-weight=\"bold\"", scene.title());
        boolean hasStrips = scene.steps().stream().anyMatch(SceneSvg::hasStrip);
        int number = 0;
        for (Step step : scene.steps()) {
            number++;
            if (hasStrip(step)) {
                caption(number, step);
                strip(step.strip() == null ? List.of() : step.strip());
            } else if (!hasStrips && step.figures().stream().anyMatch(this::isDrawn)) {
                caption(number, step);
                bars(step);
            }
        }
        y += LINE;
        text(LEFT, y, "font-size=\"10\" fill=\"#555555\"", scene.playedOn() + (hasStrips ? STRIP_NOTE : note()));
        y += 12;
        return String.format(
                        Locale.ROOT,
                        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %.0f\" width=\"%d\" height=\"%.0f\""
                                + " font-family=\"sans-serif\" font-size=\"12\">\n",
                        WIDTH,
                        y,
                        WIDTH,
                        y)
                + "<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n"
                + body
                + "</svg>\n";
    }

    private static boolean hasStrip(Step step) {
        List<Piece> strip = step.strip();
        return strip != null && !strip.isEmpty();
    }

    private void caption(int number, Step step) {
        y += 14;
        for (String line :
                Terminal.fitted(number + ". " + step.text(), CAPTION_LETTERS).split("\n", -1)) {
            y += LINE;
            text(LEFT, y, "", line.strip());
        }
        y += 8;
    }

    private void strip(List<Piece> pieces) {
        StripAxis axis = StripAxis.of(scene, pieces);
        body.append(String.format(
                Locale.ROOT,
                "<rect x=\"%d\" y=\"%.1f\" width=\"%d\" height=\"%d\" fill=\"#fafafa\" stroke=\"#bbbbbb\""
                        + " stroke-dasharray=\"2 3\"/>\n",
                LEFT,
                y,
                INSIDE,
                STRIP_HEIGHT));
        List<String> notes = new ArrayList<>();
        double lastLetter = 0;
        for (Piece piece : pieces) {
            double from = LEFT + axis.at(piece.from(), INSIDE);
            double width = Math.max(LEAST_WIDTH, LEFT + axis.at(piece.to(), INSIDE) - from);
            box(piece, from, width);
            String size = Texts.size(piece.byteSize());
            if (LETTER * Math.max(piece.label().length(), size.length()) + 6 <= width) {
                String attributes = "font-size=\"12\" text-anchor=\"middle\" fill=\"" + ink(piece) + "\"";
                text(from + width / 2, y + 17, attributes, piece.label());
                text(from + width / 2, y + 32, attributes, size);
            } else {
                String letter = String.valueOf((char) ('a' + notes.size()));
                lastLetter = Math.max(lastLetter + 12, from + width / 2);
                text(lastLetter, y + STRIP_HEIGHT + 13, "font-size=\"11\" text-anchor=\"middle\"", letter);
                notes.add(letter + ": " + piece.label() + ", " + size);
            }
        }
        y += STRIP_HEIGHT + 13;
        if (!notes.isEmpty()) {
            y += LINE;
            text(WIDTH - LEFT, y, "font-size=\"11\" text-anchor=\"end\"", String.join("; ", notes));
        }
        addresses(pieces, notes.isEmpty());
    }

    /// The first address, and the first behind all.
    private void addresses(List<Piece> pieces, boolean isFree) {
        text(
                LEFT,
                y,
                "font-family=\"monospace\" font-size=\"10\" fill=\"#555555\"",
                "0x" + Long.toHexString(pieces.getFirst().from()));
        if (isFree) {
            text(
                    WIDTH - LEFT,
                    y,
                    "font-family=\"monospace\" font-size=\"10\" fill=\"#555555\" text-anchor=\"end\"",
                    "0x" + Long.toHexString(pieces.getLast().to()));
        }
    }

    private void box(Piece piece, double from, double width) {
        body.append(String.format(
                Locale.ROOT,
                "<g><title>%s</title><rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%d\" fill=\"%s\""
                        + " stroke=\"#333333\" stroke-width=\"0.6\"/></g>\n",
                escaped(Texts.hex(piece.from()) + "-" + Texts.hex(piece.to()) + " " + piece.label() + ", "
                        + Texts.size(piece.byteSize())),
                from,
                y,
                width,
                STRIP_HEIGHT,
                StripKind.named(piece.kind()).colour()));
    }

    /// Black or white, whichever is read better.
    private static String ink(Piece piece) {
        int colour = Integer.parseInt(StripKind.named(piece.kind()).colour().substring(1), 16);
        double light = 0.3 * (colour >> 16) + 0.59 * (colour >> 8 & 0xff) + 0.11 * (colour & 0xff);
        return light < DARK ? "#ffffff" : "#000000";
    }

    /// What is measured but once or twice is no picture.
    private boolean isDrawn(Figure figure) {
        return !figure.unit().equals("times") && valuesOf(figure.unit()).size() >= MIN_BARS;
    }

    private List<Double> valuesOf(String unit) {
        return scene.steps().stream()
                .flatMap(step -> step.figures().stream())
                .filter(figure -> figure.unit().equals(unit) && figure.value() >= 0)
                .map(Figure::value)
                .toList();
    }

    private String note() {
        boolean isWide = scene.steps().stream()
                .flatMap(step -> step.figures().stream())
                .anyMatch(figure -> isDrawn(figure) && isWide(figure.unit()));
        return isWide ? BAR_NOTE : "";
    }

    private boolean isWide(String unit) {
        return most(unit) / least(unit) >= WIDE_RANGE;
    }

    private double most(String unit) {
        return valuesOf(unit).stream().mapToDouble(Double::doubleValue).max().orElse(1);
    }

    /// But for zero.
    private double least(String unit) {
        return valuesOf(unit).stream()
                .mapToDouble(Double::doubleValue)
                .filter(value -> value > 0)
                .min()
                .orElse(1);
    }

    private void bars(Step step) {
        for (Figure figure : step.figures()) {
            if (!isDrawn(figure)) {
                continue;
            }
            y += LINE;
            text(LEFT + NAMES, y, "text-anchor=\"end\"", figure.name());
            double width = figure.value() == 0 ? 0 : Math.max(1, BARS * share(figure));
            body.append(String.format(
                    Locale.ROOT,
                    "<rect x=\"%d\" y=\"%.1f\" width=\"%.1f\" height=\"12\" fill=\"#0072b2\"/>\n",
                    LEFT + NAMES + 10,
                    y - 10,
                    width));
            text(LEFT + NAMES + 16 + width, y, "", Figures.text(figure));
        }
    }

    /// How long a bar is beside the longest of its unit in this scene.
    private double share(Figure figure) {
        double most = most(figure.unit());
        double least = least(figure.unit());
        return isWide(figure.unit())
                ? Math.log(2 * figure.value() / least) / Math.log(2 * most / least)
                : figure.value() / most;
    }

    private void text(double x, double baseline, String attributes, String text) {
        body.append(String.format(
                Locale.ROOT, "<text x=\"%.1f\" y=\"%.1f\" %s>%s</text>\n", x, baseline, attributes, escaped(text)));
    }

    private static String escaped(String text) {
        return Texts.printable(text)
                .replace("&", "&amp;")
                .replace("<", "&lt;")
                .replace(">", "&gt;")
                .replace("\"", "&quot;");
    }
}
