package malloc4j.ignite;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import malloc4j.Heap;
import malloc4j.observe.HeapStatistics;
import org.apache.ignite.Ignite;
import org.apache.ignite.IgniteCache;
import org.apache.ignite.IgniteDataStreamer;
import org.apache.ignite.Ignition;
import org.apache.ignite.cache.CacheMode;
import org.apache.ignite.configuration.CacheConfiguration;
import org.apache.ignite.configuration.DataRegionConfiguration;
import org.apache.ignite.configuration.DataStorageConfiguration;
import org.apache.ignite.configuration.IgniteConfiguration;
import org.apache.ignite.logger.NullLogger;
import org.apache.ignite.spi.discovery.tcp.TcpDiscoverySpi;
import org.apache.ignite.spi.discovery.tcp.ipfinder.vm.TcpDiscoveryVmIpFinder;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Two nodes on 127.0.0.1 keep each entry twice, on one heap: one of them stops in the middle, and nothing is lost.
class NodesTest {
    private static final int ENTRIES = 50_000;
    private static final int MIN_BYTES = 100;
    private static final int MAX_BYTES = 4_099;

    @TempDir
    private Path directory;

    private Ignite start(String name) {
        TcpDiscoverySpi discovery = new TcpDiscoverySpi()
                .setIpFinder(new TcpDiscoveryVmIpFinder().setAddresses(List.of("127.0.0.1:47500..47509")));
        discovery.setLocalAddress("127.0.0.1");
        IgniteConfiguration configuration = new IgniteConfiguration()
                .setIgniteInstanceName(name)
                .setConsistentId(name)
                .setWorkDirectory(directory.toString())
                .setLocalHost("127.0.0.1")
                .setGridLogger(new NullLogger())
                .setDiscoverySpi(discovery);
        configuration.setDataStorageConfiguration(new DataStorageConfiguration()
                .setDefaultDataRegionConfiguration(new DataRegionConfiguration()
                        .setName("default")
                        .setMaxSize(384L << 20)
                        .setMemoryAllocator(new HeapAllocator())));
        return Ignition.start(configuration);
    }

    private static Heap heap() {
        return Heap.all().stream()
                .filter(heap -> heap.options().name().equals("ignite"))
                .findFirst()
                .orElseThrow();
    }

    private static byte[] value(int key) {
        Random random = new Random(key);
        byte[] value = new byte[MIN_BYTES + random.nextInt(MAX_BYTES - MIN_BYTES + 1)];
        random.nextBytes(value);
        return value;
    }

    @Test
    void everyEntryOutlivesANodeAndEverythingGoesBack() {
        long entryBytes = 0;
        try (Ignite first = start("first")) {
            try (Ignite second = start("second")) {
                IgniteCache<Integer, byte[]> cache =
                        first.getOrCreateCache(new CacheConfiguration<Integer, byte[]>("entries")
                                .setCacheMode(CacheMode.PARTITIONED)
                                .setBackups(1));
                try (IgniteDataStreamer<Integer, byte[]> stream = first.dataStreamer("entries")) {
                    for (int key = 0; key < ENTRIES; key++) {
                        byte[] value = value(key);
                        stream.addData(key, value);
                        entryBytes += value.length;
                    }
                }
                cache.put(0, value(1));
                assertThat(second.<Integer, byte[]>cache("entries").get(0)).isEqualTo(value(1));
            }
            IgniteCache<Integer, byte[]> left = first.cache("entries");
            for (int key = 1; key < ENTRIES; key++) {
                assertThat(Arrays.equals(left.get(key), value(key)))
                        .as("entry %s", key)
                        .isTrue();
            }
            assertThat(heap().residentBytes()).as("the entries are on the heap").isGreaterThan(entryBytes);
        }
        HeapStatistics statistics = heap().statistics();
        System.out.println("ignite: " + statistics.allocatedBlocks() + " allocations, " + statistics.freedBlocks()
                + " frees, " + (statistics.allocatedBytes() >> 20) + " MiB");
        assertThat(statistics.allocatedBlocks()).isPositive().isEqualTo(statistics.freedBlocks());
        assertThat(statistics.liveBlocks()).isZero();
        heap().verify();
        heap().close();
    }

    /// The page shows what this test runs.
    @Test
    void thePageHasTheseLines() throws IOException {
        String page = Files.readString(Path.of("..", "..", "docs", "engines.md"));
        String block = page.substring(page.indexOf("## Ignite"))
                .split("```java\n", 2)[1]
                .split("```", 2)[0];
        Path sources = Path.of("src", "test", "java", "malloc4j", "ignite");
        String sourceCode = Files.readString(sources.resolve("HeapAllocator.java"))
                + Files.readString(sources.resolve("NodesTest.java"));
        for (String part : block.split("\\n\\n(?=\\S)", -1)) {
            assertThat(sourceCode.replaceAll("\\s+", "")).contains(part.replaceAll("\\s+", ""));
        }
    }
}
