package malloc4j.cli.limits;

import io.avaje.jsonb.Jsonb;
import java.io.PrintWriter;
import java.util.concurrent.Callable;
import malloc4j.cli.ProcessNumber;
import malloc4j.cli.Terminal;
import malloc4j.linux.MemoryLimits;
import malloc4j.linux.SystemCallException;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

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
public final class LimitsCommand implements Callable<Integer> {
    @Spec
    @SuppressWarnings("NullAway.Init") // set by picocli
    private CommandSpec spec;

    @Parameters(
            paramLabel = "PID",
            arity = "0..1",
            converter = ProcessNumber.class,
            description = "The process, or self. Default: the one of this command.")
    private @Nullable Long pid;

    @Option(names = "--json", description = "Print one JSON document instead of text.")
    private boolean json;

    @Override
    public Integer call() {
        MemoryLimits limits = read();
        PrintWriter out = spec.commandLine().getOut();
        if (json) {
            out.println(Jsonb.instance().type(LimitsReport.class).toJsonPretty(LimitsReport.of(limits)));
        } else {
            out.print(limits.table(Terminal.columns()));
        }
        out.flush();
        return 0;
    }

    private MemoryLimits read() {
        Long number = pid;
        try {
            return number == null ? MemoryLimits.read() : MemoryLimits.of(number);
        } catch (IllegalArgumentException wrong) {
            throw new ParameterException(spec.commandLine(), String.valueOf(wrong.getMessage()));
        } catch (SystemCallException missing) {
            throw new ParameterException(spec.commandLine(), "process " + number + ": " + missing.advice());
        }
    }
}
