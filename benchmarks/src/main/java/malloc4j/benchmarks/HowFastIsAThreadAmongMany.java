package malloc4j.benchmarks;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.SynchronousQueue;
import malloc4j.Malloc;

/// What does a pair of malloc and free cost the last of 10,000 living threads, beside the first? The last is displaced:
/// the table of the common heap has 4,096 rows. Not by JMH, for the two threads take turns:
///
/// ```
/// java --enable-native-access=ALL-UNNAMED -cp benchmarks/target/benchmarks.jar \
///     malloc4j.benchmarks.HowFastIsAThreadAmongMany
/// ```
///
/// Prints the fastest of 40 rounds of each, in ns of the thread's own processor time.
///
/// Argument: how many threads; `10000` without.
public final class HowFastIsAThreadAmongMany {
    private static final int ROUNDS = 40;
    private static final int WARM_UP = 10;
    private static final int PAIRS = 400_000; // a round
    private static final long STACK_BYTES = 64 << 10;
    private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();

    private HowFastIsAThreadAmongMany() {}

    /// Prints a line.
    public static void main(String[] arguments) throws InterruptedException {
        int count = arguments.length > 0 ? Integer.parseInt(arguments[0]) : 10_000;
        CountDownLatch end = new CountDownLatch(1);
        Worker first = new Worker();
        first.round();
        CountDownLatch begun = new CountDownLatch(count - 2);
        for (int thread = 0; thread < count - 2; thread++) {
            start(() -> {
                Malloc.free(Malloc.malloc(1));
                begun.countDown();
                await(end);
            });
        }
        begun.await();
        Worker last = new Worker();
        long firstNanos = Long.MAX_VALUE;
        long lastNanos = Long.MAX_VALUE;
        for (int round = -WARM_UP; round < ROUNDS; round++) {
            long ofFirst = first.round();
            long ofLast = last.round();
            if (round >= 0) {
                firstNanos = Math.min(firstNanos, ofFirst);
                lastNanos = Math.min(lastNanos, ofLast);
            }
        }
        System.out.printf(
                "%d threads: the first %.1f ns a pair, the last %.1f ns, ratio %.2f%n",
                count, firstNanos / (double) PAIRS, lastNanos / (double) PAIRS, lastNanos / (double) firstNanos);
        end.countDown();
    }

    private static void start(Runnable task) {
        Thread thread = new Thread(null, task, "of many", STACK_BYTES);
        thread.setDaemon(true);
        thread.start();
    }

    private static void await(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /// A thread that measures a round when it is told to.
    private static final class Worker {
        private final SynchronousQueue<Integer> orders = new SynchronousQueue<>();
        private final SynchronousQueue<Long> nanos = new SynchronousQueue<>();

        Worker() {
            start(() -> {
                try {
                    while (true) {
                        nanos.put(timed(orders.take()));
                    }
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
            });
        }

        long round() throws InterruptedException {
            orders.put(PAIRS);
            return nanos.take();
        }

        private static long timed(int pairs) {
            long start = THREADS.getCurrentThreadCpuTime();
            for (int pair = 0; pair < pairs; pair++) {
                Malloc.free(Malloc.malloc(64 + (pair & 63)));
            }
            return THREADS.getCurrentThreadCpuTime() - start;
        }
    }
}
