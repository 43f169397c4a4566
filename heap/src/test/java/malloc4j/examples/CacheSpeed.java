package malloc4j.examples;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.function.LongSupplier;

/// How fast an [LruCache] is that is full, beside one with twice the memory: nanoseconds of the processor an operation,
/// the median of rounds that take turns, and the median of the rounds' ratios.
///
/// - `put`: values under new keys. The full cache drops the oldest because the heap refuses; the other drops as many by
///   key, and is never refused. So all that differs is what refusals cost, and how full the memory is.
/// - `use`: keys of which some are used much more often than others; what is missing is put. The larger cache misses
///   less.
///
/// Arguments: how many entries the full cache is to have, and how many rounds; 1,000,000 and 9 without.
public final class CacheSpeed {
    private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();
    private static final int MIN_BYTES = 16;
    private static final int MAX_BYTES = 400;

    private final int entries;
    private final int rounds;
    private final MemorySegment values = Arena.global().allocate(MAX_BYTES);

    private CacheSpeed(int entries, int rounds) {
        this.entries = entries;
        this.rounds = rounds;
    }

    /// Prints a line for each of the two.
    public static void main(String[] arguments) {
        int entries = arguments.length > 0 ? Integer.parseInt(arguments[0]) : 1_000_000;
        int rounds = arguments.length > 1 ? Integer.parseInt(arguments[1]) : 9;
        CacheSpeed speed = new CacheSpeed(entries, rounds);
        speed.put();
        speed.use();
    }

    private long limitBytes() {
        return (long) entries * ((MIN_BYTES + MAX_BYTES) / 2 + 24);
    }

    private MemorySegment value(long key) {
        long hash = (key * 0x9E37_79B9_7F4A_7C15L) >>> 32;
        return values.asSlice(0, MIN_BYTES + hash * (MAX_BYTES - MIN_BYTES + 1) / (1L << 32));
    }

    private void put() {
        try (LruCache full = new LruCache(limitBytes());
                LruCache roomy = new LruCache(2 * limitBytes())) {
            long key = 0;
            while (full.evictions() < entries) {
                full.put(key, value(key));
                roomy.put(key, value(key));
                key++;
            }
            int kept = full.size();
            for (long old = key - roomy.size(); old < key - kept; old++) {
                roomy.remove(old);
            }
            long[] next = {key, key};
            compare(
                    "put",
                    () -> {
                        for (int count = entries / 2; count > 0; count--) {
                            full.put(next[0], value(next[0]));
                            next[0]++;
                        }
                        return entries / 2;
                    },
                    () -> {
                        for (int count = entries / 2; count > 0; count--) {
                            roomy.remove(next[1] - kept);
                            roomy.put(next[1], value(next[1]));
                            next[1]++;
                        }
                        return entries / 2;
                    });
            System.out.printf(
                    "      %d entries and %d, live %.3f of the limit%n",
                    full.size(), roomy.size(), full.heap().statistics().liveBytes() / (double) limitBytes());
        }
    }

    private void use() {
        try (LruCache full = new LruCache(limitBytes());
                LruCache roomy = new LruCache(2 * limitBytes())) {
            SplittableRandom one = new SplittableRandom(3);
            SplittableRandom other = new SplittableRandom(3);
            use(full, one, 4 * entries);
            use(roomy, other, 4 * entries);
            compare("use", () -> use(full, one, entries), () -> use(roomy, other, entries));
            System.out.printf("      %d entries and %d%n", full.size(), roomy.size());
        }
    }

    private long use(LruCache cache, SplittableRandom random, int count) {
        for (int step = 0; step < count; step++) {
            double skew = random.nextDouble();
            long key = (long) (skew * skew * skew * 4 * entries);
            if (cache.get(key) == null) {
                cache.put(key, value(key));
            }
        }
        return count;
    }

    private void compare(String name, LongSupplier full, LongSupplier roomy) {
        double[] fullNanos = new double[rounds];
        double[] roomyNanos = new double[rounds];
        double[] ratios = new double[rounds];
        for (int round = -1; round < rounds; round++) {
            boolean fullFirst = (round & 1) == 0;
            double first = nanos(fullFirst ? full : roomy);
            double second = nanos(fullFirst ? roomy : full);
            if (round >= 0) {
                fullNanos[round] = fullFirst ? first : second;
                roomyNanos[round] = fullFirst ? second : first;
                ratios[round] = roomyNanos[round] / fullNanos[round];
            }
        }
        System.out.printf(
                "%s: full %.0f ns, with twice the memory %.0f ns; throughput %.2f of it (%.2f to %.2f)%n",
                name, median(fullNanos), median(roomyNanos), median(ratios), ratios[0], ratios[rounds - 1]);
    }

    private static double nanos(LongSupplier work) {
        long start = THREADS.getCurrentThreadCpuTime();
        long count = work.getAsLong();
        return (THREADS.getCurrentThreadCpuTime() - start) / (double) count;
    }

    private static double median(double[] values) {
        Arrays.sort(values);
        return values[values.length / 2];
    }
}
