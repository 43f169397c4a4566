package malloc4j.linux;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/// Text for people: sizes, and tables whose columns line up.
final class Texts {
    private static final String[] UNITS = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    private static final double ROUND_FROM = 99.95; // three digits are enough to read
    private static final double ROUND_UP_FROM = 1023.5; // would read as 1024

    private Texts() {}

    /// `132 KiB`, `1.4 MiB`, `-` for 0. The size is unsigned.
    static String size(long byteSize) {
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
    static String hex(long address) {
        return String.format(Locale.ROOT, "%012x", address);
    }

    /// A name as the terminal may show it: letters that would steer it are `?`.
    static String printable(String name) {
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
            int[] widths = new int[isRight.length];
            for (String[] row : rows) {
                for (int column = 0; row.length > 1 && column < row.length; column++) {
                    widths[column] = Math.max(widths[column], row[column].length());
                }
            }
            StringBuilder text = new StringBuilder();
            for (String[] row : rows) {
                StringBuilder line = new StringBuilder();
                for (int column = 0; column < row.length; column++) {
                    String pad = " ".repeat(Math.max(0, widths[column] - row[column].length()));
                    line.append(column == 0 ? "" : "  ");
                    line.append(isRight[column] ? pad + row[column] : row[column] + pad);
                }
                text.append(line.toString().stripTrailing()).append('\n');
            }
            return text.toString();
        }
    }
}
