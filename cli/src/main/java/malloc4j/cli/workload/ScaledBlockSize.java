package malloc4j.cli.workload;

/// `block-size:BYTES`: replaces the oldest of some blocks of one size, 64 of them or as many as make 256 MiB, and
/// writes the first word of the new one.
final class ScaledBlockSize extends PerThreadWorkload {
    private static final long MAX_LIVE_BYTES = 256 * MIB;
    private static final int MAX_BLOCKS = 64;
    private static final int ROUNDS = 4; // through all blocks, of a pass

    private final long byteSize;

    ScaledBlockSize(long byteSize) {
        super(1, (int) Math.min(MAX_BLOCKS, MAX_LIVE_BYTES / byteSize));
        this.byteSize = byteSize;
    }

    @Override
    long pass(Hand hand, int firstId) {
        long operations = 0;
        for (int round = 0; round < ROUNDS; round++) {
            for (int id = firstId; id < firstId + blocksPerWorker(); id++) {
                operations += 1L + hand.freeIfLive(id);
                hand.touchFirst(hand.malloc(id, byteSize), byteSize);
            }
        }
        return operations;
    }
}
