package malloc4j.infinispan;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.infinispan.Cache;

/// Puts, gets and removes by several threads, each with keys of its own, that know what every key must have.
///
/// A value tells its version in its first bytes and has the rest made of it. What an operation that was acknowledged
/// leaves is the one version that may be there from then on; one that threw may have been done or not.
final class Operations {
    static final int NOTHING = 0; // the version of a key that is not there

    private final Cache<String, byte[]> cache;
    private final int threadCount;
    private final int count;
    private final List<Map<String, Set<Integer>>> possible = new ArrayList<>(); // by the thread
    private final AtomicInteger done = new AtomicInteger();
    private final AtomicInteger thrown = new AtomicInteger();
    private final ExecutorService executor = Executors.newCachedThreadPool();
    private final List<Future<Void>> futures = new ArrayList<>();

    Operations(Cache<String, byte[]> cache, int threadCount, int count) {
        this.cache = cache;
        this.threadCount = threadCount;
        this.count = count;
    }

    void start() {
        for (int thread = 0; thread < threadCount; thread++) {
            Map<String, Set<Integer>> keys = new HashMap<>();
            possible.add(keys);
            Random random = new Random(14 + thread);
            int id = thread;
            Callable<Void> work = () -> run(id, keys, random);
            futures.add(executor.submit(work));
        }
    }

    /// Waits until so many were done, in all.
    void await(int operations) throws InterruptedException {
        while (done.get() < operations && !futures.stream().allMatch(Future::isDone)) {
            Thread.sleep(5);
        }
    }

    /// Waits for the end.
    void await() throws Exception {
        for (Future<Void> future : futures) {
            future.get();
        }
        executor.shutdown();
    }

    int done() {
        return done.get();
    }

    /// How many were not acknowledged.
    int thrown() {
        return thrown.get();
    }

    private Void run(int thread, Map<String, Set<Integer>> keys, Random random) {
        for (int version = 1; version <= count / threadCount; version++) {
            String key = "key-" + thread + "-" + random.nextInt(count / threadCount / 2);
            int kind = random.nextInt(100);
            Set<Integer> before = keys.getOrDefault(key, Set.of(NOTHING));
            int after = kind < 75 ? version : kind < 85 ? NOTHING : -1;
            try {
                if (after > 0) {
                    cache.put(key, value(after));
                } else if (after == NOTHING) {
                    cache.remove(key);
                } else {
                    requireOneOf(key, before);
                }
                if (after >= 0) {
                    keys.put(key, Set.of(after));
                }
            } catch (RuntimeException notAcknowledged) {
                thrown.incrementAndGet();
                if (after >= 0) {
                    Set<Integer> either = new TreeSet<>(before);
                    either.add(after);
                    keys.put(key, either);
                }
            }
            done.incrementAndGet();
        }
        return null;
    }

    /// Reads every key.
    ///
    /// @return how many are there
    int check() {
        int there = 0;
        for (Map<String, Set<Integer>> keys : possible) {
            for (Map.Entry<String, Set<Integer>> key : keys.entrySet()) {
                there += requireOneOf(key.getKey(), key.getValue()) == NOTHING ? 0 : 1;
            }
        }
        return there;
    }

    private int requireOneOf(String key, Set<Integer> versions) {
        byte[] value = cache.get(key);
        int version = value == null ? NOTHING : version(value);
        if (!versions.contains(version)) {
            throw new AssertionError(key + " has version " + version + " in place of " + versions);
        }
        if (value != null && !Arrays.equals(value, value(version))) {
            throw new AssertionError(key + " has other bytes than version " + version + " was put with");
        }
        return version;
    }

    private static int version(byte[] value) {
        return (value[0] & 0xFF) | (value[1] & 0xFF) << 8 | (value[2] & 0xFF) << 16;
    }

    /// From 16 bytes to 4 KiB, and one in a hundred up to 64 KiB.
    private static byte[] value(int version) {
        Random random = new Random(version);
        byte[] value = new byte[16 + random.nextInt(version % 100 == 0 ? 65_536 : 4_096)];
        random.nextBytes(value);
        value[0] = (byte) version;
        value[1] = (byte) (version >> 8);
        value[2] = (byte) (version >> 16);
        return value;
    }
}
