package malloc4j.arrow;

import static malloc4j.arrow.Malloc4jAllocationManagerTest.rootOn;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import malloc4j.Heap;
import malloc4j.HeapOptions;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.junit.jupiter.api.Test;

/// What Arrow counts beside what the heap has.
class ArrowBudgetsTest {
    private static final long MIB = 1 << 20;

    private static Heap heap() {
        return Heap.create(
                HeapOptions.builder().name("arrow").hardLimitBytes(64 * MIB).build());
    }

    @Test
    void treeIsShownBesideTheHeap() {
        try (Heap heap = heap();
                RootAllocator root = rootOn(heap);
                BufferAllocator reader = root.newChildAllocator("reader", 2 * MIB, 8 * MIB);
                BufferAllocator batch = reader.newChildAllocator("batch", 0, 4 * MIB);
                ArrowBuf one = root.buffer(MIB);
                ArrowBuf two = batch.buffer(17 * 1_024)) {
            one.setZero(0, MIB);
            two.setZero(0, two.capacity());
            ArrowBudgets budgets = ArrowBudgets.of(heap, root);

            AllocatorBudget top = budgets.allocators().getFirst();
            assertThat(top.allocatedBytes()).isEqualTo(3 * MIB); // with what is set aside for the reader
            assertThat(top.bufferBytes()).isEqualTo(MIB + 32 * 1_024);
            assertThat(top.limitBytes()).isEqualTo(Long.MAX_VALUE);
            AllocatorBudget below = top.children().getFirst();
            assertThat(below.name()).isEqualTo("reader");
            assertThat(below.reservedBytes()).isEqualTo(2 * MIB);
            assertThat(below.allocatedBytes()).isEqualTo(32 * 1_024);
            assertThat(below.limitBytes()).isEqualTo(8 * MIB);
            assertThat(below.children().getFirst().bufferBytes()).isEqualTo(32 * 1_024);

            assertThat(budgets.bufferBytes()).isEqualTo(MIB + 32 * 1_024);
            assertThat(budgets.liveBlocks()).isEqualTo(2);
            assertThat(budgets.roundingBytes())
                    .isEqualTo(heap.usableSize(one.memoryAddress())
                            + heap.usableSize(two.memoryAddress())
                            - budgets.bufferBytes())
                    .isBetween(0L, MIB / 4);
            assertThat(budgets.committedBytes()).isGreaterThanOrEqualTo(budgets.liveBytes());
            assertThat(budgets.residentBytes()).isGreaterThanOrEqualTo(budgets.bufferBytes());
            assertThat(budgets.hardLimitBytes()).isEqualTo(64 * MIB);
            assertThat(budgets.roomBytes()).isEqualTo(64 * MIB - budgets.committedBytes());
            assertThat(budgets.toString())
                    .containsPattern("  ROOT +3.0 MiB +3.0 MiB +0.0 KiB +none\n")
                    .containsPattern("    reader +32.0 KiB +32.0 KiB +2.0 MiB +8.0 MiB\n")
                    .containsPattern("      batch +32.0 KiB +32.0 KiB +0.0 KiB +4.0 MiB\n")
                    .containsPattern("heap 'arrow'.*\n")
                    .containsPattern("  live, 2 blocks +1.0 MiB\n")
                    .containsPattern("  committed +[0-9.]+ MiB +64.0 MiB\n");
        }
    }

    @Test
    void severalRootsShareAHeap() {
        try (Heap heap = Heap.create(HeapOptions.defaults());
                RootAllocator one = rootOn(heap);
                RootAllocator two = rootOn(heap);
                ArrowBuf unused = one.buffer(4_096);
                ArrowBuf used = two.buffer(4_096)) {
            assertThat(used.capacity()).isEqualTo(unused.capacity());
            assertThat(ArrowBudgets.of(heap, one, two).bufferBytes()).isEqualTo(8_192);
            assertThat(ArrowBudgets.of(heap, one).roundingBytes()).isGreaterThanOrEqualTo(4_096);
            assertThat(ArrowBudgets.of(heap, one).roomBytes()).isEqualTo(Long.MAX_VALUE);
        }
    }

    @Test
    void reservationOfAClosedChildIsGivenBack() {
        try (Heap heap = heap();
                RootAllocator root = rootOn(heap)) {
            root.newChildAllocator("gone", MIB, MIB).close();
            assertThat(AllocatorBudget.of(root))
                    .isEqualTo(new AllocatorBudget(
                            "ROOT", 0, root.getPeakMemoryAllocation(), 0, Long.MAX_VALUE, 0, java.util.List.of()));
        }
    }

    @Test
    void closedHeapSaysSo() {
        Heap heap = heap();
        try (RootAllocator root = rootOn(heap)) {
            heap.close();
            assertThatThrownBy(() -> ArrowBudgets.of(heap, root))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("heap is closed");
        }
    }
}
