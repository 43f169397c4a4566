package malloc4j.alloc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import malloc4j.Heap;
import malloc4j.HeapOptions;
import malloc4j.OutOfNativeMemoryError;
import malloc4j.internal.region.PageGeometry;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RegionTest {
    private final Heap heap = Heap.create(HeapOptions.builder()
            .name("regions")
            .purgeDelay(Duration.ofMillis(-1))
            .build());

    @AfterEach
    void everythingWasGivenBack() {
        assertThat(heap.statistics().liveBytes()).isZero();
        heap.close();
    }

    @Test
    void blocksLieSideBySideInAChunk() {
        try (Region region = Region.ofHeap(heap, 1024)) {
            MemorySegment first = region.allocate(10, 1);
            MemorySegment second = region.allocate(10, 1);
            MemorySegment third = region.allocate(8, 8);
            assertThat(second.address()).isEqualTo(first.address() + 10);
            assertThat(third.address()).isEqualTo(first.address() + 24);
            assertThat(region.usedBytes()).isEqualTo(32);
            assertThat(region.capacityBytes()).isEqualTo(1024);
            region.verify();
        }
    }

    @Test
    void takesAChunkWhenItNeedsOne() {
        try (Region region = Region.ofHeap(heap, 1024)) {
            assertThat(heap.statistics().liveBytes()).isZero();
            region.allocate(1024, 1);
            assertThat(heap.statistics().liveBytes()).isEqualTo(PageGeometry.PAGE_BYTES);
            region.allocate(1, 1);
            assertThat(heap.statistics().liveBytes()).isEqualTo(2 * PageGeometry.PAGE_BYTES);
            assertThat(region.allocate(5000, 1).byteSize()).isEqualTo(5000);
            assertThat(region.capacityBytes()).isEqualTo(2048 + 5000);
            region.verify();
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 8, 16, 64, 4096, 1 << 20})
    void blocksAreAlignedAlsoInAFreshChunk(long byteAlignment) {
        try (Region region = Region.ofHeap(heap, 1024)) {
            for (int i = 0; i < 20; i++) {
                assertThat(region.allocate(100, byteAlignment).address() % byteAlignment)
                        .isZero();
                region.allocate(1, 1);
            }
            region.verify();
        }
    }

    @Test
    void contentsAreZeroOnlyWhenAskedFor() {
        try (Region region = Region.ofHeap(heap, 1024)) {
            Region.Mark mark = region.mark();
            long address = region.allocate(100, 1).fill((byte) 0x55).address();
            region.rewind(mark);
            MemorySegment again = region.allocate(100, 1);
            assertThat(again.address()).isEqualTo(address);
            assertThat(again.get(ValueLayout.JAVA_BYTE, 99)).isEqualTo((byte) 0x55);
            mark = region.mark();
            region.allocate(100, 1).fill((byte) 0x55);
            region.rewind(mark);
            assertThat(region.allocateZeroed(50, 1).mismatch(MemorySegment.ofArray(new byte[50])))
                    .isEqualTo(-1);
            assertThat(region.zeroed().allocate(50, 1).mismatch(MemorySegment.ofArray(new byte[50])))
                    .isEqualTo(-1);
        }
    }

    // ---------------------------------------------------------------------------------------------------------- marks

    @Test
    void blockThrowsAfterRewindAndOlderOneDoesNot() {
        try (Region region = Region.ofHeap(heap, 1024)) {
            MemorySegment older = region.allocate(ValueLayout.JAVA_LONG);
            Region.Mark mark = region.mark();
            MemorySegment block = region.allocate(ValueLayout.JAVA_LONG);
            MemorySegment part = block.asSlice(4);
            region.rewind(mark);
            region.verify();
            assertThatIllegalStateException().isThrownBy(() -> block.get(ValueLayout.JAVA_LONG, 0));
            assertThatIllegalStateException().isThrownBy(() -> part.get(ValueLayout.JAVA_INT, 0));
            older.set(ValueLayout.JAVA_LONG, 0, 1);
            MemorySegment newer = region.allocate(ValueLayout.JAVA_LONG);
            assertThat(newer.address()).isEqualTo(block.address());
            newer.set(ValueLayout.JAVA_LONG, 0, 1);
            assertThatIllegalStateException().isThrownBy(() -> block.get(ValueLayout.JAVA_LONG, 0));
        }
    }

    @Test
    void rewindPassesLaterMarks() {
        try (Region region = Region.ofHeap(heap, 256)) {
            Region.Mark outer = region.mark();
            MemorySegment a = region.allocate(200, 1);
            Region.Mark middle = region.mark();
            MemorySegment b = region.allocate(200, 1);
            Region.Mark inner = region.mark();
            MemorySegment c = region.allocate(200, 1);
            region.verify();
            region.rewind(middle);
            region.verify();
            a.set(ValueLayout.JAVA_BYTE, 0, (byte) 1);
            assertThat(b.scope().isAlive()).isFalse();
            assertThat(c.scope().isAlive()).isFalse();
            String already = "rewind of " + region + ": it was rewound to this mark or past it already";
            assertThatIllegalStateException()
                    .isThrownBy(() -> region.rewind(inner))
                    .withMessage(already);
            assertThatIllegalStateException()
                    .isThrownBy(() -> region.rewind(middle))
                    .withMessage(already);
            assertThat(a.scope().isAlive()).isTrue();
            region.rewind(outer);
            assertThat(a.scope().isAlive()).isFalse();
            assertThat(region.usedBytes()).isZero();
        }
    }

    @Test
    void markOfAnotherRegionIsRefused() {
        try (Region region = Region.ofHeap(heap, 256);
                Region other = Region.ofHeap(heap, 256)) {
            Region.Mark mark = other.mark();
            MemorySegment block = region.allocate(8, 8);
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> region.rewind(mark))
                    .withMessage("rewind of " + region + ": the mark is one of " + other);
            assertThat(block.scope().isAlive()).isTrue();
            other.rewind(mark);
        }
    }

    @Test
    void chunksAreUsedAgainAfterRewindAndTrimmed() {
        try (Region region = Region.ofHeap(heap, 256)) {
            Region.Mark mark = region.mark();
            for (int i = 0; i < 10; i++) {
                region.allocate(200, 1);
            }
            region.rewind(mark);
            assertThat(region.capacityBytes()).isEqualTo(2560);
            for (int i = 0; i < 10; i++) {
                region.allocate(200, 1);
            }
            assertThat(region.capacityBytes()).isEqualTo(2560);
            region.trim();
            assertThat(region.capacityBytes()).as("all hold something").isEqualTo(2560);
            Region.Mark late = region.mark();
            region.allocate(5000, 1);
            region.rewind(late);
            region.trim();
            assertThat(region.capacityBytes()).isEqualTo(2560);
            assertThat(heap.statistics().liveBytes()).isEqualTo(10 * PageGeometry.PAGE_BYTES);
            region.verify();
        }
    }

    @Test
    void emptyRegionIsTrimmedToNothing() {
        try (Region region = Region.ofHeap(heap, 256)) {
            Region.Mark mark = region.mark();
            region.allocate(200, 1);
            region.rewind(mark);
            region.trim();
            assertThat(heap.statistics().liveBytes()).isZero();
            region.allocate(200, 1).fill((byte) 1);
            region.verify();
        }
    }

    @Test
    void loopOfMarksAndRewindsStaysWhereItIs() {
        try (Region region = Region.ofHeap(heap, 256)) {
            for (int i = 0; i < 100_000; i++) {
                Region.Mark mark = region.mark();
                region.allocate(100, 8);
                region.rewind(mark);
            }
            assertThat(region.capacityBytes()).isEqualTo(256);
        }
    }

    // ------------------------------------------------------------------------------------------------------- segments

    @Test
    void regionOnSegmentOverflows() {
        try (Arena arena = Arena.ofConfined();
                Region region = Region.ofSegment(arena.allocate(1000, 16))) {
            region.allocate(900, 1);
            assertThatExceptionOfType(AllocatorOverflowException.class)
                    .isThrownBy(() -> region.allocate(101, 1))
                    .withMessage("allocate(byteSize=101, byteAlignment=1) overflows Region[segment of 1000 bytes]: 101 "
                            + "bytes asked, 900 of 1000 used; rewind it, or give it a larger segment")
                    .satisfies(overflow -> {
                        assertThat(overflow.requestedBytes()).isEqualTo(101);
                        assertThat(overflow.usedBytes()).isEqualTo(900);
                        assertThat(overflow.capacityBytes()).isEqualTo(1000);
                    });
            assertThatThrownBy(() -> region.allocate(Long.MAX_VALUE, 1)).isInstanceOf(IndexOutOfBoundsException.class);
            assertThatThrownBy(() -> region.allocate(1, 1L << 62)).isInstanceOf(IndexOutOfBoundsException.class);
            assertThat(region.usedBytes()).isEqualTo(900);
            region.allocate(100, 1);
            region.verify();
        }
    }

    @Test
    void segmentThatWasClosedBeforeTheRegionIsNotGivenOut() {
        Arena arena = Arena.ofConfined();
        try (Region region = Region.ofSegment(arena.allocate(1000))) {
            region.allocate(8, 8);
            arena.close();
            assertThatIllegalStateException()
                    .isThrownBy(() -> region.allocate(8, 8))
                    .withMessage("allocate of Region[segment of 1000 bytes]: its segment is closed");
        }
    }

    @Test
    void unsuitableSegmentsAreRefused() {
        assertThatIllegalArgumentException().isThrownBy(() -> Region.ofSegment(MemorySegment.ofArray(new long[10])));
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment readOnly = arena.allocate(10).asReadOnly();
            assertThatIllegalArgumentException().isThrownBy(() -> Region.ofSegment(readOnly));
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {0, 63, -1, (1L << 30) + 1})
    void chunkSizeOutsideOfRangeIsRefused(long chunkBytes) {
        assertThatIllegalArgumentException().isThrownBy(() -> Region.ofHeap(heap, chunkBytes));
    }

    @Test
    void sizesAndAlignmentsOutsideOfRangeAreRefused() {
        try (Region region = Region.ofHeap(heap, 256)) {
            assertThatIllegalArgumentException().isThrownBy(() -> region.allocate(-1, 1));
            assertThatIllegalArgumentException().isThrownBy(() -> region.allocate(8, 0));
            assertThatIllegalArgumentException().isThrownBy(() -> region.allocate(8, 24));
            assertThatIllegalArgumentException().isThrownBy(() -> region.allocate(8, -8));
            assertThatThrownBy(() -> region.allocate(Long.MAX_VALUE, 1)).isInstanceOf(OutOfNativeMemoryError.class);
            assertThat(region.usedBytes()).isZero();
            region.verify();
        }
    }

    @Test
    void blockOfZeroBytesTakesNoRoom() {
        try (Region region = Region.ofHeap(heap, 256)) {
            assertThat(region.allocate(0, 1).byteSize()).isZero();
            assertThat(region.allocate(0, 1).address()).isPositive();
            assertThat(region.usedBytes()).isZero();
        }
    }

    // ----------------------------------------------------------------------------------------------- threads and ends

    @Test
    void regionIsForItsThreadAlone() throws Exception {
        try (Region region = Region.ofHeap(heap, 256)) {
            MemorySegment block = region.allocate(8, 8);
            Region.Mark mark = region.mark();
            CompletableFuture.runAsync(() -> {
                        assertThatExceptionOfType(WrongThreadException.class).isThrownBy(() -> region.allocate(8, 8));
                        assertThatExceptionOfType(WrongThreadException.class).isThrownBy(region::mark);
                        assertThatExceptionOfType(WrongThreadException.class).isThrownBy(() -> region.rewind(mark));
                        assertThatExceptionOfType(WrongThreadException.class).isThrownBy(region::trim);
                        assertThatExceptionOfType(WrongThreadException.class).isThrownBy(region::close);
                        assertThatExceptionOfType(WrongThreadException.class)
                                .isThrownBy(() -> block.get(ValueLayout.JAVA_LONG, 0));
                    })
                    .get();
            region.verify();
            assertThat(region.usedBytes()).isEqualTo(8);
        }
    }

    @Test
    void closingEndsAllBlocksAndGivesAllBack() {
        Region region = Region.ofHeap(heap, 256);
        MemorySegment first = region.allocate(200, 1);
        Region.Mark mark = region.mark();
        MemorySegment second = region.allocate(2000, 1);
        region.close();
        region.close();
        assertThat(heap.statistics().liveBytes()).isZero();
        assertThatIllegalStateException().isThrownBy(() -> first.get(ValueLayout.JAVA_BYTE, 0));
        assertThatIllegalStateException().isThrownBy(() -> second.get(ValueLayout.JAVA_BYTE, 0));
        String closed = " of Region[heap 'regions', chunks of 256 bytes, closed]: the region is closed";
        assertThatIllegalStateException()
                .isThrownBy(() -> region.allocate(0, 1))
                .withMessage("allocate" + closed);
        assertThatIllegalStateException().isThrownBy(region::mark).withMessage("mark" + closed);
        assertThatIllegalStateException().isThrownBy(() -> region.rewind(mark)).withMessage("rewind" + closed);
        assertThatIllegalStateException().isThrownBy(region::trim).withMessage("trim" + closed);
        assertThat(region.usedBytes()).isZero();
        assertThat(region.capacityBytes()).isZero();
        region.verify();
    }
}
