package malloc4j.cli.who;

import malloc4j.cli.Page;
import malloc4j.cli.ProcessCommand;
import malloc4j.cli.picture.PartsPicture;
import malloc4j.cli.space.ProcessSpace;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/// `malloc4j who`: a process's number in, what holds its memory out.
@Command(
        name = "who",
        description = {
            "Says what holds the memory of a process: the Java heap, metaspace, threads, malloc4j's heaps, glibc's arenas,"
                    + " libraries and the rest. The parts add up to what the kernel says is resident.",
        },
        footer = {
            "",
            "Works for any process; the parts of a JVM are told apart in JDK 17 and newer. What nobody tells the owner of is"
                    + " unknown. committed is what can hold memory, in memory or not.",
            "",
            "A JVM that runs with -XX:NativeMemoryTracking is asked for its books, as jcmd does: then direct buffers are a"
                    + " part of their own, and NMT is what the books say, of stacks with their guards. With =detail they also"
                    + " tell where the collector's tables are.",
        })
public final class WhoCommand extends ProcessCommand<ProcessSpace> {
    @Option(
            names = {"--outside", "--no-attach"},
            description = "Ask the process nothing: look from outside alone.")
    private boolean outside;

    @Override
    protected ProcessSpace readOwn() {
        return ProcessSpace.ofThisProcess();
    }

    @Override
    protected ProcessSpace readOther(long number) {
        return ProcessSpace.of(number, !outside);
    }

    @Override
    protected Object document(ProcessSpace process) {
        return WhoReport.of(process);
    }

    @Override
    protected void render(ProcessSpace process, Page page) {
        var picture = new PartsPicture(process);
        page.line(picture.verdict());
        if (process.space().mappings().isEmpty()) {
            return;
        }
        page.blankLine().block(picture.table(page.columns()));
        picture.notes().forEach(page::line);
    }
}
