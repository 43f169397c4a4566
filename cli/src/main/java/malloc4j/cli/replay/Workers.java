package malloc4j.cli.replay;

import java.util.concurrent.BrokenBarrierException;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/// Platform threads that stay the same from round to round, as a program's threads do: one for each thread of the
/// trace.
///
/// [#run] gives all of them one task and waits for all; two barriers a run, nothing on the threads in between. Only
/// the thread that made the workers runs tasks on them.
final class Workers implements AutoCloseable {
    /// What each worker does; the argument is its index.
    interface Task {
        void run(int worker);
    }

    private final Thread[] threads;
    private final CyclicBarrier start;
    private final CyclicBarrier finish;
    private final AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();
    private volatile @Nullable Task task;

    Workers(int count) {
        threads = new Thread[count];
        start = new CyclicBarrier(count + 1);
        finish = new CyclicBarrier(count + 1);
        for (int i = 0; i < count; i++) {
            int worker = i;
            threads[i] = Thread.ofPlatform().daemon().name("replay-" + i).start(() -> loop(worker));
        }
    }

    Thread[] threads() {
        return threads.clone();
    }

    /// Runs the task on every worker and returns when all are done.
    ///
    /// @throws ReplayFailure with the first failure of any worker
    void run(Task next) {
        task = next;
        meet(start);
        meet(finish);
        Throwable thrown = failure.getAndSet(null);
        if (thrown != null) {
            throw new ReplayFailure(ReplayFailure.describe(thrown));
        }
    }

    @Override
    public void close() {
        task = null;
        meet(start);
    }

    private void loop(int worker) {
        while (true) {
            meet(start);
            Task next = task;
            if (next == null) {
                return;
            }
            try {
                next.run(worker);
            } catch (RuntimeException | Error e) {
                failure.compareAndSet(null, e);
            }
            meet(finish);
        }
    }

    private static void meet(CyclicBarrier barrier) {
        try {
            barrier.await();
        } catch (InterruptedException | BrokenBarrierException e) {
            throw new IllegalStateException("nobody interrupts the workers", e);
        }
    }
}
