package malloc4j.cli.workload;

import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/// `xmalloc-test`: producers allocate batches of 4,096 blocks of 64 bytes, writing all of them, and put them on a
/// stack with a lock; as many consumers take them and free every block.
///
/// Stresses one thing only: all blocks are freed by a thread that did not allocate them, which allocates nothing.
///
/// @source Lever and Boreham, "malloc() Performance in a Multithreaded Linux Environment", USENIX 2000, as it is
///     run in the mimalloc-bench collection
final class XmallocTest extends Workload {
    private static final int BATCH_BLOCKS = 4_096;
    private static final int BYTE_SIZE = 64;
    private static final int MAX_STACKED = 100;

    private final int producers;
    private final Stack stack;

    XmallocTest(int threads) {
        producers = threads;
        stack = new Stack(MAX_STACKED + 2 * threads);
    }

    @Override
    public int workerCount() {
        return 2 * producers;
    }

    @Override
    public int blockCount() {
        return stack.batchCount() * BATCH_BLOCKS;
    }

    @Override
    public boolean crossesThreads() {
        return true;
    }

    @Override
    public long round(Team team, Stop stop) {
        var operations = new Counts(workerCount());
        stack.open(producers);
        team.run((worker, hand) -> {
            try {
                operations.add(worker, worker < producers ? produce(hand, stop) : consume(hand));
            } catch (RuntimeException | Error e) {
                stack.abort();
                throw e;
            }
        });
        return operations.sum();
    }

    @Override
    public void finish(Team team) {}

    private long produce(Hand hand, Stop stop) {
        long passes = 0;
        do {
            int batch = stack.takeEmpty();
            if (batch < 0) {
                break;
            }
            int firstId = batch * BATCH_BLOCKS;
            for (int id = firstId; id < firstId + BATCH_BLOCKS; id++) {
                hand.fill(hand.malloc(id, BYTE_SIZE), BYTE_SIZE);
            }
            stack.push(batch);
            passes++;
        } while (!stop.isReached(passes));
        stack.leave();
        return passes * BATCH_BLOCKS;
    }

    private long consume(Hand hand) {
        long operations = 0;
        for (int batch = stack.pop(); batch >= 0; batch = stack.pop()) {
            int firstId = batch * BATCH_BLOCKS;
            for (int id = firstId; id < firstId + BATCH_BLOCKS; id++) {
                hand.free(id);
            }
            stack.giveBack(batch);
            operations += BATCH_BLOCKS;
        }
        return operations;
    }

    /// Full batches, the newest on top, and empty ones.
    private static final class Stack {
        private final ReentrantLock lock = new ReentrantLock();
        private final Condition someFull = lock.newCondition();
        private final Condition someEmpty = lock.newCondition();
        private final int[] full;
        private final int[] empty;
        private int fullCount;
        private int emptyCount;
        private int producing;
        private boolean aborted;

        Stack(int batchCount) {
            full = new int[batchCount];
            empty = new int[batchCount];
            for (int i = 0; i < batchCount; i++) {
                empty[emptyCount++] = i;
            }
        }

        int batchCount() {
            return full.length;
        }

        void open(int producerCount) {
            lock.lock();
            try {
                producing = producerCount;
            } finally {
                lock.unlock();
            }
        }

        /// Waits while as many are full as may be. -1 when another thread has failed.
        int takeEmpty() {
            lock.lock();
            try {
                while (!aborted && (emptyCount == 0 || fullCount >= MAX_STACKED)) {
                    someEmpty.awaitUninterruptibly();
                }
                return aborted ? -1 : empty[--emptyCount];
            } finally {
                lock.unlock();
            }
        }

        void giveBack(int batch) {
            lock.lock();
            try {
                empty[emptyCount++] = batch;
                someEmpty.signal();
            } finally {
                lock.unlock();
            }
        }

        void push(int batch) {
            lock.lock();
            try {
                full[fullCount++] = batch;
                someFull.signal();
            } finally {
                lock.unlock();
            }
        }

        /// Waits for a full one; -1 when there is none and no producer is left.
        int pop() {
            lock.lock();
            try {
                while (!aborted && fullCount == 0 && producing > 0) {
                    someFull.awaitUninterruptibly();
                }
                if (aborted || fullCount == 0) {
                    return -1;
                }
                someEmpty.signal();
                return full[--fullCount];
            } finally {
                lock.unlock();
            }
        }

        void leave() {
            lock.lock();
            try {
                producing--;
                someFull.signalAll();
            } finally {
                lock.unlock();
            }
        }

        void abort() {
            lock.lock();
            try {
                aborted = true;
                someFull.signalAll();
                someEmpty.signalAll();
            } finally {
                lock.unlock();
            }
        }
    }
}
