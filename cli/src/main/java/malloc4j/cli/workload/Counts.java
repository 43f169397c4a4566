package malloc4j.cli.workload;

import java.util.concurrent.atomic.AtomicLongArray;

/// What each thread of a round has done; each adds once or seldom.
final class Counts {
    private final AtomicLongArray counts;

    Counts(int threadCount) {
        counts = new AtomicLongArray(threadCount);
    }

    void add(int thread, long count) {
        counts.addAndGet(thread, count);
    }

    long sum() {
        long sum = 0;
        for (int i = 0; i < counts.length(); i++) {
            sum += counts.get(i);
        }
        return sum;
    }
}
