package malloc4j.internal.cache;

import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/// The daemon thread that visits every heap again and again, so that memory goes back to the kernel in a process
/// that does nothing too.
///
/// A page is given back when it was free at two visits in a row. With visits every half `purgeDelayNanos`, memory
/// goes back between half and one and a half of the delay after it was last used, a whole slab half a delay later.
public final class Purger {
    private static final long MIN_PERIOD_NANOS = TimeUnit.MILLISECONDS.toNanos(10);

    private Purger() {}

    /// Starts visiting. A negative delay means never.
    ///
    /// @return what ends the visits when cancelled
    public static Runnable start(Reclaimer reclaimer, long purgeDelayNanos) {
        if (purgeDelayNanos < 0) {
            return () -> {};
        }
        long period = Math.max(purgeDelayNanos / 2, MIN_PERIOD_NANOS);
        boolean all = purgeDelayNanos == 0;
        ScheduledFuture<?> visits = Daemon.EXECUTOR.scheduleWithFixedDelay(
                () -> visit(reclaimer, all), period, period, TimeUnit.NANOSECONDS);
        return () -> visits.cancel(false);
    }

    /// A visit whose failure, which would be an error of ours, is reported and does not end the visits.
    private static void visit(Reclaimer reclaimer, boolean all) {
        try {
            reclaimer.visitIdle(all);
        } catch (RuntimeException | Error failure) {
            Thread thread = Thread.currentThread();
            thread.getUncaughtExceptionHandler().uncaughtException(thread, failure);
        }
    }

    /// Started with the first heap.
    private static final class Daemon {
        static final ScheduledThreadPoolExecutor EXECUTOR = create();

        private static ScheduledThreadPoolExecutor create() {
            ScheduledThreadPoolExecutor executor = new ScheduledThreadPoolExecutor(
                    1, Thread.ofPlatform().name("malloc4j-purger").daemon().factory());
            executor.setRemoveOnCancelPolicy(true);
            return executor;
        }
    }
}
