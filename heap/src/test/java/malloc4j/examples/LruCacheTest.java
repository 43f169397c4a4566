package malloc4j.examples;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// The cache against a map of Java's that keeps the order of use, and at the limit of its memory.
///
/// The long form: `-Dtest.entries=1000000`.
@Timeout(value = 10, unit = TimeUnit.MINUTES)
@Tag("proof")
class LruCacheTest {
    private static final int ENTRIES = Integer.getInteger("test.entries", 20_000);
    private static final long MIB = 1 << 20;

    private static MemorySegment value(long key, int byteSize) {
        byte[] bytes = new byte[byteSize];
        Arrays.fill(bytes, (byte) (key * 31 + byteSize));
        return MemorySegment.ofArray(bytes);
    }

    private static void assertIsValue(@Nullable MemorySegment value, long key) {
        MemorySegment found = requireNonNull(value);
        byte expected = (byte) (key * 31 + found.byteSize());
        for (long offset = 0; offset < found.byteSize(); offset++) {
            if (found.get(ValueLayout.JAVA_BYTE, offset) != expected) {
                throw new AssertionError("value of " + key + " differs at " + offset);
            }
        }
    }

    /// What the cache has is what was used last, in that order: every eviction is of the oldest.
    @Test
    void itHasWhatWasUsedLast() {
        LinkedHashMap<Long, Integer> model = new LinkedHashMap<>(16, 0.75f, true);
        SplittableRandom random = new SplittableRandom(7);
        try (LruCache cache = new LruCache(8 * MIB)) {
            for (int step = 0; step < 4 * ENTRIES; step++) {
                long key = random.nextInt(20_000);
                int choice = random.nextInt(20);
                if (choice == 0) {
                    assertThat(cache.remove(key)).isEqualTo(model.remove(key) != null);
                } else if (choice < 10) {
                    MemorySegment found = cache.get(key);
                    assertThat(found == null).isEqualTo(model.get(key) == null);
                    if (found != null) {
                        assertIsValue(found, key);
                    }
                } else {
                    int byteSize = random.nextInt(random.nextInt(1, 4_000));
                    long before = cache.evictions();
                    model.remove(key);
                    assertThat(cache.put(key, value(key, byteSize))).isTrue();
                    for (long evicted = cache.evictions() - before; evicted > 0; evicted--) {
                        model.pollFirstEntry();
                    }
                    model.put(key, byteSize);
                }
                assertThat(cache.size()).isEqualTo(model.size());
            }
            assertThat(cache.evictions()).isPositive();
            for (Map.Entry<Long, Integer> entry : model.entrySet()) {
                MemorySegment found = cache.get(entry.getKey());
                assertIsValue(found, entry.getKey());
                assertThat(requireNonNull(found).byteSize())
                        .isEqualTo(entry.getValue().longValue());
            }
            cache.heap().verify();
        }
    }

    /// Fills its limit, and keeps as many entries as fit while it evicts several times over.
    @ParameterizedTest
    @CsvSource({"100, 100", "16, 400", "900, 1100"})
    void itFillsItsLimitAndKeepsItFull(int minBytes, int maxBytes) {
        long limit = (long) ENTRIES * ((minBytes + maxBytes) / 2 + 8);
        SplittableRandom random = new SplittableRandom(11);
        try (LruCache cache = new LruCache(limit)) {
            int fewest = Integer.MAX_VALUE;
            for (int key = 0; key < 4 * ENTRIES; key++) {
                assertThat(cache.put(key, value(key, random.nextInt(minBytes, maxBytes + 1))))
                        .isTrue();
                if (key >= 2 * ENTRIES) {
                    fewest = Math.min(fewest, cache.size());
                }
            }
            assertThat(cache.heap().statistics().committedBytes()).isLessThanOrEqualTo(limit);
            assertThat(fewest).as("entries while it evicts").isGreaterThan(ENTRIES * 7 / 10);
            System.out.printf("%d to %d bytes: at least %d of %d entries%n", minBytes, maxBytes, fewest, ENTRIES);
            for (long key = 4L * ENTRIES - fewest; key < 4L * ENTRIES; key++) {
                assertIsValue(cache.get(key), key);
            }
            cache.heap().verify();
        }
    }

    /// Values that grow by and by: what the small ones leave between them becomes room for larger ones.
    @Test
    void sizesThatDriftFindRoom() {
        SplittableRandom random = new SplittableRandom(13);
        long limit = ENTRIES * 1_000L;
        try (LruCache cache = new LruCache(limit)) {
            long worst = Long.MAX_VALUE;
            for (int key = 0; key < 10 * ENTRIES; key++) {
                int mean = 100 + key / (ENTRIES / 100); // to 1,100
                assertThat(cache.put(key, value(key, random.nextInt(mean / 2, mean * 3 / 2))))
                        .isTrue();
                if (cache.evictions() > 0 && key % (ENTRIES / 10) == 0) {
                    worst = Math.min(worst, cache.heap().statistics().liveBytes());
                }
            }
            System.out.printf("drifting: live at least %.3f of the limit%n", worst / (double) limit);
            assertThat(worst).isGreaterThan(limit * 7 / 10);
            cache.heap().verify();
        }
    }

    @Test
    void whatIsLargerThanTheCacheIsRefusedAndNothingIsLeftInItsPlace() {
        try (LruCache cache = new LruCache(4 * MIB)) {
            assertThat(cache.put(1, value(1, 100))).isTrue();
            assertThat(cache.put(1, value(1, 5 << 20))).isFalse();
            assertThat(cache.get(1)).isNull();
            assertThat(cache.size()).isZero();
            assertThat(cache.put(2, value(2, 3 << 20))).isTrue();
            assertIsValue(cache.get(2), 2);
        }
    }

    @Test
    void itShrinksAndGrowsWhileItIsInUse() {
        try (LruCache cache = new LruCache(16 * MIB)) {
            for (int key = 0; key < 40_000; key++) {
                cache.put(key, value(key, 500));
            }
            int full = cache.size();
            cache.resize(4 * MIB);
            assertThat(cache.heap().statistics().committedBytes()).isLessThanOrEqualTo(4 * MIB);
            assertThat(cache.size()).isBetween(full / 8, full / 3);
            cache.resize(32 * MIB);
            for (int key = 0; key < 80_000; key++) {
                cache.put(key, value(key, 500));
            }
            assertThat(cache.size()).isGreaterThan(full * 3 / 2);
        }
    }
}
