package malloc4j.internal.cache;

import java.lang.invoke.MethodHandle;
import java.lang.ref.WeakReference;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/// What the purger's thread runs: a step, a sleep, a step, until a step says that it is enough, or the library has been
/// collected: then it gives the addresses back that the library had reserved.
///
/// It knows the JDK alone and is loaded a second time, by a loader that knows the JDK alone, so that the thread does
/// not keep the library's own loader. So it may not be given, or refer to, anything else of the library.
public final class PurgerLoop implements Runnable {
    private static final long NANOS_AFTER_FAILURE = TimeUnit.MILLISECONDS.toNanos(100);

    private final WeakReference<LongSupplier> steps;
    private final @Nullable MethodHandle unmap;
    private final long[] unused;

    /// @param steps makes a step and returns how many nanoseconds to sleep then, or a negative number to end
    /// @param unmap takes an address, a size and four words that do not matter; null to leave everything
    /// @param unused pairs of an address and a size, to unmap when the library is gone
    public PurgerLoop(WeakReference<LongSupplier> steps, @Nullable MethodHandle unmap, long[] unused) {
        this.steps = steps;
        this.unmap = unmap;
        this.unused = unused;
        LockSupport.parkNanos(0); // found by this class's loader here, and not where the Java heap is full
    }

    @Override
    public void run() {
        long sleepNanos = step();
        while (sleepNanos >= 0) {
            sleep(sleepNanos);
            sleepNanos = step();
        }
        if (unmap != null && steps.refersTo(null)) {
            giveBack(unmap);
        }
    }

    private static void sleep(long nanos) {
        try {
            LockSupport.parkNanos(nanos);
            boolean unused = Thread.interrupted(); // an interrupted thread would not sleep
        } catch (OutOfMemoryError full) {
            // the next sleep, or the one after, clears it
        }
    }

    private void giveBack(MethodHandle unmap) {
        for (int place = 0; place < unused.length; place += 2) {
            try {
                long unusedResult = (long) unmap.invokeExact(unused[place], unused[place + 1], 0L, 0L, 0L, 0L);
            } catch (Throwable failure) { // the addresses stay reserved
                return;
            }
        }
    }

    /// By itself, so that nothing refers to the library during the sleep.
    private long step() {
        try {
            @Nullable LongSupplier next = steps.get();
            return next == null ? -1 : next.getAsLong();
        } catch (Throwable failure) { // whatever it is: this thread goes on
            return NANOS_AFTER_FAILURE;
        }
    }
}
