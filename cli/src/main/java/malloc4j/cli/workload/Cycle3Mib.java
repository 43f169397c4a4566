package malloc4j.cli.workload;

/// `cycle-3mib`: one thread allocates 3 MiB, writes a byte of every page, frees it, and again.
///
/// Stresses the keeping of large blocks: the 768 pages of one that is given back at once must all be faulted in
/// again.
final class Cycle3Mib extends PerThreadWorkload {
    private static final long BYTE_SIZE = 3 * MIB;
    private static final int CYCLES = 4; // of a pass

    Cycle3Mib() {
        super(1, 1);
    }

    @Override
    public long placeBytes() {
        return BYTE_SIZE;
    }

    @Override
    public int sampleInterval() {
        return 1;
    }

    @Override
    long pass(Hand hand, int firstId) {
        for (int i = 0; i < CYCLES; i++) {
            hand.touchPages(hand.malloc(firstId, BYTE_SIZE), BYTE_SIZE);
            hand.free(firstId);
        }
        return 2L * CYCLES;
    }
}
