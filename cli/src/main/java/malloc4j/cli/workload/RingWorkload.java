package malloc4j.cli.workload;

/// A workload whose threads have a [Ring] each. The IDs of the rings come first.
abstract class RingWorkload extends Workload {
    private final Ring[] rings;
    private final int slots;

    RingWorkload(int workerCount, int slots) {
        this.rings = new Ring[workerCount];
        this.slots = slots;
        for (int worker = 0; worker < workerCount; worker++) {
            rings[worker] = new Ring(worker * slots, slots);
        }
    }

    /// One piece of work.
    ///
    /// @return operations done
    abstract long pass(Ring ring, Hand hand);

    final Ring ring(int worker) {
        return rings[worker];
    }

    @Override
    public final int workerCount() {
        return rings.length;
    }

    @Override
    public int blockCount() {
        return rings.length * slots;
    }

    @Override
    public long round(Team team, Stop stop) {
        var operations = new Counts(rings.length);
        team.run((worker, hand) -> {
            long count = 0;
            long passes = 0;
            do {
                count += pass(rings[worker], hand);
                passes++;
            } while (!stop.isReached(passes));
            operations.add(worker, count);
        });
        return operations.sum();
    }

    @Override
    public void finish(Team team) {
        team.run((worker, hand) -> rings[worker].freeAll(hand));
    }
}
