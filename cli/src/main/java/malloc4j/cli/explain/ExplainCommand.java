package malloc4j.cli.explain;

import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import malloc4j.HeapOptions;
import malloc4j.cli.Page;
import malloc4j.cli.ReportCommand;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/// `malloc4j explain`: what a dead JVM has left in, whose block it had touched out; or a size in, the way of a request
/// out.
@Command(
        name = "explain",
        description = {
            "Says which guarded block a JVM has died of, when native code touched one that was freed, or a byte beside"
                    + " one. Or, given a size, which way a request of so many bytes goes: which block it gets, what is lost"
                    + " by rounding, which system calls that takes, and why.",
            "",
            "A heap guards blocks with -Dmalloc4j.guardEvery=N, and keeps a file of them (option guardFile) that is left"
                    + " when the JVM dies.",
        },
        footer = {
            "",
            "Of a core file the headers and notes are read alone. A JVM aborts when it dies: where its core has no address,"
                    + " that of the hs_err log beside it counts. In JSON, stacks are innermost first.",
        })
public final class ExplainCommand extends ReportCommand<Explained> {
    private static final Pattern SIZE = Pattern.compile("([0-9]{1,18})(?:([KMGT])(?:i?B)?)?", Pattern.CASE_INSENSITIVE);
    private static final String UNITS = "KMGT";
    private static final int UNIT_SHIFT = 10;

    @Parameters(
            paramLabel = "FILE|SIZE",
            description =
                    "What HotSpot has left, hs_err_pid*.log, or a core file. Or a size, such as 100 or 64K; of a file"
                            + " that is called so, ./64K.")
    @SuppressWarnings("NullAway.Init") // set by picocli
    private String file;

    @Option(
            names = "--guards",
            paramLabel = "FILE",
            description = "The file of guarded blocks. Default: where the process kept it, as far as its arguments are"
                    + " told, or in /tmp, or beside FILE.")
    private @Nullable String guards;

    @Option(
            names = "--heap",
            paramLabel = "KEY=VALUE",
            description = "Of a SIZE: an option of the heap, such as source=brk; docs/heap-options.md has them all.")
    private Map<String, String> heap = Map.of();

    @Override
    protected Explained read() {
        Matcher size = SIZE.matcher(file);
        if (!size.matches()) {
            if (!heap.isEmpty()) {
                throw wrongUsage("--heap is for a size, and " + file + " is none");
            }
            return readFile();
        }
        if (guards != null) {
            throw wrongUsage("--guards is for a file, and " + file + " is a size");
        }
        return Route.of(byteSize(size), options());
    }

    private long byteSize(Matcher size) {
        String unit = size.group(2);
        int shift = unit == null ? 0 : UNIT_SHIFT * (1 + UNITS.indexOf(unit.toUpperCase(Locale.ROOT)));
        long count = Long.parseLong(size.group(1));
        if (count > Long.MAX_VALUE >> shift) {
            throw wrongUsage(file + ": no size is so large");
        }
        return count << shift;
    }

    private HeapOptions options() {
        HeapOptions.Builder options = HeapOptions.builder().name("explained");
        try {
            heap.forEach(options::option);
            return options.build();
        } catch (IllegalArgumentException wrong) {
            throw wrongUsage("--heap: " + wrong.getMessage());
        }
    }

    private Explanation readFile() {
        Path path = CrashFile.path(file);
        Crash crash = CrashFile.read(path);
        return guards == null
                ? Explanation.of(crash, new GuardFileSearch(path, crash))
                : Explanation.of(crash, GuardTable.read(CrashFile.path(guards)));
    }

    @Override
    protected Object document(Explained explained) {
        return explained.document();
    }

    @Override
    protected void render(Explained explained, Page page) {
        explained.render(page);
    }
}
