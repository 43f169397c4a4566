package malloc4j.infinispan;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import malloc4j.Heap;
import org.infinispan.Cache;
import org.infinispan.commons.CacheException;
import org.infinispan.distribution.DistributionManager;
import org.infinispan.distribution.LocalizedCacheTopology;
import org.infinispan.factories.ComponentRegistry;
import org.infinispan.manager.EmbeddedCacheManager;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A cluster whose two nodes are processes of their own and keep every entry twice, on their heaps. This process is a
/// member that keeps none.
class ClusterTest {
    private static final int OPERATIONS = 50_000;
    private static final int THREADS = 8;

    @TempDir
    private Path directory;

    private static void awaitBalance(Cache<?, ?> cache, int owners) throws InterruptedException {
        DistributionManager distribution = ComponentRegistry.componentOf(cache, DistributionManager.class);
        for (int tries = 0; tries < 12_000; tries++) {
            LocalizedCacheTopology topology = distribution.getCacheTopology();
            boolean isBalanced = topology.getPendingCH() == null
                    && topology.getMembers().size() == owners + 1
                    && topology.getReadConsistentHash()
                                    .locateOwnersForSegment(0)
                                    .size()
                            == owners;
            if (isBalanced) {
                return;
            }
            Thread.sleep(20);
        }
        throw new AssertionError("no balance: " + distribution.getCacheTopology());
    }

    /// That what the node keeps is on its heap: a block each.
    private static void requireOnHeap(Node.Report report, int entries) {
        assertThat(report.entries()).as("%s", report).isEqualTo(entries);
        assertThat(report.liveBlocks()).as("%s", report).isGreaterThanOrEqualTo(entries);
        assertThat(report.liveBytes()).as("%s", report).isGreaterThan(entries * 1_000L);
        assertThat(report.residentBytes()).as("%s", report).isGreaterThan(report.liveBytes() * 9 / 10);
        assertThat(report.allocatedBlocks() - report.freedBlocks()).isEqualTo(report.liveBlocks());
    }

    /// That a node which has stopped in order has given everything back.
    private static void requireReturned(Node.Report before, Node.Report after) {
        assertThat(after.allocatedBlocks()).as("%s", after).isEqualTo(after.freedBlocks());
        assertThat(after.allocatedBlocks()).isGreaterThanOrEqualTo(before.allocatedBlocks());
        assertThat(after.liveBlocks()).isZero();
        assertThat(after.openHeaps()).isZero();
        assertThat(before.processResidentBytes() - after.processResidentBytes())
                .as("%s to %s", before, after)
                .isGreaterThan(before.residentBytes() / 2);
    }

    @Test
    void noAcknowledgedEntryIsLostWhenOneNodeIsKilledAndOneStopped() throws Exception {
        List<Integer> ports = Stack.freePorts(4);
        try (NodeProcess killed = node("killed", ports, 0).joined();
                NodeProcess stopped = node("stopped", ports, 1).joined();
                EmbeddedCacheManager manager = Caches.join("asks", stack(ports, 3), false)) {
            Cache<String, byte[]> cache = manager.getCache(Caches.NAME);
            awaitBalance(cache, 2);
            Operations operations = new Operations(cache, THREADS, OPERATIONS);
            operations.start();
            operations.await(OPERATIONS / 2);
            Node.Report half = killed.ask("state");
            killed.kill();
            assertThat(half.liveBlocks()).isGreaterThan(OPERATIONS / 8);
            try (NodeProcess joined = node("joined", ports, 2).joined()) {
                operations.await();
                awaitBalance(cache, 2);
                int entries = operations.check();
                System.out.println(operations.done() + " operations, " + operations.thrown() + " not acknowledged, "
                        + entries + " entries");
                stopOneAfterTheOther(stopped, joined, operations, entries);
            }
            HeapMemoryAllocator allocator = Caches.allocator(cache);
            manager.stop();
            assertThat(allocator.statistics().liveBlocks()).isZero();
            assertThat(Heap.all()).isEmpty();
        }
    }

    private static void stopOneAfterTheOther(
            NodeProcess stopped, NodeProcess joined, Operations operations, int entries) throws Exception {
        Node.Report full = stopped.ask("state");
        requireOnHeap(full, entries);
        requireOnHeap(joined.ask("state"), entries);
        Node.Report empty = stopped.ask("stop");
        System.out.println("with all entries: " + full + "\nstopped: " + empty);
        requireReturned(full, empty);
        assertThat(stopped.ended()).isZero();
        assertThat(operations.check()).isEqualTo(entries);
        Node.Report last = joined.ask("state");
        requireOnHeap(last, entries);
        requireReturned(last, joined.ask("stop"));
        assertThat(joined.ended()).isZero();
    }

    @Test
    void aNodeWithoutRoomRefusesAndKeepsWhatItHasAcknowledged() throws Exception {
        List<Integer> ports = Stack.freePorts(2);
        try (EmbeddedCacheManager large = Caches.join("large", stack(ports, 0), true)) {
            Cache<String, byte[]> cache = large.getCache(Caches.NAME);
            System.setProperty(CacheHeaps.PREFIX + "hardLimitBytes", "4M");
            try (EmbeddedCacheManager small = Caches.join("small", stack(ports, 1), true)) {
                Cache<String, byte[]> there = small.getCache(Caches.NAME);
                List<String> acknowledged = putRefused(cache, 2_500);
                HeapMemoryAllocator allocator = Caches.allocator(there);
                assertThat(allocator.statistics().refusals()).isGreaterThan(100);
                for (String key : acknowledged) {
                    assertThat(there.get(key)).hasSize(2_000);
                }
                small.stop();
                assertThat(allocator.statistics().liveBlocks()).isZero();
                for (String key : acknowledged) {
                    assertThat(cache.get(key)).hasSize(2_000);
                }
            }
        } finally {
            System.clearProperty(CacheHeaps.PREFIX + "hardLimitBytes");
        }
        assertThat(Heap.all()).isEmpty();
    }

    /// @return the keys that were put
    private static List<String> putRefused(Cache<String, byte[]> cache, int count) {
        List<String> acknowledged = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            try {
                cache.put("key-" + i, new byte[2_000]);
                acknowledged.add("key-" + i);
            } catch (CacheException refused) {
                assertThat(refused.getCause()).hasMessageContaining("of heap 'small/entries' failed: the hard limit");
            }
        }
        assertThat(acknowledged).hasSizeBetween(1_000, count - 1);
        return acknowledged;
    }

    private Path stack(List<Integer> ports, int index) throws Exception {
        return Stack.write(directory, ports.get(index), ports);
    }

    private NodeProcess node(String name, List<Integer> ports, int index) throws Exception {
        return new NodeProcess(name, stack(ports, index), directory);
    }
}
