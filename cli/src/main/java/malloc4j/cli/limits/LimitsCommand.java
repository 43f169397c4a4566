package malloc4j.cli.limits;

import malloc4j.cli.Page;
import malloc4j.cli.ProcessCommand;
import malloc4j.cli.picture.LimitsPicture;
import malloc4j.process.MemoryLimits;
import picocli.CommandLine.Command;

/// `malloc4j limits`: a process's number in, or nothing, and what limits its memory out.
@Command(
        name = "limits",
        description = {
            "Shows what limits the memory of a process: its own limits, its control group, the machine, and how the kernel"
                    + " hands out pages. Without a PID, of a process started here.",
            "",
            "What is used is that of the process, which without a PID is this command's own, of the whole control group,"
                    + " and of the whole machine.",
        },
        footer = {
            "",
            "A question mark stands for what this kernel does not tell, or may not be read; the line says why. In JSON"
                    + " such a value is absent and its reason is under unknown; -1 stands for no limit.",
        })
public final class LimitsCommand extends ProcessCommand<MemoryLimits> {
    @Override
    protected MemoryLimits readOwn() {
        return MemoryLimits.read();
    }

    @Override
    protected MemoryLimits readOther(long number) {
        return MemoryLimits.of(number);
    }

    @Override
    protected Object document(MemoryLimits limits) {
        return LimitsReport.of(limits);
    }

    @Override
    protected void render(MemoryLimits limits, Page page) {
        page.block(LimitsPicture.table(limits, page.columns()));
    }
}
