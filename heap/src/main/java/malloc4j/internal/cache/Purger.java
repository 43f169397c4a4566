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
                () -> reclaimer.visitIdle(all), period, period, TimeUnit.NANOSECONDS);
        return () -> visits.cancel(false);
    }

    /// Runs a task on the daemon's thread soon.
    public static void execute(Runnable task) {
        Daemon.EXECUTOR.execute(task);
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
