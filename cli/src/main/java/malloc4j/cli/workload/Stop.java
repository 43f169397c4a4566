package malloc4j.cli.workload;

/// When a round ends: at a time, or after so many passes of each worker, whichever is first. A pass is a piece of a
/// workload, some microseconds at least, so that asking costs nothing next to it.
final class Stop {
    private final long deadline;
    private final long passes;

    private Stop(long deadline, long passes) {
        this.deadline = deadline;
        this.passes = passes;
    }

    public static Stop afterNanos(long nanos) {
        return new Stop(System.nanoTime() + nanos, Long.MAX_VALUE);
    }

    public static Stop afterPasses(long passes, long atMostNanos) {
        return new Stop(System.nanoTime() + atMostNanos, passes);
    }

    /// @param passesDone by the worker that asks
    boolean isReached(long passesDone) {
        return passesDone >= passes || System.nanoTime() - deadline >= 0;
    }
}
