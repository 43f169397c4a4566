package malloc4j.cli.workload;

/// `glibc-thread`: each thread replaces a random one of its 1,024 blocks and writes every byte of the new one.
/// Sizes of 4 to 32,768 bytes, likely as one over the square of the size.
///
/// Stresses mostly tiny blocks with rare large ones, by threads that have nothing in common.
///
/// @source glibc's bench-malloc-thread, as described in the mimalloc-bench collection
final class GlibcThread extends PerThreadWorkload {
    private static final int SLOTS = 1_024; // of each thread
    private static final int MIN_BYTES = 4;
    private static final int MAX_BYTES = 32_768;
    private static final int REPLACEMENTS = 1 << 12; // of a pass

    private final int[] sizes = Sizes.of(8_000, u -> 1 / (1.0 / MIN_BYTES - u * (1.0 / MIN_BYTES - 1.0 / MAX_BYTES)));
    private final int[] slots = Sizes.uniform(REPLACEMENTS, 0, SLOTS - 1);

    GlibcThread(int threads) {
        super(threads, SLOTS);
    }

    @Override
    public long placeBytes() {
        return MAX_BYTES;
    }

    @Override
    long pass(Hand hand, int firstId) {
        long operations = REPLACEMENTS;
        int next = hand.nextInt(sizes.length);
        for (int slot : slots) {
            int id = firstId + slot;
            int byteSize = sizes[next];
            next = next + 1 == sizes.length ? 0 : next + 1;
            operations += hand.freeIfLive(id);
            hand.fill(hand.malloc(id, byteSize), byteSize);
        }
        return operations;
    }
}
