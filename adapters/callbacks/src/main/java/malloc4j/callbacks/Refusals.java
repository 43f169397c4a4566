package malloc4j.callbacks;

import java.lang.System.Logger.Level;
import java.util.concurrent.atomic.AtomicLong;
import malloc4j.CFamily;
import malloc4j.Heap;

/// What becomes of requests that a heap has not: they are counted, the first is logged, and C's `errno` is set.
///
/// It is logged by a thread of its own. The thread that asks is inside of the C library and may hold its locks; a log
/// that came by that library would wait for them.
final class Refusals {
    private static final String LOGGER = "malloc4j";

    private final Heap heap;
    private final CFamily family;
    private final AtomicLong count = new AtomicLong();
    private volatile boolean refusalIsLogged;
    private volatile boolean misuseIsLogged;

    Refusals(Heap heap, CFamily family) {
        this.heap = heap;
        this.family = family;
    }

    long count() {
        return count.get();
    }

    /// Notes a request that was answered by 0, for want of memory or because its block is none. Returns 0.
    ///
    /// @throws Throwable where there is no stack or no Java heap for it; the request is counted all the same
    long refuse(long byteSize) throws Throwable {
        int reason = CFamily.errno();
        if (reason == CRuntime.ENOMEM) {
            count.incrementAndGet();
            if (!refusalIsLogged) {
                refusalIsLogged = true;
                log(
                        Level.WARNING,
                        "a C library asked for " + Long.toUnsignedString(byteSize)
                                + " bytes, which the heap does not have, and was told so by NULL. More of that is only"
                                + " counted");
            }
        } else {
            noticeMisuse();
        }
        CRuntime.setErrno(reason);
        return 0;
    }

    /// Logs the first call with an address at which no live block begins.
    void noticeMisuse() {
        if (!misuseIsLogged && family.misuseCount() != 0) {
            misuseIsLogged = true;
            log(
                    Level.ERROR,
                    "a C library has freed or resized an address at which no live block begins: nothing was"
                            + " done. More of that is counted only; the heap's probe is told of each");
        }
    }

    private void log(Level level, String text) {
        String line = "heap '" + heap.options().name() + "': " + text;
        Thread.ofPlatform().name("malloc4j-callbacks-log").start(() -> System.getLogger(LOGGER)
                .log(level, line));
    }

    /// Ends the process, for a library that has no answer to `NULL`.
    long abort(String library, long byteSize) {
        try {
            System.err.println(
                    "malloc4j: heap '" + heap.options().name() + "' has no " + Long.toUnsignedString(byteSize)
                            + " bytes for " + library + ", which cannot go on without: the process ends");
            CRuntime.abort();
        } catch (Throwable noRoom) {
            return 0; // which it writes to: the process ends as well
        }
        return 0;
    }
}
