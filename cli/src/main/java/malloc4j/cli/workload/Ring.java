package malloc4j.cli.workload;

/// A ring of blocks that is filled and mostly freed again and again: when it is full, a fifth of it is kept, and a
/// different one the next time; the blocks before that are freed oldest first, those after it newest first.
final class Ring {
    private static final int KEPT_PARTS = 5;

    private final int firstId;
    private final int slots;
    private int next;
    private int keptPart;

    Ring(int firstId, int slots) {
        this.firstId = firstId;
        this.slots = slots;
    }

    /// Allocates one more block; frees four fifths of the ring when it is full.
    ///
    /// @return operations done
    long allocate(Hand hand, int byteSize) {
        long operations = 1;
        while (next < slots && hand.addresses[firstId + next] != 0) {
            next++; // a kept one
        }
        if (next == slots) {
            operations += freeMost(hand);
        }
        hand.touchEnds(hand.malloc(firstId + next, byteSize), byteSize);
        next++;
        return operations;
    }

    private long freeMost(Hand hand) {
        long operations = 0;
        int keptFrom = (int) ((long) slots * keptPart / KEPT_PARTS);
        int keptTo = (int) ((long) slots * (keptPart + 1) / KEPT_PARTS);
        for (int i = 0; i < keptFrom; i++) {
            operations += hand.freeIfLive(firstId + i);
        }
        for (int i = slots - 1; i >= keptTo; i--) {
            operations += hand.freeIfLive(firstId + i);
        }
        keptPart = (keptPart + 1) % KEPT_PARTS;
        next = keptFrom == 0 ? keptTo : 0;
        return operations;
    }

    void freeAll(Hand hand) {
        for (int i = 0; i < slots; i++) {
            hand.freeIfLive(firstId + i);
        }
        next = 0;
    }
}
