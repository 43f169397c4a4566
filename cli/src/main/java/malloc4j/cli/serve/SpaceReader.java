package malloc4j.cli.serve;

import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import malloc4j.cli.space.NativeMemory;
import malloc4j.cli.space.ProcessMap;
import malloc4j.cli.space.ProcessSpace;
import malloc4j.observe.OwnedRange;
import malloc4j.process.AddressSpace;
import malloc4j.process.MemoryLimits;
import org.jspecify.annotations.Nullable;

/// Reads a process's addresses for all that watch the page, from outside: the process is asked nothing, and what it has
/// told at the last look names its heaps and huge blocks. What was read is good for a second.
final class SpaceReader {
    private static final long FRESH_NANOS = TimeUnit.SECONDS.toNanos(1);

    private final long pid;
    private @Nullable ProcessMap newest;
    private long newestMillis;
    private long readNanos;

    /// What heaps have told of themselves.
    ///
    /// @param ranges their huge blocks
    /// @param heapNames by number
    record Told(List<OwnedRange> ranges, Map<String, String> heapNames) {
        static final Told NOTHING = new Told(List.of(), Map.of());
    }

    SpaceReader(long pid) {
        this.pid = pid;
    }

    /// All of it.
    ///
    /// @throws malloc4j.process.UnreadableProcessException if it cannot be read, or is gone
    SpaceView whole(Told told) {
        synchronized (this) {
            return SpaceView.of(read(told), newestMillis);
        }
    }

    /// What is between two addresses.
    SpaceView part(Told told, long from, long to) {
        synchronized (this) {
            return SpaceView.of(read(told), newestMillis, from, to);
        }
    }

    private ProcessMap read(Told told) {
        ProcessMap map = newest;
        if (map == null || System.nanoTime() - readNanos > FRESH_NANOS) {
            AddressSpace space = AddressSpace.of(pid, told.ranges());
            List<String> notes = space.notes().stream()
                    .filter(note -> !note.startsWith("huge blocks"))
                    .toList();
            map = new ProcessMap(
                    new ProcessSpace(space, NativeMemory.NONE, told.heapNames(), notes),
                    MemoryLimits.read().mappings().max());
            newest = map;
            newestMillis = System.currentTimeMillis();
            readNanos = System.nanoTime();
        }
        return map;
    }
}
