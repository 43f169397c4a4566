package malloc4j.cli.explain;

import java.nio.file.Path;
import malloc4j.cli.Page;
import malloc4j.cli.ReportCommand;
import malloc4j.cli.picture.CallPicture;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/// `malloc4j explain`: what a dead JVM has left in, whose block it had touched out.
@Command(
        name = "explain",
        description = {
            "Says which guarded block a JVM has died of, when native code touched one that was freed, or a byte beside"
                    + " one.",
            "",
            "A heap guards blocks with -Dmalloc4j.guardEvery=N, and keeps a file of them (option guardFile) that is left"
                    + " when the JVM dies.",
        },
        footer = {
            "",
            "Of a core file the headers and notes are read alone. A JVM aborts when it dies: where its core has no address,"
                    + " that of the hs_err log beside it counts. In JSON, stacks are innermost first.",
        })
public final class ExplainCommand extends ReportCommand<Explanation> {
    private static final String NUMBER = "[0-9]+";

    @Parameters(paramLabel = "FILE", description = "What HotSpot has left, hs_err_pid*.log, or a core file.")
    @SuppressWarnings("NullAway.Init") // set by picocli
    private String file;

    @Option(
            names = "--guards",
            paramLabel = "FILE",
            description = "The file of guarded blocks. Default: where the process kept it, as far as its arguments are"
                    + " told, or in /tmp, or beside FILE.")
    private @Nullable String guards;

    @Override
    protected Explanation read() {
        if (file.matches(NUMBER)) {
            throw wrongUsage(
                    file + " is a number: name an hs_err log or a core file, ./" + file + " where it is called so");
        }
        Path path = CrashFile.path(file);
        Crash crash = CrashFile.read(path);
        return guards == null
                ? Explanation.of(crash, new GuardFileSearch(path, crash))
                : Explanation.of(crash, GuardTable.read(CrashFile.path(guards)));
    }

    @Override
    protected Object document(Explanation explanation) {
        return ExplainReport.of(explanation);
    }

    @Override
    protected void render(Explanation explanation, Page page) {
        page.line(CallPicture.sentence(explanation.verdict()));
        GuardTable.Block block = explanation.block();
        GuardTable table = explanation.table();
        if (block == null || table == null) {
            return;
        }
        page.line(CallPicture.sentence("The block of heap '" + table.heapName() + "' is at "
                + Explanation.hex(block.address()) + ", as " + table.path() + " tells"));
        show(explanation, "allocated ", block.allocated(), page);
        GuardTable.Call freed = block.freed();
        if (freed != null) {
            show(explanation, "freed ", freed, page);
        }
    }

    private static void show(Explanation explanation, String what, GuardTable.Call call, Page page) {
        String title = what + Explanation.age(explanation.crash(), call) + " by thread '" + call.thread() + "'";
        page.block(CallPicture.of(title, call.stack(), call.isCut()));
    }
}
