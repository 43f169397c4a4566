package malloc4j.cli.serve;

import java.util.concurrent.TimeUnit;
import malloc4j.cli.space.ProcessMap;
import org.jspecify.annotations.Nullable;

/// Reads a process's addresses for all that watch the page, from outside: the process is asked nothing. What was read
/// is good for a second.
final class SpaceReader {
    private static final long FRESH_NANOS = TimeUnit.SECONDS.toNanos(1);

    private final long pid;
    private @Nullable ProcessMap newest;
    private long newestMillis;
    private long readNanos;

    SpaceReader(long pid) {
        this.pid = pid;
    }

    /// All of it.
    ///
    /// @throws malloc4j.process.UnreadableProcessException if it cannot be read, or is gone
    SpaceView whole() {
        synchronized (this) {
            return SpaceView.of(read(), newestMillis);
        }
    }

    /// What is between two addresses.
    SpaceView part(long from, long to) {
        synchronized (this) {
            return SpaceView.of(read(), newestMillis, from, to);
        }
    }

    private ProcessMap read() {
        ProcessMap map = newest;
        if (map == null || System.nanoTime() - readNanos > FRESH_NANOS) {
            map = ProcessMap.of(pid, false);
            newest = map;
            newestMillis = System.currentTimeMillis();
            readNanos = System.nanoTime();
        }
        return map;
    }
}
