package malloc4j.cli.workload;

import java.util.concurrent.atomic.AtomicReference;
import malloc4j.cli.child.ChildFailure;
import malloc4j.cli.child.Workers;
import org.jspecify.annotations.Nullable;

/// The threads of a workload: workers that stay, and fresh ones that end; each runs with a [Hand] of its own.
final class Team implements AutoCloseable {
    private final Hand[] hands;
    private final Workers workers;

    /// What a thread does; the index tells it from the others.
    interface Task {
        void run(int index, Hand hand);
    }

    Team(Workload workload) {
        int count = workload.workerCount();
        long[] addresses = new long[workload.blockCount()];
        long[] byteSizes = new long[Plan.VERIFY ? workload.blockCount() : 0];
        hands = new Hand[count + 1];
        for (int i = 0; i < hands.length; i++) {
            hands[i] = new Hand(i, addresses, byteSizes, workload.sampleInterval());
        }
        workers = new Workers(count, "bench");
    }

    /// The hand of whoever runs the workload; it is not a worker.
    Hand own() {
        return hands[hands.length - 1];
    }

    Hand[] hands() {
        return hands.clone();
    }

    /// Starts as many threads as there are hands and lets them end, so that their stacks are there before memory is
    /// measured: the C library keeps them.
    void rehearse() {
        run((index, hand) -> {});
        runOnFreshThreads(hands.length, (index, hand) -> {});
    }

    /// Runs the task on every worker, and returns when all are done.
    void run(Task task) {
        workers.run(index -> task.run(index, hands[index]));
    }

    /// Runs the task on every worker, and something else on this thread meanwhile.
    void run(Task task, Runnable meanwhile) {
        workers.run(index -> task.run(index, hands[index]), meanwhile);
    }

    /// Starts a thread for each index below `count`, with that worker's hand, and returns when all have ended.
    void runOnFreshThreads(int count, Task task) {
        var threads = new Thread[count];
        var failure = new AtomicReference<@Nullable Throwable>();
        for (int i = 0; i < count; i++) {
            int index = i;
            threads[i] =
                    Thread.ofPlatform().daemon().start(() -> guarded(() -> task.run(index, hands[index]), failure));
        }
        join(threads, failure);
    }

    /// Starts one thread that does something, and returns when it has ended.
    static void runOnFreshThread(Runnable work) {
        var failure = new AtomicReference<@Nullable Throwable>();
        Thread thread = Thread.ofPlatform().daemon().start(() -> guarded(work, failure));
        join(new Thread[] {thread}, failure);
    }

    @Override
    public void close() {
        workers.close();
    }

    private static void guarded(Runnable work, AtomicReference<@Nullable Throwable> failure) {
        try {
            work.run();
        } catch (RuntimeException | Error e) {
            failure.compareAndSet(null, e);
        }
    }

    private static void join(Thread[] threads, AtomicReference<@Nullable Throwable> failure) {
        for (Thread thread : threads) {
            try {
                thread.join();
            } catch (InterruptedException e) {
                throw new IllegalStateException("nobody interrupts a team", e);
            }
        }
        Throwable thrown = failure.get();
        if (thrown != null) {
            throw new ChildFailure(ChildFailure.describe(thrown));
        }
    }
}
