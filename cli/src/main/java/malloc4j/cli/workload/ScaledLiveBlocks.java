package malloc4j.cli.workload;

/// `live-blocks:N`: replaces a random one of N live blocks of 16 to 112 bytes: reads the first word of the old one,
/// and writes that of the new one. On memory that was there before each block has a place of 64 bytes, the average.
///
/// From some hundred thousand blocks on, each operation misses the caches and the TLB for the block, whoever
/// allocates; what an allocator adds to that, for records as far apart as the blocks, is what counts.
final class ScaledLiveBlocks extends PerThreadWorkload {
    static final int AVERAGE_BYTES = 64;

    private final int[] sizes = Sizes.uniform(1 << 12, 16, 112);

    ScaledLiveBlocks(int blockCount) {
        super(1, blockCount);
    }

    @Override
    public long placeBytes() {
        return AVERAGE_BYTES;
    }

    @Override
    void fill(Hand hand, int firstId) {
        for (int i = 0; i < blocksPerWorker(); i++) {
            int byteSize = sizes[i & (sizes.length - 1)];
            hand.touchFirst(hand.malloc(firstId + i, byteSize), byteSize);
        }
    }

    @Override
    long pass(Hand hand, int firstId) {
        for (int byteSize : sizes) {
            int id = firstId + hand.nextInt(blocksPerWorker());
            hand.read(hand.addresses[id]);
            hand.free(id);
            hand.touchFirst(hand.malloc(id, byteSize), byteSize);
        }
        return 2L * sizes.length;
    }
}
