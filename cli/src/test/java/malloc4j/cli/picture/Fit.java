package malloc4j.cli.picture;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.function.IntFunction;
import malloc4j.cli.space.ProcessMap;
import malloc4j.cli.space.ProcessSpace;

/// Whether pictures fit terminals of 40 and of 80 letters.
public final class Fit {
    private Fit() {}

    /// Fails if a line is longer than the terminal.
    public static void check(IntFunction<String> picture) {
        for (int columns : new int[] {40, 80}) {
            assertThat(picture.apply(columns).lines())
                    .as("%d columns", columns)
                    .isNotEmpty()
                    .allMatch(line -> line.length() <= columns, "fits");
        }
    }

    /// The table of `who`.
    public static String whoOfThisProcess(int columns) {
        return new PartsPicture(ProcessSpace.ofThisProcess()).table(columns);
    }

    /// The drawing and the table of `map`.
    public static String mapOfThisProcess(int columns) {
        ProcessMap map = ProcessMap.ofThisProcess();
        return LayoutPicture.drawing(map.process().space(), columns) + MapPicture.table(map, columns);
    }
}
