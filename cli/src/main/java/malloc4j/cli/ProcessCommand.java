package malloc4j.cli;

import malloc4j.process.UnreadableProcessException;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Parameters;

/// A [ReportCommand] about one process: the one whose number is given, or its own.
///
/// @param <T> what is read of it
public abstract class ProcessCommand<T> extends ReportCommand<T> {
    @Parameters(
            paramLabel = "PID",
            arity = "0..1",
            converter = ProcessNumber.class,
            description = "The process, or self. Default: the one of this command.")
    private @Nullable Long pid;

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
}
