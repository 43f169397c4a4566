package malloc4j.cli.workload;

/// `alloc-test`: each thread picks slots by the 80/20 rule applied to itself: an empty one gets a block, whose
/// bytes are all written, a full one's block is read and freed. 2^18 slots, half of them full at first; sizes of 5
/// to 1,024 bytes, each doubling half as likely.
///
/// Stresses a large live set with a hot core, in which the sizes vary and everything is freed by its own thread.
///
/// The rule six times nested makes seven regions of slots: the share of picks that region i gets is the share of
/// slots that region 6 - i has, the binomial terms of (0.8 + 0.2)^6, so the hottest 0.0064 % of the slots get 26 %
/// of the picks.
///
/// @source the description of alloc-test (ITHare), as it is run in the mimalloc-bench collection
final class AllocTest extends PerThreadWorkload {
    private static final int SLOTS = 1 << 18; // of all threads
    private static final int STEPS = 1 << 13; // of a pass
    private static final int REGIONS = 7;
    private static final int MAX_BYTES = 1024;

    /// The upper ends of the regions: of a pick in [0, 2^32), and of the slots.
    private final long[] pickEnds = new long[REGIONS];
    private final int[] slotEnds = new int[REGIONS];
    private final int[] byteSizes = new int[SLOTS];

    AllocTest(int threads) {
        super(threads, SLOTS / threads);
        double picks = 0;
        double slots = 0;
        for (int region = 0; region < REGIONS; region++) {
            picks += binomialTerm(region, 0.8, 0.2);
            slots += binomialTerm(region, 0.2, 0.8);
            pickEnds[region] = (long) (picks * 0x1p32);
            slotEnds[region] = Math.max((int) (slots * blocksPerWorker()), region + 1);
        }
        pickEnds[REGIONS - 1] = 1L << 32;
        slotEnds[REGIONS - 1] = blocksPerWorker();
    }

    private static double binomialTerm(int k, double p, double q) {
        double choose = 1;
        for (int i = 0; i < k; i++) {
            choose = choose * (REGIONS - 1 - i) / (i + 1);
        }
        return choose * Math.pow(p, REGIONS - 1 - k) * Math.pow(q, k);
    }

    @Override
    public long placeBytes() {
        return MAX_BYTES;
    }

    @Override
    void fill(Hand hand, int firstId) {
        for (int i = 0; i < blocksPerWorker(); i += 2) {
            allocate(hand, firstId + i);
        }
    }

    @Override
    long pass(Hand hand, int firstId) {
        for (int i = 0; i < STEPS; i++) {
            int id = firstId + pickSlot(hand);
            long address = hand.addresses[id];
            if (address == 0) {
                allocate(hand, id);
            } else {
                hand.sum(address, byteSizes[id]);
                hand.free(id);
            }
        }
        return STEPS;
    }

    private int pickSlot(Hand hand) {
        long pick = hand.nextLong() >>> 32;
        int region = 0;
        while (pick >= pickEnds[region]) {
            region++;
        }
        int start = region == 0 ? 0 : slotEnds[region - 1];
        return start + hand.nextInt(slotEnds[region] - start);
    }

    private void allocate(Hand hand, int id) {
        long bits = hand.nextLong();
        int shift = Long.numberOfTrailingZeros((bits & 127) + 1) + 2; // 2 half of the time, 3 a quarter, ... 9
        int byteSize = (int) ((bits >>> 7) & ((1L << shift) - 1)) + 1 + (1 << shift);
        byteSizes[id] = byteSize;
        hand.fill(hand.malloc(id, byteSize), byteSize);
    }
}
