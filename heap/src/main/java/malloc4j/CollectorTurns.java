package malloc4j;

import java.lang.foreign.Arena;
import java.util.concurrent.atomic.AtomicBoolean;
import malloc4j.internal.memory.RawMemory;
import malloc4j.internal.os.LinuxCalls.Pause;
import malloc4j.internal.os.Mutex;

/// Asks the garbage collector for memory of automatic arenas that nobody can reach, one request of the process at a
/// time, and waits until the collector's thread has freed it.
///
/// ```
/// number      1                    2                                     3
///       ----|gc|wait|------------|gc|wait|.............................|gc|wait|---
///            freed some            in vain    nobody asks, nine times    from here on
///                                             as long as it took         somebody may
/// ```
///
/// So collections in vain take a tenth of the time at most, however many requests are refused. Who asks meanwhile is
/// refused at once, or is patient and waits. One collection answers all who asked before it began.
///
/// Concurrency: all fields are written under the lock. Whoever has it waits for the collector's thread, which takes no
/// lock of this class; who waits for it sleeps, and keeps its carrier.
final class CollectorTurns {
    private static final int PAUSES = 9; // 255 ms in all
    private static final int PAUSES_AFTER = 3; // 7 ms in all
    private static final int REST_SHARE = 9;

    private static final Mutex LOCK = new Mutex();
    private static volatile long begun;
    private static volatile long ended;
    private static volatile boolean inVain;
    private static volatile long nextNanos = System.nanoTime();

    static {
        AtomicBoolean unused = unreachableArena(); // loads what it needs, while there is memory
    }

    private CollectorTurns() {}

    /// The number of the collection that began last: for [#ask].
    static long begun() {
        return begun;
    }

    /// Has a collection made, or waits for one that others have asked for. Returns whether it was of use: whether it is
    /// worth trying again what was refused.
    ///
    /// @param limits of the heap whose automatic arenas are to be freed, and those of the heaps below
    /// @param since what [#begun] was before the request was refused
    /// @param patient whether to wait where too many were in vain lately
    static boolean ask(HeapLimits limits, long since, boolean patient) {
        long before = limits.freedByCollectorBelow();
        long endedBefore = ended;
        for (int pause = 0; ; pause++) {
            if (ended > endedBefore && (!inVain || ended > since)) {
                return !inVain;
            }
            if (!patient && isResting()) {
                return false;
            }
            if (LOCK.tryLock()) {
                break;
            }
            Pause.sleep(pause);
        }
        try {
            for (int pause = 0; isResting(); pause++) {
                if (ended > since || !patient) {
                    return false;
                }
                Pause.sleep(pause);
            }
            collectInTurn(limits, before);
            return !inVain;
        } finally {
            LOCK.unlock();
        }
    }

    /// Whether nobody may begin a collection, because one was in vain not long ago.
    static boolean isResting() {
        return System.nanoTime() - nextNanos < 0;
    }

    private static void collectInTurn(HeapLimits limits, long before) {
        long start = System.nanoTime();
        long number = ended + 1;
        begun = number;
        try {
            collect(limits, before);
        } finally {
            long end = System.nanoTime();
            inVain = limits.freedByCollectorBelow() == before;
            nextNanos = inVain ? end + REST_SHARE * (end - start) : end;
            ended = number;
        }
    }

    /// Collects, and waits until the collector's thread has come to an arena that nobody could reach either; then,
    /// since it works off what a collection has found in any order, until it frees no more.
    private static void collect(HeapLimits limits, long before) {
        AtomicBoolean found = unreachableArena();
        System.gc();
        for (int pause = 0; pause < PAUSES && !found.get(); pause++) {
            Pause.sleep(pause);
        }
        long freed = limits.freedByCollectorBelow();
        for (int pause = 0; pause < PAUSES_AFTER; pause++) {
            Pause.sleep(pause);
            long now = limits.freedByCollectorBelow();
            if (now == freed && now != before) {
                return;
            }
            freed = now;
        }
    }

    /// An arena that the next collection finds. What is returned turns true then; it is true where the Java heap has no
    /// room for one.
    private static AtomicBoolean unreachableArena() {
        AtomicBoolean found = new AtomicBoolean();
        try {
            RawMemory.onClose(Arena.ofAuto(), () -> found.set(true));
        } catch (OutOfMemoryError fullJavaHeap) {
            found.set(true);
        }
        return found;
    }
}
