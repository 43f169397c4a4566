package malloc4j.benchmarks;

import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLongArray;
import malloc4j.peers.Allocator;
import malloc4j.peers.AllocatorName;
import malloc4j.peers.Memory;
import malloc4j.peers.Peers;

/// What does a cache of a million entries cost that 2,000 virtual threads share, beside glibc? Not by JMH, for both
/// caches live in one JVM and take turns:
///
/// ```
/// java --enable-native-access=ALL-UNNAMED -cp benchmarks/target/benchmarks.jar \
///     malloc4j.benchmarks.HowFastAreVirtualThreads
/// ```
///
/// Each thread replaces 500 entries that chance picks: allocates 16 to 400 bytes, writes the first word and the last,
/// puts the block into the cache and frees the one that was there, which another thread has allocated as a rule. Prints
/// the process's processor time for an entry, making and ending the threads included.
///
/// Arguments: how many rounds, and after how many entries a thread yields, 0 for never; `20 50` without.
public final class HowFastAreVirtualThreads {
    private static final int ENTRIES = 1_000_000;
    private static final int THREADS = 2_000;
    private static final int REPLACED = 500; // by each thread
    private static final int MIN_BYTES = 16;
    private static final int MAX_BYTES = 400;
    private static final int WARM_UP = 4;
    private static final Allocator MALLOC4J = Peers.of(AllocatorName.MALLOC4J);
    private static final Allocator GLIBC = Peers.of(AllocatorName.GLIBC);
    private static final OperatingSystemMXBean SYSTEM =
            ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class);

    private HowFastAreVirtualThreads() {}

    /// Prints a line for each allocator, and the ratio.
    public static void main(String[] arguments) throws InterruptedException {
        int rounds = arguments.length > 0 ? Integer.parseInt(arguments[0]) : 20;
        int yieldAfter = arguments.length > 1 ? Integer.parseInt(arguments[1]) : 50;
        AtomicLongArray ours = new AtomicLongArray(ENTRIES);
        AtomicLongArray theirs = new AtomicLongArray(ENTRIES);
        long[] ourNanos = new long[rounds];
        long[] theirNanos = new long[rounds];
        for (int round = -WARM_UP; round < rounds; round++) {
            long our = round(false, ours, round, yieldAfter);
            long their = round(true, theirs, round, yieldAfter);
            if (round >= 0) {
                ourNanos[round] = our;
                theirNanos[round] = their;
            }
        }
        print("malloc4j", ourNanos);
        print("glibc", theirNanos);
        System.out.printf(
                "ratio of the fastest %.2f, of the medians %.2f%n",
                (double) ourNanos[0] / theirNanos[0], (double) ourNanos[rounds / 2] / theirNanos[rounds / 2]);
    }

    private static void print(String name, long[] nanos) {
        Arrays.sort(nanos);
        double entries = (double) THREADS * REPLACED;
        System.out.printf(
                "%-8s fastest %.0f ns, median %.0f ns%n", name, nanos[0] / entries, nanos[nanos.length / 2] / entries);
    }

    private static long round(boolean glibc, AtomicLongArray cache, int round, int yieldAfter)
            throws InterruptedException {
        CountDownLatch done = new CountDownLatch(THREADS);
        long start = SYSTEM.getProcessCpuTime();
        for (int thread = 0; thread < THREADS; thread++) {
            long seed = (long) round * THREADS + thread;
            Thread.ofVirtual().start(() -> {
                replace(glibc, cache, new SplittableRandom(seed), yieldAfter);
                done.countDown();
            });
        }
        done.await();
        return SYSTEM.getProcessCpuTime() - start;
    }

    @SuppressWarnings("ThreadPriorityCheck") // yields, as a thread does that waits for something
    private static void replace(boolean glibc, AtomicLongArray cache, SplittableRandom random, int yieldAfter) {
        for (int count = 1; count <= REPLACED; count++) {
            int byteSize = random.nextInt(MIN_BYTES, MAX_BYTES + 1);
            long block = glibc ? GLIBC.malloc(0, byteSize) : MALLOC4J.malloc(0, byteSize);
            Memory.putLong(block, count);
            Memory.putLong(block + byteSize - Long.BYTES, count);
            long old = cache.getAndSet(random.nextInt(ENTRIES), block);
            if (old != 0) {
                free(glibc, old);
            }
            if (yieldAfter != 0 && count % yieldAfter == 0) {
                Thread.yield();
            }
        }
    }

    private static void free(boolean glibc, long block) {
        if (glibc) {
            GLIBC.free(0, block);
        } else {
            MALLOC4J.free(0, block);
        }
    }
}
