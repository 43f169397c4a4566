package malloc4j.cli;

import java.io.PrintWriter;

/// What a command shows to people, in lines that fit the terminal.
public final class Page {
    private final PrintWriter out;
    private final int columns;

    Page(PrintWriter out, int columns) {
        this.out = out;
        this.columns = columns;
    }

    /// How many letters a line has room for.
    public int columns() {
        return columns;
    }

    /// A sentence, in as many lines as it takes.
    public Page line(String sentence) {
        out.println(Terminal.fitted(sentence, columns));
        return this;
    }

    /// Lines that are made to fit already, a table or a drawing, as they are.
    public Page block(String lines) {
        out.print(lines);
        return this;
    }

    public Page blankLine() {
        out.println();
        return this;
    }

    public void flush() {
        out.flush();
    }
}
