package malloc4j.cli.serve;

import io.avaje.jsonb.Jsonb;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import malloc4j.cli.CliException;
import org.jspecify.annotations.Nullable;

/// Looks at the program again and again while anybody watches, and hands what it sees to all who do. Nobody who reads
/// slowly holds up another one: each takes the newest when it is ready for it.
///
/// Concurrency: one thread runs [#run], any number wait in [#awaitAfter].
final class Ticker implements Runnable {
    private static final long KEEP_NANOS = TimeUnit.SECONDS.toNanos(10);

    private final Observer observer;
    private final long intervalNanos;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private int watchers;
    private long tick; // of the newest, 0 before the first
    private String newest = "";
    private @Nullable String end; // why there will be no newer one

    Ticker(Observer observer, long intervalNanos) {
        this.observer = observer;
        this.intervalNanos = intervalNanos;
    }

    /// What was seen, as JSON.
    ///
    /// @param tick its number
    /// @param end why it is the last one, null where it is not
    record Seen(long tick, String json, @Nullable String end) {}

    @Override
    public void run() {
        try {
            while (true) {
                if (awaitWatcher()) {
                    publish(observer.look());
                    TimeUnit.NANOSECONDS.sleep(intervalNanos);
                } else if (!observer.keep()) {
                    end("the process has ended");
                    return;
                }
            }
        } catch (CliException ended) {
            end(String.valueOf(ended.getMessage()));
        } catch (InterruptedException stopped) {
            Thread.currentThread().interrupt();
        }
    }

    /// Whether somebody watches, within the time after which the agent wants to be asked something.
    private boolean awaitWatcher() throws InterruptedException {
        lock.lock();
        try {
            long left = KEEP_NANOS;
            while (watchers == 0 && left > 0) {
                left = changed.awaitNanos(left);
            }
            return watchers > 0;
        } finally {
            lock.unlock();
        }
    }

    private void publish(Observation seen) {
        String json = Jsonb.instance().toJson(seen);
        lock.lock();
        try {
            newest = json;
            tick = seen.tick();
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    private void end(String why) {
        lock.lock();
        try {
            end = why;
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /// Why there is nothing newer any more, after [#run] has returned.
    String why() {
        lock.lock();
        try {
            return end == null ? "it was ended" : end;
        } finally {
            lock.unlock();
        }
    }

    /// Waits for something newer, and counts as one who watches meanwhile. Returns the newest there is when nothing
    /// newer comes: in time, or any more.
    Seen awaitAfter(long lastTick, long nanos) throws InterruptedException {
        lock.lock();
        try {
            watchers++;
            changed.signalAll();
            long left = nanos;
            while (tick <= lastTick && end == null && left > 0) {
                left = changed.awaitNanos(left);
            }
            return new Seen(tick, newest, end);
        } finally {
            watchers--;
            lock.unlock();
        }
    }
}
