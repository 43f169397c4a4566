package malloc4j.cli.workload;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.locks.LockSupport;

/// `sh8bench`: twice as many threads as asked for, each filling and mostly freeing a ring of blocks ([Ring]) with a
/// server's mix of sizes, from 8 bytes to 165 KiB, most of them 16 bytes. Meanwhile the main thread allocates
/// blocks of 8 bytes into tables, one for each thread, and the threads free them as they appear.
///
/// Stresses the same as sh6bench with a large live set, and frees by many threads of what one has allocated.
///
/// @source the behaviour of MicroQuill's SmartHeap benchmark of this name, as described; its source is not used
final class Sh8bench extends RingWorkload {
    private static final int SLOTS = 1_000_000; // of all threads
    private static final int[] BYTE_SIZES = {8, 16, 48, 72, 148, 200, 520, 1_056, 4_096, 9_162, 34_562, 168_524};
    private static final int[] COUNTS = {1_000, 5_000, 1_000, 100, 100, 100, 10, 5, 3, 1, 1, 1};
    private static final int TABLE_SLOTS = 1 << 14; // of each thread
    private static final int FED_BYTES = 8;
    private static final long FULL_NANOS = 20_000;

    private final int firstFedId;
    /// For each block of the main thread's 1 while it is there to be freed.
    private final AtomicIntegerArray fed;

    Sh8bench(int threads) {
        super(2 * threads, SLOTS / (2 * threads));
        firstFedId = super.blockCount();
        fed = new AtomicIntegerArray(workerCount() * TABLE_SLOTS);
    }

    @Override
    public int blockCount() {
        return firstFedId + fed.length();
    }

    @Override
    public boolean crossesThreads() {
        return true;
    }

    @Override
    long pass(Ring ring, Hand hand) {
        long operations = 0;
        for (int i = 0; i < BYTE_SIZES.length; i++) {
            for (int k = 0; k < COUNTS[i]; k++) {
                operations += ring.allocate(hand, BYTE_SIZES[i]);
            }
        }
        return operations;
    }

    @Override
    public long round(Team team, Stop stop) {
        var operations = new Counts(workerCount() + 1);
        var working = new AtomicInteger(workerCount());
        team.run(
                (worker, hand) -> {
                    long count = 0;
                    long passes = 0;
                    try {
                        do {
                            count += pass(ring(worker), hand);
                            count += freeFed(worker, hand);
                            passes++;
                        } while (!stop.isReached(passes));
                    } finally {
                        working.decrementAndGet();
                    }
                    operations.add(worker, count);
                },
                () -> operations.add(workerCount(), feed(team.own(), working)));
        return operations.sum();
    }

    @Override
    public void finish(Team team) {
        team.run((worker, hand) -> {
            long unused = freeFed(worker, hand);
            ring(worker).freeAll(hand);
        });
    }

    /// Fills the tables, one slot of each in turn, as long as a worker is there.
    private long feed(Hand hand, AtomicInteger working) {
        long operations = 0;
        while (working.get() > 0) {
            boolean allFull = true;
            for (int slot = 0; slot < fed.length(); slot++) {
                int at = slot % workerCount() * TABLE_SLOTS + slot / workerCount();
                if (fed.getAcquire(at) == 0) {
                    hand.touchFirst(hand.malloc(firstFedId + at, FED_BYTES), FED_BYTES);
                    fed.setRelease(at, 1);
                    operations++;
                    allFull = false;
                }
            }
            if (allFull) {
                LockSupport.parkNanos(FULL_NANOS); // leaves the processor to those that free
            }
        }
        return operations;
    }

    private long freeFed(int worker, Hand hand) {
        long operations = 0;
        for (int at = worker * TABLE_SLOTS; at < (worker + 1) * TABLE_SLOTS; at++) {
            if (fed.getAcquire(at) == 1) {
                hand.free(firstFedId + at);
                fed.setRelease(at, 0);
                operations++;
            }
        }
        return operations;
    }
}
