package malloc4j.cli;

import java.io.IOException;
import java.time.LocalTime;
import java.time.ZoneId;
import java.time.temporal.ChronoUnit;
import malloc4j.process.UnreadableProcessException;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/// A [ReportCommand] about one process: the one whose number is given, or its own.
///
/// @param <T> what is read of it
public abstract class ProcessCommand<T> extends ReportCommand<T> {
    private static final String CLEAR_SCREEN = "\033[H\033[2J";
    private static final int MAX_SECONDS = 86_400;
    private static final int MILLIS_PER_SECOND = 1_000;

    @Parameters(
            paramLabel = "PID",
            arity = "0..1",
            converter = ProcessNumber.class,
            description = "The process, or self. Default: the one of this command.")
    private @Nullable Long pid;

    @Option(
            names = "--watch",
            paramLabel = "SECONDS",
            description = "Read and show it again every so many seconds, in JSON a line each, until the process ends.")
    private @Nullable Integer watchSeconds;

    /// Reads this process.
    protected abstract T readOwn();

    /// Reads another process.
    protected abstract T readOther(long number);

    @Override
    protected final T read() {
        Long number = pid;
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
        Long number = pid;
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
