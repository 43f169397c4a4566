package malloc4j.cli.map;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import malloc4j.cli.CliException;
import malloc4j.cli.Page;
import malloc4j.cli.Target;
import malloc4j.cli.WatchedCommand;
import malloc4j.cli.picture.LayoutPicture;
import malloc4j.cli.picture.MapPicture;
import malloc4j.cli.picture.MapSvg;
import malloc4j.cli.space.ProcessMap;
import malloc4j.process.UnreadableCoreException;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/// `malloc4j map`: a process's number in, or its core, a map of its addresses out.
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
            "A JVM that keeps books of its own is asked for them, as who does. Of a core, owners are known as far as files,"
                    + " malloc4j and glibc tell; what was resident it does not say.",
        })
public final class MapCommand extends WatchedCommand<ProcessMap> {
    @Parameters(
            paramLabel = "PID|CORE",
            arity = "0..1",
            converter = Target.Converter.class,
            description = "The process, or self, or the core file of one that has died. Default: the process of this"
                    + " command.")
    private @Nullable Target target;

    @Option(names = "--svg", paramLabel = "FILE", description = "Write the map as a picture too, every range to scale.")
    private @Nullable Path svg;

    @Option(
            names = {"--outside", "--no-attach"},
            description = "Ask the process nothing: look from outside alone.")
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

    @Override
    protected @Nullable Long pid() {
        return target == null ? null : (Long) target.pid();
    }

    @Override
    protected ProcessMap read() {
        return target != null && target.isCore() ? readCore(target) : super.read();
    }

    private ProcessMap readCore(Target core) {
        checkFile();
        try {
            return drawn(ProcessMap.ofCore(core.core()));
        } catch (UnreadableCoreException broken) {
            throw CliException.problem(core + ": " + broken.getMessage());
        } catch (IOException unreadable) {
            throw CliException.cannot(core + ": cannot be read: " + unreadable.getMessage());
        }
    }

    @Override
    public Integer call() throws IOException {
        if (target != null && target.isCore() && isWatching()) {
            throw wrongUsage("--watch is for a process, and " + target + " is a core file: it stays as it is");
        }
        return super.call();
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
