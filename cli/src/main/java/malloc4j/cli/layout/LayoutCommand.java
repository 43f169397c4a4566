package malloc4j.cli.layout;

import io.avaje.jsonb.Jsonb;
import java.io.PrintWriter;
import java.util.concurrent.Callable;
import malloc4j.cli.CliException;
import malloc4j.cli.ProcessNumber;
import malloc4j.cli.Terminal;
import malloc4j.linux.AddressSpace;
import malloc4j.linux.SystemCallException;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/// `malloc4j layout`: a process's number in, its layout out.
@Command(
        name = "layout",
        description = {
            "Draws the memory of a process: what lies where, whose it is, and how much of it is in memory.",
            "",
            "The highest addresses are at the top. First come the zones and the gaps between them, then every range with"
                    + " one owner, then what each kind of owner has.",
        },
        footer = {
            "",
            "Of a JVM, the Java heap, code cache, metaspace and stacks are told apart, in JDK 17 and newer. That, and the"
                    + " stacks of other threads, needs the right to trace the process: the same user, and no"
                    + " kernel.yama.ptrace_scope against it. What nobody tells the owner of is anonymous.",
            "",
            "resident is what is in memory, proportional counts a page shared by n processes as one n-th, dirty has"
                    + " been written to. In JSON, addresses are hexadecimal text, and figures of an area that are 0 are"
                    + " left out.",
        })
public final class LayoutCommand implements Callable<Integer> {
    private static final String NO_SUCH_PROCESS = "ENOENT";
    private static final String ENDED = "ESRCH";

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
        AddressSpace space = read();
        PrintWriter out = spec.commandLine().getOut();
        if (json) {
            out.println(Jsonb.instance().type(LayoutReport.class).toJsonPretty(LayoutReport.of(space)));
        } else {
            print(space, out);
        }
        out.flush();
        return 0;
    }

    private AddressSpace read() {
        Long number = pid;
        try {
            return number == null ? AddressSpace.ofThisProcess() : AddressSpace.of(number);
        } catch (IllegalArgumentException wrong) {
            throw new ParameterException(spec.commandLine(), String.valueOf(wrong.getMessage()));
        } catch (SystemCallException refused) {
            boolean isGone = refused.errnoName().equals(NO_SUCH_PROCESS)
                    || refused.errnoName().equals(ENDED);
            if (isGone && number != null) {
                throw new ParameterException(spec.commandLine(), "process " + number + ": " + refused.advice());
            }
            throw CliException.cannot(String.valueOf(refused.getMessage()));
        }
    }

    private static void print(AddressSpace space, PrintWriter out) {
        int columns = Terminal.columns();
        out.println(Terminal.fitted(space.toString(), columns));
        if (space.mappings().isEmpty()) {
            out.println();
            out.println(Terminal.fitted(
                    "It has no memory of its own: a kernel thread, or a process that has ended.", columns));
            return;
        }
        out.println();
        out.print(space.drawing(columns));
        out.println();
        out.print(space.table(columns));
        out.println();
        out.print(space.sumsTable(columns));
        if (!space.notes().isEmpty()) {
            out.println();
            space.notes().forEach(note -> out.println(Terminal.fitted(note, columns)));
        }
    }
}
