package malloc4j.cli;

import java.io.IOException;
import java.time.LocalTime;
import java.time.ZoneId;
import java.time.temporal.ChronoUnit;
import malloc4j.process.UnreadableProcessException;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/// A [ReportCommand] about one process, which it may read again and again.
///
/// @param <T> what is read of it
public abstract class WatchedCommand<T> extends ReportCommand<T> {
    private static final String CLEAR_SCREEN = "\033[H\033[2J";
    private static final int MAX_SECONDS = 86_400;
    private static final int MILLIS_PER_SECOND = 1_000;

    @Option(
            names = "--watch",
            paramLabel = "SECONDS",
            description = "Read and show it again every so many seconds, in JSON a line each, until the process ends.")
    private @Nullable Integer watchSeconds;

    /// The number of the process, null for this one.
    protected abstract @Nullable Long pid();

    /// Reads this process.
    protected abstract T readOwn();

    /// Reads another process.
    protected abstract T readOther(long number);

    @Override
    protected T read() {
        Long number = pid();
        try {
            return number == null ? readOwn() : readOther(number);
        } catch (IllegalArgumentException wrong) {
            throw wrongUsage(String.valueOf(wrong.getMessage()));
        } catch (UnreadableProcessException unreadable) {
            if (unreadable.isGone() && number != null) {
                throw wrongUsage("process " + number + ": " + unreadable.advice());
            }
            throw CliException.cannot(String.valueOf(unreadable.getMessage()));
        }
    }

    /// Whether it is read more than once.
    protected final boolean isWatching() {
        return watchSeconds != null;
    }

    @Override
    public Integer call() throws IOException {
        Integer seconds = watchSeconds;
        if (seconds == null) {
            return super.call();
        }
        if (seconds < 1 || seconds > MAX_SECONDS) {
            throw wrongUsage("--watch must be from 1 to " + MAX_SECONDS + ", not " + seconds);
        }
        showNext(read());
        while (true) {
            pause(seconds);
            T next = readAgain();
            if (isText()) {
                separate();
            }
            showNext(next);
        }
    }

    /// On a terminal each reading takes the place of the one before.
    private void separate() {
        if (Terminal.isInteractive()) {
            page().block(CLEAR_SCREEN);
        } else {
            page().blankLine()
                    .line("--- " + LocalTime.now(ZoneId.systemDefault()).truncatedTo(ChronoUnit.SECONDS));
        }
    }

    private static void pause(int seconds) {
        try {
            Thread.sleep((long) seconds * MILLIS_PER_SECOND);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw CliException.cannot("interrupted");
        }
    }

    /// Reads a process that was there the last time.
    private T readAgain() {
        Long number = pid();
        try {
            return number == null ? readOwn() : readOther(number);
        } catch (UnreadableProcessException unreadable) {
            throw CliException.cannot(
                    unreadable.isGone()
                            ? "process " + number + " has ended meanwhile"
                            : String.valueOf(unreadable.getMessage()));
        }
    }
}
