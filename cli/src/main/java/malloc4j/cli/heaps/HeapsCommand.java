package malloc4j.cli.heaps;

import java.io.IOException;
import java.util.concurrent.TimeUnit;
import malloc4j.cli.CliException;
import malloc4j.cli.ReportCommand;
import malloc4j.cli.Terminal;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/// A command about the heaps of one program, at which it looks once, or again and again.
///
/// @param <T> what one look gives
abstract class HeapsCommand<T> extends ReportCommand<T> {
    private static final int MAX_SECONDS = 20; // the agent waits somewhat longer for the next request
    private static final String CLEAR_SCREEN = "\u001b[H\u001b[2J";

    @Option(
            names = "--watch",
            paramLabel = "SECONDS",
            description = "Look again every so many seconds, in JSON a line each, until the process ends.")
    private @Nullable Integer watchSeconds;

    private @Nullable View<T> open;

    /// A way to look at a program, until it is closed.
    interface View<T> extends AutoCloseable {
        /// Looks once.
        T look();

        /// Waits, unless the process ends. Returns whether it did.
        boolean endsWithin(long millis);

        @Override
        void close();
    }

    /// Finds the way to look at the program.
    protected abstract View<T> open();

    /// How long to wait before the next look, unless the option says; null for none.
    protected @Nullable Integer defaultWatchSeconds() {
        return null;
    }

    /// The number of the process.
    protected abstract long pid();

    @Override
    protected final T read() {
        View<T> view = open;
        if (view == null) {
            throw new IllegalStateException("read before it was opened");
        }
        return view.look();
    }

    /// Whether there is to be more than one look.
    protected final boolean isWatching() {
        return watchSeconds != null;
    }

    @Override
    public Integer call() throws IOException {
        Integer seconds = watchSeconds == null ? defaultWatchSeconds() : watchSeconds;
        if (seconds != null && (seconds < 1 || seconds > MAX_SECONDS)) {
            throw wrongUsage("--watch must be from 1 to " + MAX_SECONDS + ", not " + seconds);
        }
        try (View<T> view = open()) {
            open = view;
            if (seconds == null) {
                return super.call();
            }
            while (true) {
                T next = read();
                if (isText() && Terminal.isInteractive()) {
                    page().block(CLEAR_SCREEN);
                }
                showNext(next);
                if (view.endsWithin(TimeUnit.SECONDS.toMillis(seconds))) {
                    throw CliException.cannot("process " + pid() + " has ended meanwhile");
                }
            }
        }
    }
}
