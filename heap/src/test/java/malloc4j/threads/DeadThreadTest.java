package malloc4j.threads;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import malloc4j.Heap;
import malloc4j.HeapOptions;
import malloc4j.internal.memory.RawMemory;
import malloc4j.observe.HeapStatistics;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/// What a thread leaves when it ends: its cache to the next thread, its blocks to whoever frees them.
class DeadThreadTest {
    private static final long MIB = 1L << 20;

    private final Heap heap = Heap.create(HeapOptions.defaults());

    @AfterEach
    void close() {
        heap.close();
    }

    @Test
    void theNextThreadTakesOverAFullCacheWithItsMemory() throws InterruptedException {
        long firstReserved = 0;
        for (int round = 0; round < 50; round++) {
            Thread thread = Thread.ofPlatform().start(() -> {
                List<Long> blocks = new ArrayList<>();
                for (int count = 0; count < 20_000; count++) {
                    blocks.add(heap.malloc(200));
                }
                blocks.forEach(heap::free);
            });
            thread.join();
            HeapStatistics now = heap.statistics();
            firstReserved = round == 0 ? now.reservedBytes() : firstReserved;
            assertThat(now.reservedBytes()).as("round %d", round).isEqualTo(firstReserved);
            assertThat(now.threadCaches()).isEqualTo(1);
            assertThat(now.liveBlocks()).isZero();
            heap.verify();
        }
    }

    @Test
    void blocksOutliveTheirThreadAndAnyThreadMayFreeThem() throws InterruptedException {
        List<Long> blocks = new ArrayList<>();
        Thread thread = Thread.ofPlatform().start(() -> {
            for (int count = 0; count < 10_000; count++) {
                long address = heap.malloc(100);
                RawMemory.putLong(address, address);
                blocks.add(address);
            }
        });
        thread.join();
        heap.trim(0); // gives up the leases of the dead thread's cache
        assertThat(blocks).allMatch(address -> RawMemory.getLong(address) == address);
        assertThat(heap.statistics().liveBlocks()).isEqualTo(10_000);
        blocks.forEach(heap::free);
        heap.verify();
        assertThat(heap.statistics().liveBlocks()).isZero();
        heap.trim(0);
        assertThat(heap.residentBytes()).isLessThanOrEqualTo(MIB);
    }
}
