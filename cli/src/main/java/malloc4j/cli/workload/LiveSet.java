package malloc4j.cli.workload;

/// `live-set`: replaces a random one of 20,000 live blocks of 16 to 1,015 bytes, again and again. About 10 MB are
/// live, more than the second-level cache. The first word of each new block is written.
final class LiveSet extends PerThreadWorkload {
    private static final int LIVE_BLOCKS = 20_000;
    private static final int REPLACEMENTS = 1 << 13; // of a pass
    private static final int MAX_BYTES = 1015;

    private final int[] sizes = Sizes.uniform(1 << 14, 16, MAX_BYTES);

    LiveSet() {
        super(1, LIVE_BLOCKS);
    }

    @Override
    public long placeBytes() {
        return MAX_BYTES + 1;
    }

    @Override
    void fill(Hand hand, int firstId) {
        for (int i = 0; i < LIVE_BLOCKS; i++) {
            int byteSize = sizes[i & (sizes.length - 1)];
            hand.touchFirst(hand.malloc(firstId + i, byteSize), byteSize);
        }
    }

    @Override
    long pass(Hand hand, int firstId) {
        int[] all = sizes;
        for (int i = 0; i < REPLACEMENTS; i++) {
            int id = firstId + hand.nextInt(LIVE_BLOCKS);
            int byteSize = all[hand.nextInt(all.length)];
            hand.free(id);
            hand.touchFirst(hand.malloc(id, byteSize), byteSize);
        }
        return 2L * REPLACEMENTS;
    }
}
