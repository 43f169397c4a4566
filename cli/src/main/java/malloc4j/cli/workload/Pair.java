package malloc4j.cli.workload;

/// `pair`: malloc and free at once, sizes of 1 to 1,024 bytes, nothing else live. The best case of any allocator:
/// one thread, hot memory. The first word of each block is written.
final class Pair extends PerThreadWorkload {
    private static final int PAIRS = 1 << 14; // of a pass; too many sizes for a branch predictor to learn
    private static final int MAX_BYTES = 1024;

    private final int[] sizes = Sizes.uniform(PAIRS, 1, MAX_BYTES);

    Pair() {
        super(1, 1);
    }

    @Override
    public long placeBytes() {
        return MAX_BYTES;
    }

    @Override
    long pass(Hand hand, int firstId) {
        for (int byteSize : sizes) {
            hand.touchFirst(hand.malloc(firstId, byteSize), byteSize);
            hand.free(firstId);
        }
        return 2L * PAIRS;
    }
}
