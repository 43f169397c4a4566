package malloc4j.cli.workload;

/// `larson`: a server whose threads come and go. Each thread replaces random ones of its 5,000 blocks of 8 to 999
/// bytes, 500,000 times, writing their first and last bytes; then it hands all of them to a fresh thread, which
/// goes on with them, and ends.
///
/// Stresses blocks that outlive their thread: what a fresh thread frees was allocated by one that is gone.
///
/// @source Larson and Krishnan, "Memory allocation for long-running server applications", ISMM 1998
final class Larson extends PerThreadWorkload {
    private static final int SLOTS = 5_000; // of each thread
    private static final int TURNS = 100; // times SLOTS replacements until a thread ends
    private static final int MIN_BYTES = 8;
    private static final int MAX_BYTES = 999;

    Larson(int threads) {
        super(threads, SLOTS);
    }

    @Override
    public boolean crossesThreads() {
        return true;
    }

    @Override
    public long placeBytes() {
        return MAX_BYTES + 1;
    }

    @Override
    void fill(Hand hand, int firstId) {
        int[] order = new int[SLOTS];
        for (int i = 0; i < SLOTS; i++) {
            int other = hand.nextInt(i + 1); // slots in random order, so that neighbours in memory are not so here
            order[i] = order[other];
            order[other] = i;
        }
        for (int slot : order) {
            allocate(hand, firstId + slot);
        }
        for (int turn = 0; turn < 4; turn++) {
            pass(hand, firstId);
        }
    }

    @Override
    long pass(Hand hand, int firstId) {
        for (int i = 0; i < SLOTS; i++) {
            int id = firstId + hand.nextInt(SLOTS);
            hand.free(id);
            allocate(hand, id);
        }
        return 2L * SLOTS;
    }

    private static void allocate(Hand hand, int id) {
        int byteSize = MIN_BYTES + hand.nextInt(MAX_BYTES - MIN_BYTES + 1);
        hand.touchEnds(hand.malloc(id, byteSize), byteSize);
    }

    @Override
    public long round(Team team, Stop stop) {
        var operations = new Counts(workerCount());
        team.run((worker, hand) -> {
            var turns = new Turns();
            do {
                Team.runOnFreshThread(() -> operations.add(worker, turns.take(this, hand, worker * SLOTS, stop)));
            } while (!stop.isReached(turns.taken));
        });
        return operations.sum();
    }

    /// The turns of a worker's threads, one after the other.
    private static final class Turns {
        private long taken;

        long take(Larson larson, Hand hand, int firstId, Stop stop) {
            long count = 0;
            int turn = 0;
            do {
                count += larson.pass(hand, firstId);
                taken++;
                turn++;
            } while (turn < TURNS && !stop.isReached(taken));
            return count;
        }
    }

    @Override
    public long memoryPasses() {
        return 10L * TURNS;
    }
}
