package malloc4j.faults;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import malloc4j.Heap;
import malloc4j.HeapOptions;
import malloc4j.OutOfNativeMemoryError;
import malloc4j.OutOfNativeMemoryError.Limit;
import malloc4j.TestHeaps;
import org.junit.jupiter.api.Test;

/// Limits of the kernel, met for real in a child JVM, and limits of heaps.
class LimitsTest {
    private static final long MIB = 1L << 20;

    // Interpreted, so that the compiler's own memory does not meet the limit first.
    private static final ChildJvm INTERPRETED = ChildJvm.small("-Xint");

    @Test
    void whenAddressSpaceIsLimitedHugeBlocksComeFromTheZoneAndWhatItHasNoRoomForIsRefused() throws Exception {
        assertThat(INTERPRETED.run(LimitsChild.class, "RLIMIT_AS")).contains("refused after");
    }

    @Test
    void whenDataIsLimitedExtentsAreRefusedUntilItIsRaised() throws Exception {
        assertThat(INTERPRETED.run(LimitsChild.class, "RLIMIT_DATA")).contains("refused after");
    }

    @Test
    void aProcessStartedWithLittleAddressSpaceGetsASmallZone() throws Exception {
        assertThat(bounded(ChildJvm.small(), 8_000_000).run(LimitsChild.class, "small zone"))
                .contains("zone of");
    }

    @Test
    void theReservationsOfAProcessWithLittleAddressSpaceLeaveHalfOfItToThreads() throws Exception {
        assertThat(bounded(ChildJvm.small(), 12_000_000).run(LimitsChild.class, "threads"))
                .contains("600 threads");
    }

    @Test
    void aHeapOnTheProgramBreakTakesNoMoreThanHalfOfLittleAddressSpaceEither() throws Exception {
        assertThat(bounded(ChildJvm.small(), 3_000_000).run(LimitsChild.class, "break"))
                .contains("took ");
    }

    @Test
    void whenAddressSpaceIsLimitedBlocksOfAnySizeLeaveWhatThreadsNeed() throws Exception {
        assertThat(bounded(ChildJvm.small(), 8_000_000).run(LimitsChild.class, "reserve"))
                .contains("100 threads");
    }

    @Test
    void aLargeRequestThatIsRefusedOneWayIsServedTheOther() throws Exception {
        assertThat(bounded(INTERPRETED, 8_000_000).run(LimitsChild.class, "other way"))
                .contains("either way");
    }

    @Test
    void hugeBlocksThatTheKernelJoinsPassAQuarterOfMaxMapCountButItsMappingsNeverDo() throws Exception {
        assertThat(ChildJvm.small().run(LimitsChild.class, "max_map_count")).contains("had ");
    }

    @Test
    void extentsThatTheKernelJoinsPassAQuarterOfMaxMapCountButItsMappingsNeverDo() throws Exception {
        assertThat(ChildJvm.small().run(LimitsChild.class, "extents")).contains("had ");
    }

    @Test
    void theRequestThatWouldPassTheHardLimitFailsAlone() {
        try (Heap heap =
                Heap.create(HeapOptions.builder().hardLimitBytes(10 * MIB).build())) {
            List<Long> blocks = fill(heap, MIB);
            assertThat(blocks).hasSize(10);
            assertThat(heap.statistics().committedBytes()).isEqualTo(10 * MIB);
            assertRefused(heap, 64 << 20); // a mapping of its own
            assertRefused(heap, 100);
            heap.free(blocks.removeLast());
            blocks.add(heap.malloc(500_000));
            heap.free(heap.malloc(100));
            heap.verify();
            for (int index = 0; index < 9; index++) {
                Patterns.check(blocks.get(index), MIB, MIB, index);
            }
            blocks.forEach(heap::free);
            assertThat(fill(heap, MIB)).hasSize(10);
        }
    }

    @Test
    void reallocBeyondTheHardLimitLeavesTheBlockAsItWas() {
        HeapOptions options = HeapOptions.builder()
                .hardLimitBytes(10 * MIB)
                .mmapThresholdBytes(2 * MIB)
                .build();
        try (Heap heap = Heap.create(options)) {
            for (long byteSize : new long[] {1_000, MIB, 3 * MIB}) {
                long address = heap.malloc(byteSize);
                Patterns.fill(address, byteSize, byteSize);
                assertThatThrownBy(() -> heap.realloc(address, 11 * MIB))
                        .isInstanceOfSatisfying(OutOfNativeMemoryError.class, error -> assertThat(error.limit())
                                .isEqualTo(Limit.HEAP));
                assertThat(heap.usableSize(address)).isBetween(byteSize, byteSize + 100);
                Patterns.check(address, byteSize, byteSize, byteSize);
                heap.free(address);
            }
        }
    }

    @Test
    void aParentCountsItsChildrenAndSiblingsShareItsLimit() {
        HeapOptions.Builder of = HeapOptions.builder();
        try (Heap parent =
                        Heap.create(of.hardLimitBytes(10 * MIB).name("parent").build());
                Heap second = Heap.create(of.name("second").parent(parent).build())) {
            Heap first = Heap.create(of.hardLimitBytes(8 * MIB).name("first").build());
            List<Long> ofFirst = fill(first, MIB);
            assertThat(ofFirst).as("its own limit").hasSize(8);
            assertThat(TestHeaps.chargedBytes(parent)).isEqualTo(8 * MIB);
            assertThat(fill(second, MIB)).as("what the sibling left").hasSize(2);
            assertThat(fill(parent, MIB)).isEmpty();
            assertThat(TestHeaps.chargedBytes(parent)).isEqualTo(10 * MIB);

            first.free(ofFirst.removeLast());
            first.trim(0);
            assertThat(fill(second, MIB)).as("what the sibling gave back").hasSize(1);
            first.close();
            assertThat(TestHeaps.chargedBytes(parent)).isEqualTo(3 * MIB);
            assertThat(fill(parent, MIB)).as("what the closed child gave back").hasSize(7);
        }
    }

    /// A child in a process whose address space has a soft limit.
    private static ChildJvm bounded(ChildJvm child, long kibibytes) {
        return child.startedBy("bash", "-c", "ulimit -S -v " + kibibytes + "; exec \"$0\" \"$@\"");
    }

    private static List<Long> fill(Heap heap, long byteSize) {
        List<Long> blocks = new ArrayList<>();
        try {
            while (true) {
                long address = heap.malloc(byteSize);
                Patterns.fill(address, byteSize, blocks.size());
                blocks.add(address);
            }
        } catch (OutOfNativeMemoryError refused) {
            assertThat(refused.limit()).isEqualTo(Limit.HEAP);
            return blocks;
        }
    }

    private static void assertRefused(Heap heap, long byteSize) {
        assertThatThrownBy(() -> heap.malloc(byteSize))
                .isInstanceOfSatisfying(OutOfNativeMemoryError.class, error -> assertThat(error.limit())
                        .isEqualTo(Limit.HEAP));
    }
}
