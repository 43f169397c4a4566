package malloc4j.cli.workload;

import java.util.concurrent.atomic.AtomicIntegerArray;

/// `mleak`: ten fresh threads at a time, each of which allocates 128 zeroed bytes, swaps them into one of 1,000
/// slots, frees what was there, and ends.
///
/// Stresses threads whose first and only deeds are one malloc and one free, of a block from a thread that is gone:
/// whatever an allocator sets aside for a thread must not stay behind. Time is that of starting threads; what tells
/// is the memory.
///
/// Each of the ten has an ID to spare, and gives it for the one that it gets.
///
/// @source the description of mleak in the mimalloc-bench collection
final class Mleak extends Workload {
    private static final int THREADS = 10;
    private static final int SLOTS = 1_000;
    private static final int BYTE_SIZE = 16 * Long.BYTES;

    private final AtomicIntegerArray slots = new AtomicIntegerArray(SLOTS);
    private final int[] spareIds = new int[THREADS];

    Mleak() {
        for (int slot = 0; slot < SLOTS; slot++) {
            slots.set(slot, slot);
        }
        for (int t = 0; t < THREADS; t++) {
            spareIds[t] = SLOTS + t;
        }
    }

    @Override
    public int workerCount() {
        return THREADS;
    }

    @Override
    public int blockCount() {
        return SLOTS + THREADS;
    }

    @Override
    public boolean crossesThreads() {
        return true;
    }

    @Override
    public int sampleInterval() {
        return 1;
    }

    @Override
    public long memoryPasses() {
        return 1_000;
    }

    @Override
    public long round(Team team, Stop stop) {
        var operations = new Counts(THREADS);
        long passes = 0;
        do {
            team.runOnFreshThreads(THREADS, (t, hand) -> operations.add(t, live(t, hand)));
            passes++;
        } while (!stop.isReached(passes));
        return operations.sum();
    }

    private long live(int thread, Hand hand) {
        int id = spareIds[thread];
        hand.touchFirst(hand.calloc(id, BYTE_SIZE), BYTE_SIZE);
        int old = slots.getAndSet(hand.nextInt(SLOTS), id);
        spareIds[thread] = old;
        return 1L + hand.freeIfLive(old);
    }

    @Override
    public void finish(Team team) {
        for (int slot = 0; slot < SLOTS; slot++) {
            team.own().freeIfLive(slots.get(slot));
        }
    }
}
