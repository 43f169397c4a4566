package malloc4j.cli.serve;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import malloc4j.cli.attach.agent.Agent;
import org.jspecify.annotations.Nullable;

/// How much time of a processor the agent has taken in the process that is watched, as the kernel tells from outside.
///
/// @source [proc_pid_task(5)](https://man7.org/linux/man-pages/man5/proc_pid_task.5.html)
final class AgentTime {
    private final Path tasks;
    private @Nullable Path schedstat;

    AgentTime(long pid) {
        tasks = Path.of("/proc", Long.toString(pid), "task");
    }

    /// So far; 0 where the kernel does not tell. The first figure of `schedstat` is nanoseconds on a processor.
    long nanos() {
        Path file = schedstat == null ? find() : schedstat;
        if (file == null) {
            return 0;
        }
        schedstat = file;
        try {
            String figures = Files.readString(file, StandardCharsets.US_ASCII);
            return Long.parseLong(figures.substring(0, figures.indexOf(' ')));
        } catch (IOException | IndexOutOfBoundsException | NumberFormatException unknown) {
            return 0;
        }
    }

    private @Nullable Path find() {
        try (DirectoryStream<Path> threads = Files.newDirectoryStream(tasks)) {
            for (Path thread : threads) {
                if (Files.readString(thread.resolve("comm"), StandardCharsets.ISO_8859_1)
                        .strip()
                        .equals(Agent.THREAD)) {
                    return thread.resolve("schedstat");
                }
            }
        } catch (IOException unreadable) {
            // it is not known then
        }
        return null;
    }
}
