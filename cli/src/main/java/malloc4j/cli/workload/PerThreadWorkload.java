package malloc4j.cli.workload;

/// A workload whose threads do the same, each with blocks of its own: `blocksPerWorker` IDs from
/// `worker * blocksPerWorker`.
abstract class PerThreadWorkload extends Workload {
    private final int workerCount;
    private final int blocksPerWorker;

    PerThreadWorkload(int workerCount, int blocksPerWorker) {
        this.workerCount = workerCount;
        this.blocksPerWorker = blocksPerWorker;
    }

    /// Allocates what a worker has live when the first round begins.
    void fill(Hand hand, int firstId) {}

    /// One piece of work.
    ///
    /// @return operations done
    abstract long pass(Hand hand, int firstId);

    final int blocksPerWorker() {
        return blocksPerWorker;
    }

    @Override
    public final int workerCount() {
        return workerCount;
    }

    @Override
    public final int blockCount() {
        return Math.multiplyExact(workerCount, blocksPerWorker);
    }

    @Override
    public final void prepare(Team team) {
        team.run((worker, hand) -> fill(hand, worker * blocksPerWorker));
    }

    @Override
    public long round(Team team, Stop stop) {
        var operations = new Counts(workerCount);
        team.run((worker, hand) -> {
            long count = 0;
            long passes = 0;
            do {
                count += pass(hand, worker * blocksPerWorker);
                passes++;
            } while (!stop.isReached(passes));
            operations.add(worker, count);
        });
        return operations.sum();
    }

    @Override
    public final void finish(Team team) {
        team.run((worker, hand) -> {
            for (int id = worker * blocksPerWorker; id < (worker + 1) * blocksPerWorker; id++) {
                hand.freeIfLive(id);
            }
        });
    }
}
