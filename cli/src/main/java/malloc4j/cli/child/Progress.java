package malloc4j.cli.child;

import java.io.PrintWriter;
import malloc4j.cli.Terminal;

/// One line that says what is going on, rewritten in place; on a terminal only, nothing at all elsewhere.
public final class Progress {
    private static final String ERASE_LINE = "\r\033[K";

    private final PrintWriter out;
    private final boolean shown;

    Progress(PrintWriter out, boolean shown) {
        this.out = out;
        this.shown = shown;
    }

    /// Shown if both standard input and standard output are a terminal.
    public static Progress onTerminal(PrintWriter out) {
        return new Progress(out, Terminal.isInteractive());
    }

    public void show(String text) {
        if (shown) {
            out.print(ERASE_LINE + text);
            out.flush();
        }
    }

    public void clear() {
        show("");
    }
}
