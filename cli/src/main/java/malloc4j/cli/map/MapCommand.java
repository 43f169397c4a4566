package malloc4j.cli.map;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import malloc4j.cli.CliException;
import malloc4j.cli.Page;
import malloc4j.cli.ProcessCommand;
import malloc4j.cli.picture.LayoutPicture;
import malloc4j.cli.picture.MapPicture;
import malloc4j.cli.picture.MapSvg;
import malloc4j.cli.space.ProcessMap;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/// `malloc4j map`: a process's number in, a map of its addresses out.
@Command(
        name = "map",
        description = {
            "Draws a map of the addresses of a process, from the stack down to the program's text: where the brk heap and the"
                    + " mmap zone are, who has what, where guards are, and how many mappings there are of those that there may"
                    + " be.",
        },
        footer = {
            "",
            "Works for any process. layout has each range on a line of its own; who sorts by what is in memory.",
            "",
            "A JVM is asked what it knows better itself, as who does.",
        })
public final class MapCommand extends ProcessCommand<ProcessMap> {
    @Option(names = "--svg", paramLabel = "FILE", description = "Write the map as a picture too, every range to scale.")
    private @Nullable Path svg;

    @Option(names = "--no-attach", description = "Ask the process nothing: look from outside alone.")
    private boolean outside;

    @Override
    protected ProcessMap readOwn() {
        checkFile();
        return drawn(ProcessMap.ofThisProcess());
    }

    @Override
    protected ProcessMap readOther(long number) {
        checkFile();
        return drawn(ProcessMap.of(number, !outside));
    }

    private void checkFile() {
        if (svg != null) {
            Path folder = svg.toAbsolutePath().getParent();
            if (Files.isDirectory(svg) || folder == null || !Files.isDirectory(folder)) {
                throw wrongUsage(svg + ": no file can be written there");
            }
        }
    }

    private ProcessMap drawn(ProcessMap map) {
        if (svg != null) {
            try {
                Files.writeString(svg, MapSvg.of(map), StandardCharsets.UTF_8);
            } catch (IOException failed) {
                throw CliException.cannot(svg + ": cannot be written: " + failed.getMessage());
            }
        }
        return map;
    }

    @Override
    protected Object document(ProcessMap map) {
        return MapReport.of(map);
    }

    @Override
    protected void render(ProcessMap map, Page page) {
        page.line(MapPicture.verdict(map));
        if (!map.process().space().mappings().isEmpty()) {
            page.blankLine().block(LayoutPicture.drawing(map.process().space(), page.columns()));
            page.blankLine().block(MapPicture.table(map, page.columns()));
            MapPicture.sentences(map).forEach(page::line);
        }
        if (svg != null) {
            page.line("Written to " + svg + ".");
        }
    }
}
