package malloc4j.cli.heaps;

import java.io.IOException;
import java.util.concurrent.TimeUnit;
import malloc4j.cli.CliException;
import malloc4j.cli.ProcessNumber;
import malloc4j.cli.ReportCommand;
import malloc4j.cli.Terminal;
import malloc4j.cli.attach.AttachedJvm;
import malloc4j.cli.attach.HeapsAgent;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/// A command about the heaps of one running program, which it attaches to once, and looks at once or again and again.
///
/// @param <T> what one look gives
abstract class HeapsCommand<T> extends ReportCommand<T> {
    private static final int MAX_SECONDS = 20; // the agent waits somewhat longer for the next request
    private static final String CLEAR_SCREEN = "\u001b[H\u001b[2J";

    @Parameters(paramLabel = "PID", converter = ProcessNumber.class, description = "The process.")
    private @Nullable Long pid;

    @Option(
            names = "--watch",
            paramLabel = "SECONDS",
            description = "Look again every so many seconds, in JSON a line each, until the process ends.")
    private @Nullable Integer watchSeconds;

    private @Nullable HeapsAgent agent;

    /// Looks once.
    protected abstract T look(HeapsAgent heaps);

    /// How long to wait before the next look, unless the option says; null for none.
    protected @Nullable Integer defaultWatchSeconds() {
        return null;
    }

    protected final long pid() {
        Long given = pid;
        if (given == null) {
            throw wrongUsage("Missing required parameter: 'PID'");
        }
        return given;
    }

    /// Whether there is one: always, unless a command makes it optional.
    protected final boolean hasPid() {
        return pid != null;
    }

    /// Whether it is to look again and again.
    protected final boolean isWatching() {
        return watchSeconds != null;
    }

    @Override
    protected final T read() {
        HeapsAgent heaps = agent;
        if (heaps == null) {
            throw new IllegalStateException("read before it was attached");
        }
        return look(heaps);
    }

    @Override
    public Integer call() throws IOException {
        Integer seconds = watchSeconds == null ? defaultWatchSeconds() : watchSeconds;
        if (seconds != null && (seconds < 1 || seconds > MAX_SECONDS)) {
            throw wrongUsage("--watch must be from 1 to " + MAX_SECONDS + ", not " + seconds);
        }
        try (AttachedJvm jvm = AttachedJvm.attach(pid())) {
            agent = new HeapsAgent(jvm);
            if (seconds == null) {
                return super.call();
            }
            while (true) {
                T next = read();
                if (isText() && Terminal.isInteractive()) {
                    page().block(CLEAR_SCREEN);
                }
                showNext(next);
                if (jvm.endsWithin(TimeUnit.SECONDS.toMillis(seconds))) {
                    throw CliException.cannot("process " + pid() + " has ended meanwhile");
                }
            }
        }
    }
}
