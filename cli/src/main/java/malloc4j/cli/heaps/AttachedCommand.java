package malloc4j.cli.heaps;

import malloc4j.cli.ProcessNumber;
import malloc4j.cli.attach.AttachedJvm;
import malloc4j.cli.attach.HeapsAgent;
import picocli.CommandLine.Parameters;

/// A command about the heaps of one running program, which it attaches to once.
///
/// @param <T> what one look gives
abstract class AttachedCommand<T> extends HeapsCommand<T> {
    @Parameters(paramLabel = "PID", converter = ProcessNumber.class, description = "The process.")
    private long pid;

    /// Looks once.
    protected abstract T look(HeapsAgent heaps);

    @Override
    protected final long pid() {
        return pid;
    }

    @Override
    protected final View<T> open() {
        return new AgentView<>(AttachedJvm.attach(pid), this::look);
    }
}
