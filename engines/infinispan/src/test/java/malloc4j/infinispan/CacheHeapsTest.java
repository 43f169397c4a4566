package malloc4j.infinispan;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.logging.LogManager;
import malloc4j.BlockMisuseException;
import malloc4j.Heap;
import malloc4j.OutOfNativeMemoryError;
import malloc4j.observe.HeapStatistics;
import org.infinispan.Cache;
import org.infinispan.commons.CacheException;
import org.infinispan.configuration.cache.Configuration;
import org.infinispan.configuration.cache.ConfigurationBuilder;
import org.infinispan.configuration.cache.StorageType;
import org.infinispan.eviction.EvictionStrategy;
import org.infinispan.manager.EmbeddedCacheManager;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/// Caches of one process: which memory they have, what becomes of it, and what becomes of the cache when there is no
/// more.
class CacheHeapsTest {
    private static final String LIMIT = CacheHeaps.PREFIX + "hardLimitBytes";

    private EmbeddedCacheManager manager = Caches.alone();

    @BeforeEach
    void refusalsAreWanted() {
        LogManager.getLogManager().reset();
    }

    @AfterEach
    void everyHeapIsClosed() throws IOException {
        System.clearProperty(LIMIT);
        manager.stop();
        assertThat(Heap.all()).isEmpty();
    }

    private Cache<String, byte[]> cache(String name, Configuration configuration) {
        manager.defineConfiguration(name, configuration);
        return manager.getCache(name);
    }

    private static void put(Cache<String, byte[]> cache, int count, int byteSize) {
        for (int i = 0; i < count; i++) {
            cache.put("key-" + i, new byte[byteSize]);
        }
    }

    /// Puts until one is refused.
    ///
    /// @return how many were put before
    private static int fill(Cache<String, byte[]> cache, int byteSize) {
        int count = 0;
        try {
            while (true) {
                cache.put("key-" + count, new byte[byteSize]);
                count++;
            }
        } catch (CacheException refused) {
            assertThat(refused)
                    .hasMessageStartingWith("malloc4j: no memory for an entry: malloc(byteSize=")
                    .hasMessageContaining("the hard limit of the heap or of a parent is reached: limit")
                    .hasCauseInstanceOf(OutOfNativeMemoryError.class);
            return count;
        }
    }

    @Test
    void eachEntryIsABlock() {
        Cache<String, byte[]> cache = cache("sessions", Caches.offHeap());
        Heap heap = Caches.allocator(cache).heap();
        assertThat(heap.options().name()).isEqualTo("DefaultCacheManager/sessions");
        long tables = heap.statistics().liveBlocks();
        put(cache, 1_000, 100);
        assertThat(heap.statistics().liveBlocks()).isEqualTo(tables + 1_000);
        assertThat(Caches.allocator(cache).getAllocatedAmount()).isGreaterThan(100_000);
        cache.remove("key-7");
        assertThat(heap.statistics().liveBlocks()).isEqualTo(tables + 999);
        heap.verify();
    }

    @Test
    void aCacheThatStopsGivesItsHeapBackAndGetsAnotherWhenItStarts() {
        Cache<String, byte[]> cache = cache("sessions", Caches.offHeap());
        HeapMemoryAllocator allocator = Caches.allocator(cache);
        put(cache, 1_000, 100);
        cache.stop();
        HeapStatistics last = allocator.statistics();
        assertThat(last.allocatedBlocks()).isEqualTo(last.freedBlocks()).isGreaterThan(1_000);
        assertThat(Heap.all()).isEmpty();
        cache.start();
        assertThat(Caches.allocator(cache)).isSameAs(allocator);
        put(cache, 10, 100);
        assertThat(Heap.all()).containsExactly(allocator.heap());
        assertThat(allocator.statistics().liveBlocks()).isGreaterThan(10);
    }

    @Test
    void cachesOnTheJavaHeapHaveNoHeapOfOurs() {
        put(cache("objects", new ConfigurationBuilder().build()), 10, 100);
        assertThat(Heap.all()).isEmpty();
        cache("others", Caches.offHeap());
        assertThat(Heap.all()).hasSize(1);
    }

    @Test
    void nobodyClosesTheHeapUnderARunningCache() {
        Cache<String, byte[]> cache = cache("sessions", Caches.offHeap());
        put(cache, 10, 100);
        Heap heap = Caches.allocator(cache).heap();
        assertThatThrownBy(heap::close)
                .isInstanceOf(IllegalStateException.class)
                .hasMessage(
                        "close of heap 'DefaultCacheManager/sessions': open on it: 1 shared arena; close them first");
        assertThat(cache.get("key-9")).hasSize(100);
    }

    @Test
    void anEntryAboveTheLimitIsRefusedAndTheOthersStay() {
        System.setProperty(LIMIT, "1M");
        Cache<String, byte[]> cache = cache("small", Caches.offHeap());
        int count = fill(cache, 1_000);
        assertThat(count).isBetween(500, 1_000);
        for (int i = 0; i < count; i++) {
            assertThat(cache.get("key-" + i)).hasSize(1_000);
        }
        assertThat(cache.get("key-" + count)).isNull();
        for (int i = 0; i < count; i += 2) {
            cache.remove("key-" + i);
        }
        put(cache, 100, 1_000);
        HeapMemoryAllocator allocator = Caches.allocator(cache);
        allocator.heap().verify();
        cache.stop();
        assertThat(allocator.statistics().liveBlocks()).isZero();
    }

    @Test
    void aTableThatCouldNotGrowIsFreedOnce() {
        System.setProperty(LIMIT, "832K");
        Cache<String, byte[]> cache = cache("tiny", Caches.offHeap());
        int count = fill(cache, 1);
        assertThat(cache.get("key-" + count))
                .as("the entry that was to make the table grow is there")
                .hasSize(1);
        cache.clear();
        HeapMemoryAllocator allocator = Caches.allocator(cache);
        assertThat(allocator.statistics().liveBlocks()).isLessThan(10);
        allocator.heap().verify();
        assertThat(fill(cache, 1)).isEqualTo(count);
        cache.stop();
        assertThat(allocator.statistics().liveBlocks()).isZero();
    }

    @Test
    void aCacheThatEvictsIsNeverRefused() {
        System.setProperty(LIMIT, "4M");
        ConfigurationBuilder bounded = new ConfigurationBuilder();
        bounded.memory().storage(StorageType.OFF_HEAP).maxSize("2MB").whenFull(EvictionStrategy.REMOVE);
        Cache<String, byte[]> cache = cache("bounded", bounded.build());
        put(cache, 10_000, 1_000);
        HeapStatistics statistics = Caches.allocator(cache).statistics();
        assertThat(statistics.refusals()).isZero();
        assertThat(statistics.freedBlocks()).isGreaterThan(8_000);
        assertThat(statistics.liveBytes()).isLessThan(4 << 20);
    }

    @Test
    void anOptionThatNoHeapHasIsNamed() {
        System.setProperty(CacheHeaps.PREFIX + "hardLimit", "1M");
        try {
            assertThatThrownBy(() -> cache("sessions", Caches.offHeap()))
                    .rootCause()
                    .hasMessageContaining("hardLimit=1M is no option of a heap, the nearest is hardLimitBytes");
        } finally {
            System.clearProperty(CacheHeaps.PREFIX + "hardLimit");
        }
    }

    @Test
    void aBlockThatIsFreedTwiceIsRefused() {
        Cache<String, byte[]> cache = cache("sessions", Caches.offHeap());
        HeapMemoryAllocator allocator = Caches.allocator(cache);
        long address = allocator.allocate(100);
        allocator.deallocate(address, 100);
        assertThatThrownBy(() -> allocator.deallocate(address, 100)).isInstanceOf(BlockMisuseException.class);
        put(cache, 10, 100);
        allocator.heap().verify();
    }

    @Test
    void withoutNativeAccessACacheDoesNotStartAndSaysSo() throws Exception {

        Process process = new ProcessBuilder(List.of(
                        System.getProperty("java.home") + "/bin/java",
                        "--illegal-native-access=deny",
                        "-cp",
                        System.getProperty("java.class.path"),
                        Denied.class.getName()))
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .start();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor()).isZero();
        // by this library, or by Infinispan's own off-heap memory, which may be first and names no flag
        assertThat(said)
                .hasLineCount(1)
                .containsPattern("--enable-native-access=ALL-UNNAMED|Illegal native access from an unnamed module");
    }

    /// Starts a cache and prints why it did not start.
    static final class Denied {
        private Denied() {}

        public static void main(String[] arguments) throws IOException {
            try (EmbeddedCacheManager manager = Caches.alone()) {
                manager.defineConfiguration("sessions", Caches.offHeap());
                manager.getCache("sessions");
            } catch (RuntimeException failed) {
                Throwable cause = failed;
                while (cause.getCause() != null) {
                    cause = cause.getCause();
                }
                System.out.println(cause.getMessage());
            }
        }
    }
}
