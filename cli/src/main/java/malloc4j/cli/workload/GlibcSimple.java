package malloc4j.cli.workload;

/// `glibc-simple`: on one thread 25, 100, 400 and 1,600 blocks of 16, 32 and 64 bytes are allocated and written,
/// then the first half is freed in that order and the second half in the opposite one.
///
/// Stresses the fast path with short queues and stacks of one size.
///
/// @source glibc's bench-malloc-simple, as described in the mimalloc-bench collection
final class GlibcSimple extends PerThreadWorkload {
    private static final int[] BYTE_SIZES = {16, 32, 64};
    private static final int[] COUNTS = {25, 100, 400, 1_600};
    private static final int LARGEST_COUNT = 1_600;

    GlibcSimple() {
        super(1, LARGEST_COUNT);
    }

    @Override
    public long placeBytes() {
        return 64;
    }

    @Override
    long pass(Hand hand, int firstId) {
        for (int byteSize : BYTE_SIZES) {
            for (int count : COUNTS) {
                for (int done = 0; done < LARGEST_COUNT; done += count) {
                    fillAndFree(hand, firstId, count, byteSize);
                }
            }
        }
        return 2L * BYTE_SIZES.length * COUNTS.length * LARGEST_COUNT;
    }

    private static void fillAndFree(Hand hand, int firstId, int count, int byteSize) {
        for (int i = 0; i < count; i++) {
            hand.fill(hand.malloc(firstId + i, byteSize), byteSize);
        }
        int half = count / 2;
        for (int i = 0; i < half; i++) {
            hand.free(firstId + i);
        }
        for (int i = count - 1; i >= half; i--) {
            hand.free(firstId + i);
        }
    }
}
