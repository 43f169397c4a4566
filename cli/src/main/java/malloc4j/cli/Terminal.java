package malloc4j.cli;

import java.io.Console;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/// The terminal that a command writes to, as far as the environment tells.
public final class Terminal {
    private static final int WIDE = Integer.MAX_VALUE;
    private static final int INDENT = 4;
    private static final int MIN_COLUMNS = 40;

    private Terminal() {}

    /// How many letters a line has room for: what `COLUMNS` says, else any number.
    public static int columns() {
        return columns(System.getenv("COLUMNS"));
    }

    /// Whether both standard input and standard output are a terminal.
    @SuppressWarnings("SystemConsoleNull") // the JDK's own providers differ on whether it can be null
    public static boolean isInteractive() {
        Console console = System.console();
        return console != null && console.isTerminal();
    }

    static int columns(@Nullable String told) {
        try {
            int columns = told == null ? WIDE : Integer.parseInt(told.strip());
            return columns > 0 ? Math.max(MIN_COLUMNS, columns) : WIDE; // 0 is what a terminal says that does not know
        } catch (NumberFormatException unknown) {
            return WIDE;
        }
    }

    /// A line of text, broken at blanks so that it fits.
    public static String fitted(String line, int columns) {
        StringBuilder text = new StringBuilder();
        String rest = line;
        int room = columns;
        while (rest.length() > room) {
            int blank = rest.lastIndexOf(' ', room);
            int end = blank > 0 ? blank : room;
            text.append(rest, 0, end).append(String.format(Locale.ROOT, "%n%s", " ".repeat(INDENT)));
            rest = rest.substring(blank > 0 ? end + 1 : end);
            room = columns - INDENT;
        }
        return text.append(rest).toString();
    }
}
