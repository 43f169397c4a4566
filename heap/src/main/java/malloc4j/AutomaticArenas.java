package malloc4j;

import java.lang.foreign.Arena;
import java.lang.ref.WeakReference;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import malloc4j.internal.memory.RawMemory;
import malloc4j.internal.os.Mutex;

/// The automatic arenas of one heap: those that the collector has not found yet, and how much memory they have.
///
/// Concurrency: any thread at any time; the collector's thread frees what an arena has had under the lock `freeing`,
/// and reports it. Whoever holds that lock holds up the automatic arenas of the whole process: the JDK has one such
/// thread.
final class AutomaticArenas {
    private final Set<WeakReference<Arena>> scopes = ConcurrentHashMap.newKeySet();
    private final AtomicLong heldBytes = new AtomicLong();
    private final AtomicLong freedBytes = new AtomicLong();
    private final Mutex freeing = new Mutex(); // while the collector's thread frees what one has had

    /// Notes one, and runs `cleanup` when the collector has found that `reachable` is not any more.
    void open(Arena scope, Arena reachable, Runnable cleanup) {
        WeakReference<Arena> entry = new WeakReference<>(scope);
        scopes.add(entry);
        RawMemory.onClose(reachable, () -> {
            scopes.remove(entry);
            whileNothingIsFreed(cleanup);
        });
    }

    /// Runs something while the collector's thread frees nothing else: nobody can stop that thread otherwise.
    void whileNothingIsFreed(Runnable work) {
        freeing.lock();
        try {
            work.run();
        } finally {
            freeing.unlock();
        }
    }

    /// Notes that an arena was given a block of about `byteSize` bytes.
    void hold(long byteSize) {
        heldBytes.addAndGet(byteSize);
    }

    /// Notes that the collector's thread has freed all that an arena had.
    void freed(long byteSize) {
        heldBytes.addAndGet(-byteSize);
        freedBytes.addAndGet(byteSize);
    }

    /// About how many bytes they have, those included that nobody can reach any more.
    long heldBytes() {
        return heldBytes.get();
    }

    /// About how many bytes the collector has freed, ever: it only grows.
    long freedBytes() {
        return freedBytes.get();
    }

    /// Ends them all, because their heap is being closed.
    void close() {
        for (WeakReference<Arena> entry : scopes) {
            Arena automatic = entry.get();
            if (automatic != null && automatic.scope().isAlive()) {
                automatic.close();
            }
        }
    }
}
