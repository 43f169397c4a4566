package malloc4j.cli.serve;

import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import malloc4j.cli.CliException;
import malloc4j.cli.ProcessNumber;
import malloc4j.cli.attach.AttachedJvm;
import malloc4j.cli.playground.Playground;
import org.jspecify.annotations.Nullable;
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
            "",
            "Without a PID it starts a program with a heap to play with: blocks are allocated, touched and freed on the"
                    + " page. It ends with this command.",
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

    @Parameters(
            paramLabel = "PID",
            arity = "0..1",
            converter = ProcessNumber.class,
            description = "The process. Default: one to play with.")
    private @Nullable Long pid;

    @Option(
            names = "--open",
            paramLabel = "FILE",
            description = "Show what a page has saved, and no process: it may be gone.")
    private @Nullable Path saved;

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
        if (saved != null) {
            if (pid != null) {
                throw new ParameterException(spec.commandLine(), "--open shows a file, and takes no PID");
            }
            serveSaved(SavedLook.read(saved));
        } else if (pid != null) {
            serveProcess(pid, program(pid), kind(PageKind.PROCESS));
        } else {
            try (Playground playground = Playground.start()) {
                Thread ending = new Thread(playground::close);
                Runtime.getRuntime().addShutdownHook(ending);
                Routes routes = PlaygroundRoutes.addTo(kind(PageKind.PLAYGROUND), playground);
                serveProcess(playground.pid(), "the playground", routes);
            }
        }
        return 0;
    }

    private static Routes kind(PageKind kind) {
        return new Routes().get("/page.json", reply -> reply.json(kind));
    }

    private void serveSaved(SavedLook look) throws InterruptedException {
        try (PageServer server = start(SavedRoutes.addTo(kind(PageKind.SAVED), look))) {
            say(server);
            Thread.currentThread().join(); // until this command is ended
        }
    }

    private void serveProcess(long process, String program, Routes routes) throws InterruptedException {
        try (AttachedJvm jvm = AttachedJvm.attach(process)) {
            var observer = new Observer(process, program, jvm);
            var ticker = new Ticker(observer, TimeUnit.SECONDS.toNanos(seconds));
            ticker.look(); // so that the page has something to show at once
            Thread looking =
                    Thread.ofPlatform().name("malloc4j-ticker").daemon().start(ticker);
            try (PageServer server = start(SceneRoutes.addTo(LiveRoutes.addTo(routes, observer, ticker)))) {
                say(server);
                looking.join(); // until the process ends
                spec.commandLine().getErr().println("malloc4j: " + ticker.why() + "; what was seen last stays here");
                spec.commandLine().getErr().flush();
                Thread.currentThread().join(); // until this command is ended
            } finally {
                looking.interrupt();
            }
        }
    }

    private void say(PageServer server) {
        spec.commandLine().getOut().println(server.address());
        spec.commandLine().getOut().flush();
        spec.commandLine()
                .getErr()
                .println(
                        "malloc4j: for a browser on this machine; Ctrl-C ends the page and leaves the process as it was");
        spec.commandLine().getErr().flush();
    }

    private PageServer start(Routes routes) {
        try {
            return PageServer.start(port, routes);
        } catch (IOException refused) {
            throw CliException.cannot("port " + port + " of 127.0.0.1: " + refused.getMessage());
        }
    }

    private static String program(long process) {
        return ProcessHandle.of(process)
                .flatMap(found -> found.info().commandLine())
                .orElse("");
    }

    private void check(String option, int value, int min, int max) {
        if (value < min || value > max) {
            throw new ParameterException(
                    spec.commandLine(), option + " must be from " + min + " to " + max + ", not " + value);
        }
    }
}
