package malloc4j.cli;

import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Parameters;

/// A [WatchedCommand] about the process whose number is given, or its own.
///
/// @param <T> what is read of it
public abstract class ProcessCommand<T> extends WatchedCommand<T> {
    @Parameters(
            paramLabel = "PID",
            arity = "0..1",
            converter = ProcessNumber.class,
            description = "The process, or self. Default: the one of this command.")
    private @Nullable Long pid;

    @Override
    protected final @Nullable Long pid() {
        return pid;
    }
}
