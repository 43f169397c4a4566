package malloc4j;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import malloc4j.internal.region.Ground;
import org.jspecify.annotations.Nullable;

/// Calls what a program wants to be called while a heap is above its soft limit, on a daemon thread
/// `malloc4j-soft-limit`, never twice at once: as often as [#request] asks, where requests made before a call begins
/// are one.
///
/// Invariant: `running` is true exactly while there is a thread, or one is being started.
///
/// Concurrency: anybody may ask; the thread ends when it has not been asked for a while, and the next request starts
/// another.
final class SoftLimitCall {
    private static final long LINGER_NANOS = TimeUnit.SECONDS.toNanos(1);

    private final Ground ground;
    private final Runnable callback;
    private final AtomicBoolean running = new AtomicBoolean();
    private volatile boolean due;
    private volatile @Nullable Thread thread;

    SoftLimitCall(Ground ground, Runnable callback) {
        this.ground = ground;
        this.callback = callback;
    }

    /// Asks for a call, unless it is the call itself that asks. Without a lock held: it may start a thread.
    void request() {
        if (due || Thread.currentThread() == thread) {
            return;
        }
        due = true;
        if (running.compareAndSet(false, true)) {
            start();
        } else {
            LockSupport.unpark(thread);
        }
    }

    private void start() {
        try {
            Thread created = ground.unstarted("malloc4j-soft-limit", this::run);
            thread = created;
            created.start();
        } catch (OutOfMemoryError noThread) { // the next request tries again
            due = false;
            running.set(false);
        }
    }

    private void run() {
        do {
            while (awaitDue()) {
                due = false; // a request from here on wants another call
                call();
            }
            running.set(false);
        } while (due && running.compareAndSet(false, true));
    }

    private boolean awaitDue() {
        long deadline = ground.nanoTime() + LINGER_NANOS;
        while (!due) {
            long left = deadline - ground.nanoTime();
            if (left <= 0) {
                return false;
            }
            LockSupport.parkNanos(this, left);
        }
        return true;
    }

    /// A call whose failure is reported and does not end the calls.
    private void call() {
        try {
            callback.run();
        } catch (RuntimeException | Error failure) {
            Thread current = Thread.currentThread();
            current.getUncaughtExceptionHandler().uncaughtException(current, failure);
        }
    }
}
