package malloc4j.faults;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.Arrays;
import java.util.concurrent.BrokenBarrierException;
import java.util.concurrent.CyclicBarrier;
import malloc4j.Heap;
import malloc4j.HeapOptions;
import org.jspecify.annotations.Nullable;

/// Threads that recurse until their stack overflows, allocating at every level, again and again on one heap: with a
/// free in `finally` in every second round, and keeping the blocks in the others, which another thread frees then. In
/// every second pair of rounds each level resizes a block of 16 bytes.
///
/// After each round of kept blocks no two of them overlap; from time to time, and at the end, `verify` holds. At the
/// end there are no more blocks alive than calls were torn. Prints what it counted, and `done`.
///
/// Arguments: threads, overflows of each thread, the largest size as a power of two.
public final class DeepRecursionChild {
    private static final int MAX_DEPTH = 1 << 14;
    private static final int STACK_BYTES = 192 << 10;
    private static final int OVERFLOWS_A_VERIFY = 1_000;
    private static final long PURGE_DELAY_MILLIS = 20; // the purger is about too

    private static final Heap HEAP = Heap.create(HeapOptions.builder()
            .name("deep")
            .purgeDelay(Duration.ofMillis(PURGE_DELAY_MILLIS))
            .build());

    private DeepRecursionChild() {}

    public static void main(String[] arguments) throws Exception {
        int threadCount = Integer.parseInt(arguments[0]);
        int overflows = Integer.parseInt(arguments[1]);
        Worker[] workers = new Worker[threadCount];
        CyclicBarrier kept = new CyclicBarrier(threadCount, () -> checkKept(workers));
        CyclicBarrier freed = new CyclicBarrier(threadCount, () -> checkHeap(workers));
        Thread[] threads = new Thread[threadCount];
        for (int index = 0; index < threadCount; index++) {
            workers[index] = new Worker(index, overflows, Integer.parseInt(arguments[2]), workers, kept, freed);
            threads[index] = new Thread(null, workers[index], "deep-" + index, STACK_BYTES);
        }
        warmUp();
        for (Thread thread : threads) {
            thread.start();
        }
        long torn = 0;
        for (int index = 0; index < threadCount; index++) {
            threads[index].join();
            if (workers[index].failure != null) {
                throw new AssertionError(workers[index].failure);
            }
            torn += workers[index].torn;
        }
        HEAP.trim(0);
        HEAP.verify();
        long lost = HEAP.snapshot().liveBlocks(); // not what torn calls have counted
        check(lost <= torn, lost + " blocks are lost, by " + torn + " torn calls");
        System.out.println(overflows * threadCount + " overflows, " + torn + " torn calls, " + lost + " blocks lost");
        System.out.println("done");
    }

    /// Every way once, on a stack that has room: what is linked there first is no part of this test.
    private static void warmUp() {
        Worker worker = new Worker(0, 0, 20, new Worker[0], new CyclicBarrier(1), new CyclicBarrier(1));
        for (int count = 0; count < 2_000; count++) {
            HEAP.free(worker.take());
        }
        HEAP.trim(0);
        HEAP.verify();
    }

    private static void checkKept(Worker[] workers) {
        int count = Arrays.stream(workers).mapToInt(worker -> worker.depth).sum();
        long[][] ranges = new long[count][];
        int next = 0;
        for (Worker worker : workers) {
            for (int index = 0; index < worker.depth; index++) {
                long address = worker.blocks[index];
                ranges[next++] = new long[] {address, address + HEAP.usableSize(address)};
            }
        }
        Arrays.sort(ranges, (left, right) -> Long.compare(left[0], right[0]));
        for (int index = 1; index < count; index++) {
            check(ranges[index - 1][1] <= ranges[index][0], "a block was given twice");
        }
    }

    private static void checkHeap(Worker[] workers) {
        if (workers[0].overflowsSinceVerify * workers.length >= OVERFLOWS_A_VERIFY) {
            workers[0].overflowsSinceVerify = 0;
            HEAP.verify();
        }
    }

    private static void check(boolean condition, String message) {
        if (!condition) {
            throw new AssertionError(message);
        }
    }

    private static final class Worker implements Runnable {
        final int index;
        final int overflows;
        final int maxSizeBits;
        final Worker[] workers;
        final CyclicBarrier kept;
        final CyclicBarrier freed;
        final long[] blocks = new long[MAX_DEPTH];
        final Arena[] open = new Arena[MAX_DEPTH];
        int openCount;
        int atStake;
        int depth;
        int overflowsSinceVerify;
        long torn; // calls that were, and blocks that they may have lost
        boolean keeps;
        boolean resizes; // and nothing else: any other call would ask for the stack first
        long random;
        volatile @Nullable Throwable failure;

        Worker(int index, int overflows, int maxSizeBits, Worker[] workers, CyclicBarrier kept, CyclicBarrier freed) {
            this.index = index;
            this.overflows = overflows;
            this.maxSizeBits = maxSizeBits;
            this.workers = workers;
            this.kept = kept;
            this.freed = freed;
            this.random = index + 1L;
        }

        @Override
        public void run() {
            try {
                for (int overflow = 0; overflow < overflows; overflow++) {
                    keeps = overflow % 2 == 0;
                    resizes = overflow % 4 > 1;
                    overflowOnce();
                    if (keeps) {
                        kept.await();
                        freeBlocksOf(workers[(index + overflow / 2) % workers.length]);
                        freed.await();
                        depth = 0;
                    }
                    overflowsSinceVerify++;
                }
            } catch (Throwable thrown) {
                failure = thrown;
                kept.reset();
                freed.reset();
                if (!(thrown instanceof BrokenBarrierException)) {
                    thrown.printStackTrace();
                }
            }
        }

        private void overflowOnce() {
            try {
                recurse();
            } catch (StackOverflowError expected) {
                while (openCount > 0) {
                    openCount--;
                    open[openCount].close();
                }
                return;
            }
            throw new AssertionError("the stack did not overflow");
        }

        private void freeBlocksOf(Worker other) {
            for (int block = 0; block < other.depth; block++) {
                HEAP.free(other.blocks[block]);
            }
        }

        @SuppressWarnings("InfiniteRecursion") // until the stack overflows
        private void recurse() {
            long block;
            try {
                block = take();
            } catch (StackOverflowError overflow) {
                torn += atStake;
                throw overflow;
            }
            blocks[depth++] = block;
            try {
                recurse();
            } finally {
                if (!keeps) {
                    depth--;
                    give(block);
                }
            }
        }

        private void give(long block) {
            try {
                HEAP.free(block);
            } catch (StackOverflowError overflow) {
                torn++;
                throw overflow;
            }
        }

        private long take() {
            random = random * 6364136223846793005L + 1442695040888963407L;
            int choice = (int) (random >>> 33);
            atStake = resizes || (choice & 15) == 1 ? 2 : 1; // the block that is resized is this program's to lose
            long byteSize = 1L << (4 + (choice >>> 4) % (maxSizeBits - 3));
            if (resizes) {
                return HEAP.realloc(HEAP.malloc(16), byteSize);
            }
            return switch (choice & 15) {
                case 0 -> HEAP.calloc(1, byteSize);
                case 1 -> HEAP.realloc(HEAP.malloc(byteSize >>> 1), byteSize);
                case 2 -> takeBesideArena(byteSize, HEAP.ofConfined());
                case 3 -> takeBesideArena(byteSize, HEAP.ofUnscoped());
                default -> HEAP.malloc(byteSize);
            };
        }

        private long takeBesideArena(long byteSize, Arena arena) {
            open[openCount++] = arena;
            MemorySegment small = arena.allocate(24);
            MemorySegment large = arena.allocate(40_000);
            check(small.address() != large.address(), "a segment was given twice");
            arena.close(); // or nothing of it: then it is closed later
            openCount--;
            return HEAP.malloc(byteSize);
        }
    }
}
