package malloc4j.cli.workload;

/// `heap-size:BYTES`: replaces a random one of the blocks that make so many bytes together, 16 bytes to 64 KiB,
/// each doubling as likely, and writes a byte of every page.
final class ScaledHeapSize extends PerThreadWorkload {
    private static final int MIN_BYTES = 16;
    private static final int MAX_BYTES = 1 << 16; // 64 KiB
    private static final double DOUBLINGS = 12;
    private static final int AVERAGE_BYTES = (int) ((MAX_BYTES - MIN_BYTES) / (DOUBLINGS * Math.log(2)));

    private final int[] sizes = Sizes.of(1 << 12, u -> MIN_BYTES * Math.pow(2, u * DOUBLINGS));

    ScaledHeapSize(long liveBytes) {
        super(1, (int) (liveBytes / AVERAGE_BYTES));
    }

    @Override
    void fill(Hand hand, int firstId) {
        for (int i = 0; i < blocksPerWorker(); i++) {
            int byteSize = sizes[i & (sizes.length - 1)];
            hand.touchPages(hand.malloc(firstId + i, byteSize), byteSize);
        }
    }

    @Override
    long pass(Hand hand, int firstId) {
        for (int byteSize : sizes) {
            int id = firstId + hand.nextInt(blocksPerWorker());
            hand.free(id);
            hand.touchPages(hand.malloc(id, byteSize), byteSize);
        }
        return 2L * sizes.length;
    }
}
