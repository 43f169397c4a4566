package malloc4j.cli.serve;

import java.io.IOException;
import java.io.PrintWriter;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import malloc4j.cli.CliException;
import malloc4j.cli.ProcessNumber;
import malloc4j.cli.attach.AttachedJvm;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/// `malloc4j serve`: a running process's number in, a page that shows what its heaps do out.
@Command(
        name = "serve",
        description = {
            "Shows what the malloc4j heaps of a running Java program hold and do, on a page for a browser of this machine."
                    + " Prints the page's address, and serves it until this command is ended.",
        },
        footer = {
            "",
            "The address ends in a token, which the buttons that change the program need; whoever has none can only look."
                    + " The program is asked only while somebody looks. Attaches to the process as sites does.",
        })
public final class ServeCommand implements Callable<Integer> {
    private static final int MAX_PORT = 65_535;
    private static final int MAX_SECONDS = 20;

    @Spec
    @SuppressWarnings("NullAway.Init") // set by picocli
    private CommandSpec spec;

    @Parameters(paramLabel = "PID", converter = ProcessNumber.class, description = "The process.")
    private long pid;

    @Option(
            names = "--port",
            paramLabel = "N",
            description = "Where to serve, on 127.0.0.1. Default: any port that is free.")
    private int port;

    @Option(
            names = "--interval",
            paramLabel = "SECONDS",
            description = "How long between two looks. Default: ${DEFAULT-VALUE}.")
    private int seconds = 2;

    @Override
    public Integer call() throws IOException, InterruptedException {
        check("--port", port, 0, MAX_PORT);
        check("--interval", seconds, 1, MAX_SECONDS);
        PrintWriter out = spec.commandLine().getOut();
        try (AttachedJvm jvm = AttachedJvm.attach(pid)) {
            var observer = new Observer(pid, program(), jvm);
            var ticker = new Ticker(observer, TimeUnit.SECONDS.toNanos(seconds));
            observer.requireHeaps();
            Thread looking =
                    Thread.ofPlatform().name("malloc4j-ticker").daemon().start(ticker);
            try (PageServer server = start(observer, ticker)) {
                out.println(server.address());
                out.flush();
                looking.join(); // until the process ends
                spec.commandLine().getErr().println("malloc4j: " + ticker.why() + "; what was seen last stays here");
                spec.commandLine().getErr().flush();
                Thread.currentThread().join(); // until this command is ended
            } finally {
                looking.interrupt();
            }
        }
        return 0;
    }

    private PageServer start(Observer observer, Ticker ticker) {
        try {
            return PageServer.start(port, observer, ticker);
        } catch (IOException refused) {
            throw CliException.cannot("port " + port + " of 127.0.0.1: " + refused.getMessage());
        }
    }

    private String program() {
        return ProcessHandle.of(pid)
                .flatMap(process -> process.info().commandLine())
                .orElse("");
    }

    private void check(String option, int value, int min, int max) {
        if (value < min || value > max) {
            throw new ParameterException(
                    spec.commandLine(), option + " must be from " + min + " to " + max + ", not " + value);
        }
    }
}
