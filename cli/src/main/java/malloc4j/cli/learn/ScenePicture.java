package malloc4j.cli.learn;

import java.util.List;
import java.util.Locale;
import malloc4j.cli.Terminal;
import malloc4j.cli.learn.ScenePlayed.Figure;
import malloc4j.cli.learn.ScenePlayed.Piece;
import malloc4j.cli.learn.ScenePlayed.Step;
import malloc4j.cli.picture.Texts;

/// A scene that was played, for people at a terminal: the verdict, then step by step what was done, the figures, a
/// strip of addresses, and the claim with what came of it.
///
/// ```
///   2. The 320 blocks are freed; the small one stays.
///      brk heap now   31.6 MiB
///      |======oooooooooooooooo#oo|
///      = 55d6f6a0b000   132 KiB  older blocks
///      ...
///      "The break cannot be lowered below a block in use."
///      It holds here.
/// ```
final class ScenePicture {
    static final int MAX_COLUMNS = 80;

    private static final String INDENT = "   ";

    private final int columns;
    private final StringBuilder text = new StringBuilder();

    private ScenePicture(int columns) {
        this.columns = columns;
    }

    /// The picture, in lines of at most `columns` letters.
    static String of(ScenePlayed scene, int columns) {
        ScenePicture picture = new ScenePicture(Math.min(columns, MAX_COLUMNS));
        picture.draw(scene);
        return picture.text.toString();
    }

    private void draw(ScenePlayed scene) {
        line("", scene.title() + ". " + scene.verdict());
        int number = 0;
        for (Step step : scene.steps()) {
            text.append('\n');
            line("", ++number + ". " + step.text());
            figures(step.figures());
            List<Piece> strip = step.strip();
            if (strip != null && !strip.isEmpty()) {
                bar(StripAxis.of(scene, strip), strip);
                legend(strip);
            }
            claim(step);
        }
        text.append('\n');
        line("", "Of this tell: " + scene.source() + ".");
        line("", scene.playedOn() + ".");
    }

    private void figures(List<Figure> figures) {
        int names = figures.stream()
                .mapToInt(figure -> figure.name().length())
                .max()
                .orElse(0);
        int values = figures.stream()
                .map(Figures::text)
                .mapToInt(String::length)
                .max()
                .orElse(0);
        boolean isWide = INDENT.length() + names + 2 + values <= columns;
        for (Figure figure : figures) {
            line(
                    INDENT,
                    isWide
                            ? String.format(
                                    Locale.ROOT,
                                    "%-" + names + "s  %" + values + "s",
                                    figure.name(),
                                    Figures.text(figure))
                            : figure.name() + ": " + Figures.text(figure));
        }
    }

    private void bar(StripAxis axis, List<Piece> strip) {
        int width = columns - INDENT.length() - 2;
        StringBuilder bar = new StringBuilder(" ".repeat(width));
        for (Piece piece : strip) {
            int from = (int) Math.round(axis.at(piece.from(), width));
            int to = Math.max(from + 1, (int) Math.round(axis.at(piece.to(), width)));
            char letter = StripKind.named(piece.kind()).letter();
            for (int at = from; at < Math.min(to, width); at++) {
                bar.setCharAt(at, letter);
            }
        }
        text.append(INDENT).append('|').append(bar).append("|\n");
    }

    private void legend(List<Piece> strip) {
        for (Piece piece : strip) {
            line(
                    INDENT,
                    String.format(
                            Locale.ROOT,
                            "%c %s %8s  %s",
                            StripKind.named(piece.kind()).letter(),
                            Texts.hex(piece.from()),
                            Texts.size(piece.byteSize()),
                            piece.label()));
        }
    }

    private void claim(Step step) {
        String claim = step.claim();
        if (claim != null) {
            line(INDENT, "\"" + claim + "\"");
        }
        Boolean holds = step.holds();
        if (holds != null) {
            line(INDENT, holds ? "It holds here." : "IT DOES NOT HOLD HERE.");
        } else if (step.reason() != null) {
            line(INDENT, "It cannot be shown here: " + step.reason());
        }
    }

    private void line(String indent, String sentence) {
        for (String part : Terminal.fitted(Texts.printable(sentence), columns - indent.length())
                .split("\n", -1)) {
            text.append((indent + part).stripTrailing()).append('\n');
        }
    }
}
