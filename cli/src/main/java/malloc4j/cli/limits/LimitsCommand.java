package malloc4j.cli.limits;

import io.avaje.jsonb.Jsonb;
import java.io.PrintWriter;
import java.util.concurrent.Callable;
import malloc4j.linux.MemoryLimits;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/// `malloc4j limits`: nothing in, what limits a process started here out.
@Command(
        name = "limits",
        description = {
            "Shows what limits the memory of a process started here: its own limits, its control group, the machine, and"
                    + " how the kernel hands out pages.",
            "",
            "What is used is that of this command's own process, of the whole control group, and of the whole machine.",
        },
        footer = {
            "",
            "A question mark stands for what this kernel does not tell, or may not be read; the line says why. In JSON"
                    + " such a value is absent and its reason is under unknown; -1 stands for no limit.",
        })
public final class LimitsCommand implements Callable<Integer> {
    @Spec
    @SuppressWarnings("NullAway.Init") // set by picocli
    private CommandSpec spec;

    @Option(names = "--json", description = "Print one JSON document instead of text.")
    private boolean json;

    @Override
    public Integer call() {
        MemoryLimits limits = MemoryLimits.read();
        PrintWriter out = spec.commandLine().getOut();
        if (json) {
            out.println(Jsonb.instance().type(LimitsReport.class).toJsonPretty(LimitsReport.of(limits)));
        } else {
            out.print(limits.table());
        }
        out.flush();
        return 0;
    }
}
