package malloc4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import malloc4j.internal.memory.RawMemory;
import malloc4j.internal.os.TestKernel;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// What a heap does before it refuses, and what its limit counts.
class FullHeapTest {
    private static final long MIB = 1L << 20;

    private static HeapOptions.Builder quiet() {
        return HeapOptions.builder().purgeDelay(Duration.ofMillis(-1));
    }

    @ParameterizedTest
    @EnumSource(
            value = MemorySource.class,
            names = {"MMAP", "BRK", "SHARED_MEMORY"})
    void pagesThatWentBackInsideSlabsAreNotCounted(MemorySource source) {
        TestKernel.assumePagesOf4KiB();
        HeapOptions options = quiet().source(source)
                .brkClaimBytes(128 * MIB)
                .hardLimitBytes(64 * MIB)
                .build();
        try (Heap heap = Heap.create(options)) {
            List<Long> blocks = fill(heap, 1024);
            assertThat(blocks).hasSizeGreaterThan(60_000);
            List<Long> kept = new ArrayList<>();
            for (int index = 0; index < blocks.size(); index++) {
                if (index % 64 == 0) {
                    kept.add(blocks.get(index));
                } else {
                    heap.free(blocks.get(index));
                }
            }
            assertThat(heap.trim(0)).isTrue();
            assertThat(heap.statistics().committedBytes()).isLessThanOrEqualTo(kept.size() * 4096L);
            heap.verify();
            List<Long> others = fill(heap, 2048);
            assertThat(others).hasSizeGreaterThan(25_000);
            heap.verify();
            for (long block : kept) {
                assertThat(RawMemory.getLong(block)).isEqualTo(block);
            }
            others.forEach(heap::free);
            heap.trim(0);
            assertThat(fill(heap, 1024)).as("the pages are counted again").hasSizeBetween(50_000, 65_536);
            assertThat(heap.statistics().committedBytes()).isLessThanOrEqualTo(64 * MIB);
            heap.verify();
        }
    }

    /// The blocks that a thread has freed last come first, unless it has given up what it has at hand.
    @Test
    void aRefusalSoonAfterAnotherLeavesAThreadWhatItHasAtHand() {
        try (Heap heap = Heap.create(quiet().hardLimitBytes(64 * MIB).build())) {
            long low = heap.malloc(1024);
            long high = heap.malloc(1024);
            List<Long> blocks = fill(heap, 1024);
            assertThat(heap.tryMalloc(2000)).isZero();
            heap.free(low);
            heap.free(high);
            assertThat(heap.tryMalloc(2000)).isZero();
            assertThat(heap.malloc(1024)).isEqualTo(high);
            heap.free(high);
            blocks.subList(0, 2_000).forEach(heap::free);
            assertThat(heap.tryMalloc(2000)).as("where 2,000 blocks were").isPositive();
            heap.verify();
        }
    }

    @Test
    void trimCountsOnlyWhatWasResident() {
        try (Heap heap = Heap.create(quiet().build())) {
            RawMemory.putLong(heap.malloc(16), 1);
            long resident = heap.residentBytes();
            boolean any = false;
            for (int round = 0; round < 3; round++) {
                any |= heap.trim(0);
                heap.free(heap.malloc(16));
            }
            assertThat(any).isFalse();
            assertThat(heap.statistics().purgedBytes()).isZero();
            assertThat(heap.residentBytes()).isEqualTo(resident);
            heap.verify();
        }
    }

    @Test
    void trimCountsAPageEachTimeItWasUsedAndNotMore() {
        TestKernel.assumePagesOf4KiB();
        try (Heap heap = Heap.create(quiet().build())) {
            long kept = heap.malloc(4096);
            List<Long> blocks = new ArrayList<>();
            for (int round = 1; round <= 3; round++) {
                for (int count = 0; count < 5; count++) {
                    long block = heap.malloc(4096);
                    RawMemory.putLong(block, 1);
                    blocks.add(block);
                }
                long before = heap.residentBytes();
                blocks.forEach(heap::free);
                blocks.clear();
                long purged = heap.statistics().purgedBytes();
                heap.trim(0);
                heap.trim(0);
                assertThat(heap.statistics().purgedBytes() - purged).isBetween(5 * 4096L, 16 * 4096L);
                assertThat(before - heap.residentBytes()).isEqualTo(5 * 4096L);
                heap.verify();
            }
            heap.free(kept);
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = MemorySource.class,
            names = {"MMAP", "SHARED_MEMORY"})
    void reallocGivesBackWhatIsIdleBeforeItRefuses(MemorySource source) {
        for (long threshold : new long[] {8 * MIB, 1L << 46}) {
            HeapOptions options = quiet().source(source)
                    .hardLimitBytes(100 * MIB)
                    .mmapThresholdBytes(threshold)
                    .build();
            try (Heap heap = Heap.create(options)) {
                long small = heap.malloc(20 * MIB);
                RawMemory.putLong(small, 42);
                List<Long> idle = new ArrayList<>();
                for (int count = 0; count < 16; count++) {
                    idle.add(heap.malloc(4 * MIB));
                }
                idle.forEach(heap::free);
                long grown = heap.realloc(small, 60 * MIB);
                assertThat(RawMemory.getLong(grown)).isEqualTo(42);
                heap.verify();
            }
        }
    }

    @Test
    void aChildIsServedByWhatItsSiblingsHaveIdle() {
        try (Heap parent = Heap.create(quiet().hardLimitBytes(32 * MIB).build());
                Heap idle = Heap.create(quiet().parent(parent).build());
                Heap child = Heap.create(quiet().parent(parent).build())) {
            fill(idle, 1024).forEach(idle::free);
            assertThat(fill(child, MIB)).hasSizeGreaterThan(28);
            child.verify();
            idle.verify();
        }
    }

    @Test
    void aCacheThatFreesItsOldestOnRefusalGoesOn() {
        try (Heap heap = Heap.create(quiet().hardLimitBytes(16 * MIB).build())) {
            List<Long> blocks = fill(heap, 1000);
            int oldest = 0;
            int refusals = 0;
            for (int entry = 0; entry < 300_000; entry++) {
                long address = heap.tryMalloc(1000);
                while (address <= 0) {
                    refusals++;
                    heap.free(blocks.get(oldest++));
                    address = heap.tryMalloc(1000);
                }
                blocks.add(address);
            }
            assertThat(refusals).isBetween(1, 310_000);
            assertThat(blocks.size() - oldest).as("entries kept").isGreaterThan(15_000);
            heap.verify();
        }
    }

    @Test
    void theErrorSaysWhatTheHeapHas() {
        try (Heap heap =
                Heap.create(quiet().name("full").hardLimitBytes(8 * MIB).build())) {
            fill(heap, MIB);
            assertThatThrownBy(() -> heap.malloc(MIB))
                    .hasMessageContaining("of heap 'full' failed: the hard limit of the heap or of a parent is reached")
                    .hasMessageContaining("limit 8.0 MiB")
                    .hasMessageContaining("live 8.0 MiB")
                    .hasMessageContaining("committed 8.0 MiB")
                    .hasMessageContaining("resident ")
                    .hasMessageContaining("idle 0.0 MiB");
        }
    }

    private static List<Long> fill(Heap heap, long byteSize) {
        List<Long> blocks = new ArrayList<>();
        for (long address = heap.tryMalloc(byteSize); address > 0; address = heap.tryMalloc(byteSize)) {
            RawMemory.putLong(address, address);
            blocks.add(address);
        }
        return blocks;
    }
}
