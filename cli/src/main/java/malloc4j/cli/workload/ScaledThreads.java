package malloc4j.cli.workload;

/// `threads:N`: each of N threads replaces random ones of its 1,000 blocks of 16 to 1,024 bytes, and writes their
/// first words.
final class ScaledThreads extends PerThreadWorkload {
    private static final int SLOTS = 1_000; // of each thread

    private final int[] sizes = Sizes.uniform(1 << 12, 16, 1_024);

    ScaledThreads(int threads) {
        super(threads, SLOTS);
    }

    @Override
    long pass(Hand hand, int firstId) {
        long operations = sizes.length;
        for (int byteSize : sizes) {
            int id = firstId + hand.nextInt(SLOTS);
            operations += hand.freeIfLive(id);
            hand.touchFirst(hand.malloc(id, byteSize), byteSize);
        }
        return operations;
    }
}
