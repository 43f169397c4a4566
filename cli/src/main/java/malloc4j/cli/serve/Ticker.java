package malloc4j.cli.serve;

import io.avaje.jsonb.Jsonb;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import malloc4j.cli.CliException;
import org.jspecify.annotations.Nullable;

/// Looks at the program again and again while anybody watches, and hands what it sees to all who do. Nobody who reads
/// slowly holds up another one: each takes the newest when it is ready for it. What looks cost the program is held to a
/// four-hundredth of a processor: where they cost more, they are fewer.
///
/// Concurrency: one thread runs [#run], any number wait in [#awaitAfter].
final class Ticker implements Runnable {
    private static final long KEEP_NANOS = TimeUnit.SECONDS.toNanos(10);
    private static final long MAX_PAUSE_NANOS = TimeUnit.SECONDS.toNanos(20);
    private static final int MAX_SHARE = 400; // one part of so many
    private static final int COLD_LOOKS = 5;

    private final Observer observer;
    private final long intervalNanos;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private int looks; // of the thread that looks, as the next one
    private long meanCostNanos;
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
                    long before = observer.spentNanos();
                    look();
                    TimeUnit.NANOSECONDS.sleep(pauseNanos(observer.spentNanos() - before));
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

    /// How long to wait after a look: so long that looks take one part in [#MAX_SHARE] of a processor at most, but for
    /// the first ones, whose code is not compiled yet.
    ///
    /// @param costNanos of this look
    long pauseNanos(long costNanos) {
        looks++;
        if (looks <= COLD_LOOKS) {
            return intervalNanos;
        }
        meanCostNanos = looks == COLD_LOOKS + 1 ? costNanos : (3 * meanCostNanos + costNanos) / 4;
        return Math.max(intervalNanos, Math.min(MAX_PAUSE_NANOS, meanCostNanos * MAX_SHARE));
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

    /// Looks once, and has it ready for who comes.
    ///
    /// @throws CliException if the process does not answer, or has no heap, in one line
    void look() {
        Observation seen = observer.look();
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
