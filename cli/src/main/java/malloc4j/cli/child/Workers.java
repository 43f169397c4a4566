package malloc4j.cli.child;

import java.util.concurrent.BrokenBarrierException;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/// Platform threads that stay the same from round to round, as a program's threads do.
///
/// [#run] gives all of them one task and waits for all; two barriers a run, nothing on the threads in between. Only
/// the thread that made the workers runs tasks on them.
public final class Workers implements AutoCloseable {
    /// What each worker does; the argument is its index.
    public interface Task {
        void run(int worker);
    }

    private final Thread[] threads;
    private final CyclicBarrier start;
    private final CyclicBarrier finish;
    private final AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();
    private volatile @Nullable Task task;

    public Workers(int count, String name) {
        threads = new Thread[count];
        start = new CyclicBarrier(count + 1);
        finish = new CyclicBarrier(count + 1);
        for (int i = 0; i < count; i++) {
            int worker = i;
            threads[i] = Thread.ofPlatform().daemon().name(name + "-" + i).start(() -> loop(worker));
        }
    }

    public Thread[] threads() {
        return threads.clone();
    }

    /// Runs the task on every worker and returns when all are done.
    ///
    /// @throws ChildFailure with the first failure of any worker
    public void run(Task next) {
        run(next, () -> {});
    }

    /// The same, doing something on this thread meanwhile.
    public void run(Task next, Runnable meanwhile) {
        task = next;
        meet(start);
        try {
            meanwhile.run();
        } catch (RuntimeException | Error e) {
            failure.compareAndSet(null, e);
        }
        meet(finish);
        Throwable thrown = failure.getAndSet(null);
        if (thrown != null) {
            throw new ChildFailure(ChildFailure.describe(thrown));
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
