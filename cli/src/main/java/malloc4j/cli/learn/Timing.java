package malloc4j.cli.learn;

import java.util.Arrays;

/// How long a thing takes: the best of the medians of some batches, so that neither a round in which the machine did
/// something else counts, nor a time in which the JIT was not ready.
final class Timing {
    private static final int ROUNDS = 15;
    private static final int MIN_BATCHES = 8;
    private static final int MAX_BATCHES = 60;
    private static final int STABLE_BATCHES = 4; // no better than before: the JIT is done
    private static final double BETTER = 0.97;
    private static final long PAUSE_MILLIS = 20; // in which the JIT has a processor, where there are few

    /// Does a thing so many times.
    interface Loop {
        void run(int count);
    }

    private Timing() {}

    /// The time of one, in nanoseconds.
    ///
    /// @param count how many a round has: a round should take a tenth of a millisecond or more
    static double nanos(int count, Loop loop) throws InterruptedException {
        double best = Double.MAX_VALUE;
        int stable = 0;
        for (int batch = 0; batch < MIN_BATCHES || (stable < STABLE_BATCHES && batch < MAX_BATCHES); batch++) {
            double median = median(count, loop);
            stable = median < BETTER * best ? 0 : stable + 1;
            best = Math.min(best, median);
            Thread.sleep(PAUSE_MILLIS);
        }
        return best / count;
    }

    private static double median(int count, Loop loop) {
        long[] times = new long[ROUNDS];
        for (int round = 0; round < ROUNDS; round++) {
            long start = System.nanoTime();
            loop.run(count);
            times[round] = System.nanoTime() - start;
        }
        Arrays.sort(times);
        return times[ROUNDS / 2];
    }
}
