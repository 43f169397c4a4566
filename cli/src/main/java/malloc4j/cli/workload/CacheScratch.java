package malloc4j.cli.workload;

import malloc4j.peers.Memory;

/// `cache-scratch`: the main thread allocates one byte for each thread. Each frees its own, then again and again
/// allocates one byte, reads and writes it 2,000 times, and frees it.
///
/// Stresses passive false sharing: an allocator that gives the first bytes, which were neighbours in one cache
/// line, back to the threads that freed them makes the threads fight for that line. Time is spent in the reads and
/// writes, so good allocators are all alike here.
///
/// @source Berger et al., "Hoard: A Scalable Memory Allocator for Multithreaded Applications", ASPLOS 2000
final class CacheScratch extends Workload {
    private static final int FLIPS = 2_000; // even, so that the byte ends as it was
    private static final int PAIRS = 16; // of a pass

    private final int threads;

    CacheScratch(int threads) {
        this.threads = threads;
    }

    @Override
    public int workerCount() {
        return threads;
    }

    @Override
    public int blockCount() {
        return threads;
    }

    @Override
    public boolean crossesThreads() {
        return true;
    }

    @Override
    public long placeBytes() {
        return 128; // a pair of cache lines: what memory does without any sharing
    }

    @Override
    public int sampleInterval() {
        return 1;
    }

    @Override
    public long round(Team team, Stop stop) {
        var operations = new Counts(threads + 1);
        for (int id = 0; id < threads; id++) {
            hand(team, id);
        }
        operations.add(threads, threads);
        team.run((worker, hand) -> {
            hand.free(worker);
            long passes = 0;
            do {
                for (int i = 0; i < PAIRS; i++) {
                    flip(hand.malloc(worker, 1));
                    hand.free(worker);
                }
                passes++;
            } while (!stop.isReached(passes));
            operations.add(worker, 1 + passes * 2 * PAIRS);
        });
        return operations.sum();
    }

    private static void hand(Team team, int id) {
        team.own().touchFirst(team.own().malloc(id, 1), 1);
    }

    private static void flip(long address) {
        for (int i = 0; i < FLIPS; i++) {
            Memory.putByteOpaque(address, (byte) (Memory.getByteOpaque(address) ^ 1));
        }
    }

    @Override
    public void finish(Team team) {}
}
