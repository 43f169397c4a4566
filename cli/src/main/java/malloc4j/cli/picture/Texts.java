package malloc4j.cli.picture;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/// Text for people: sizes, and tables whose columns line up.
public final class Texts {
    private static final String[] UNITS = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    private static final double ROUND_FROM = 99.95; // three digits are enough to read
    private static final double ROUND_UP_FROM = 1023.5; // would read as 1024

    /// Columns of a terminal that has room for every line.
    static final int WIDE = Integer.MAX_VALUE;

    private static final int MIN_COLUMNS = 20;

    private Texts() {}

    /// `132 KiB`, `1.4 MiB`, `-` for 0. The size is unsigned.
    public static String size(long byteSize) {
        if (byteSize == 0) {
            return "-";
        }
        double value = byteSize >= 0 ? byteSize : (double) (byteSize >>> 1) * 2;
        int unit = 0;
        while (value >= ROUND_UP_FROM && unit < UNITS.length - 1) {
            value /= 1024;
            unit++;
        }
        double tenths = Math.rint(value * 10);
        boolean isWhole = value >= ROUND_FROM || tenths % 10 == 0;
        return String.format(Locale.ROOT, isWhole ? "%.0f %s" : "%.1f %s", value, UNITS[unit]);
    }

    /// An address as the kernel writes it in `/proc/PID/maps`.
    public static String hex(long address) {
        return String.format(Locale.ROOT, "%012x", address);
    }

    /// A name as the terminal may show it: letters that would steer it are `?`.
    public static String printable(String name) {
        return name.replaceAll("[\\p{Cc}\\p{Cf}]", "?");
    }

    /// Rows whose columns line up. A column whose heading begins with a blank has figures, which go to the right.
    static final class Table {
        private final boolean[] isRight;
        private final List<String[]> rows = new ArrayList<>();

        Table(String... headings) {
            isRight = new boolean[headings.length];
            String[] names = new String[headings.length];
            for (int column = 0; column < headings.length; column++) {
                isRight[column] = headings[column].startsWith(" ");
                names[column] = headings[column].strip();
            }
            rows.add(names);
        }

        void add(String... cells) {
            rows.add(cells);
        }

        /// A row of one cell, which is written as it is.
        void addLine(String line) {
            rows.add(new String[] {line});
        }

        @Override
        public String toString() {
            return toString(WIDE);
        }

        /// The table in lines of at most `columns` letters. A row that is longer goes on in further lines, cell by cell
        /// and each in its own column, and a cell that is still longer word by word.
        String toString(int columns) {
            int[] widths = new int[isRight.length];
            for (String[] row : rows) {
                for (int column = 0; row.length > 1 && column < row.length; column++) {
                    widths[column] = Math.max(widths[column], row[column].length());
                }
            }
            StringBuilder text = new StringBuilder();
            for (String[] row : rows) {
                Lines lines = new Lines(text, columns);
                for (int column = 0; column < row.length; column++) {
                    String pad = " ".repeat(Math.max(0, widths[column] - row[column].length()));
                    lines.add(isRight[column] ? pad + row[column] : row[column] + pad, row[column].length());
                }
                lines.end();
            }
            return text.toString();
        }
    }

    /// Lines of a text, of at most so many letters.
    private static final class Lines {
        private static final int INDENT = 4;
        private static final String BETWEEN = "  ";

        private final StringBuilder text;
        private final int columns;
        private final StringBuilder line = new StringBuilder();
        private boolean isEmpty = true;

        Lines(StringBuilder text, int columns) {
            this.text = text;
            this.columns = Math.max(columns, MIN_COLUMNS);
        }

        /// Adds a cell, of whose letters the blanks at the end may be left out.
        void add(String cell, int letters) {
            if (letters == 0 && cell.isBlank()) {
                line.append(isEmpty ? "" : BETWEEN).append(cell);
                isEmpty = false;
                return;
            }
            if (!isEmpty
                    && line.length() + BETWEEN.length() + cell.stripTrailing().length() > columns) {
                newLine();
            }
            line.append(isEmpty ? "" : BETWEEN).append(cell);
            isEmpty = false;
            while (line.toString().stripTrailing().length() > columns) {
                breakLine();
            }
        }

        /// Ends the line at its last blank that fits, or where there is none, in a word.
        private void breakLine() {
            String whole = line.toString().stripTrailing();
            int at = whole.lastIndexOf(' ', columns);
            boolean hasBlank = at > 0 && !whole.substring(0, at).isBlank();
            line.setLength(hasBlank ? at : columns);
            newLine();
            line.append(whole.substring(hasBlank ? at + 1 : columns));
            isEmpty = false;
        }

        private void newLine() {
            text.append(line.toString().stripTrailing()).append('\n');
            line.setLength(0);
            line.append(" ".repeat(INDENT));
            isEmpty = true;
        }

        void end() {
            text.append(line.toString().stripTrailing()).append('\n');
        }
    }

    /// Text in lines of at most `columns` letters, broken at blanks where that can be; further lines are indented.
    public static String wrapped(String text, int columns) {
        StringBuilder wrapped = new StringBuilder();
        for (String line : text.split("\n", -1)) {
            Lines lines = new Lines(wrapped, columns);
            lines.add(line, line.length());
            lines.end();
        }
        return wrapped.substring(0, wrapped.length() - 1);
    }
}
