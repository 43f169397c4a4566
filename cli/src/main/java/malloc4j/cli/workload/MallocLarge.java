package malloc4j.cli.workload;

/// `malloc-large`: one thread replaces random ones of 20 blocks of 5 to 25 MiB and writes every byte.
///
/// Stresses large blocks: whether they come and go by system calls, each with its page faults, or are kept for
/// reuse, and what that costs in memory.
///
/// @source the description of malloc-large in the mimalloc-bench collection
final class MallocLarge extends PerThreadWorkload {
    private static final int SLOTS = 20;

    MallocLarge() {
        super(1, SLOTS);
    }

    @Override
    public int sampleInterval() {
        return 1;
    }

    @Override
    public long memoryPasses() {
        return 200;
    }

    @Override
    long pass(Hand hand, int firstId) {
        int id = firstId + hand.nextInt(SLOTS);
        long byteSize = 5 * MIB + hand.nextInt((int) (20 * MIB) + 1);
        int freed = hand.freeIfLive(id);
        hand.fill(hand.malloc(id, byteSize), byteSize);
        return 1L + freed;
    }
}
