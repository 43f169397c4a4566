package malloc4j.cli.workload;

/// `sh6bench`: twice as many threads as asked for, each filling and mostly freeing a ring of blocks ([Ring]); sizes
/// go from 1 to below 1,000 bytes by one and a half, and from each down to 1 by halves, 250 blocks of each or, from
/// 100 bytes on, 50. The first and the last byte are written.
///
/// Stresses small blocks of many sizes whose lives overlap, first in first out and last in first out, by more
/// threads than processors.
///
/// @source the behaviour of MicroQuill's SmartHeap benchmark of this name, as described; its source is not used
final class Sh6bench extends RingWorkload {
    private static final int SLOTS = 10_000; // of all threads
    private static final int MAX_BYTES = 1_000;
    private static final int LARGER = 100;

    Sh6bench(int threads) {
        super(2 * threads, SLOTS / (2 * threads));
    }

    @Override
    long pass(Ring ring, Hand hand) {
        long operations = 0;
        for (int start = 1; start < MAX_BYTES; start += start / 2 + 1) {
            for (int byteSize = start; byteSize > 0; byteSize /= 2) {
                int count = byteSize < LARGER ? 250 : 50;
                for (int i = 0; i < count; i++) {
                    operations += ring.allocate(hand, byteSize);
                }
            }
        }
        return operations;
    }
}
