package malloc4j.cli.child;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/// Aligned columns for people: the first ones to the left, the others, which are figures, to the right.
public final class TextTable {
    private final int textColumns;
    private final List<String[]> lines = new ArrayList<>();

    /// @param textColumns how many columns are text
    /// @param header lines of equal length; a figure that may be followed by a mark leaves room for it here
    public TextTable(int textColumns, String[]... header) {
        this.textColumns = textColumns;
        lines.addAll(Arrays.asList(header));
    }

    public void add(String... cells) {
        lines.add(cells);
    }

    public String render() {
        int columns = lines.getFirst().length;
        int[] widths = new int[columns];
        for (String[] line : lines) {
            for (int column = 0; column < columns; column++) {
                widths[column] = Math.max(widths[column], line[column].length());
            }
        }
        var text = new StringBuilder();
        for (String[] line : lines) {
            var row = new StringBuilder();
            for (int column = 0; column < columns; column++) {
                String pad = " ".repeat(widths[column] - line[column].length());
                row.append(column == 0 ? "" : "  ");
                row.append(column < textColumns ? line[column] + pad : pad + line[column]);
            }
            text.append(row.toString().stripTrailing()).append('\n');
        }
        return text.toString();
    }
}
