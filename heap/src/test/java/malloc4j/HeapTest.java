package malloc4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.RandomAccessFile;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import malloc4j.internal.memory.Bits;
import malloc4j.internal.memory.RawMemory;
import malloc4j.internal.os.RecordingCalls;
import malloc4j.internal.os.TestKernel;
import malloc4j.internal.region.Ground;
import malloc4j.internal.region.PageGeometry;
import malloc4j.internal.slab.SizeClasses;
import malloc4j.linux.SystemCallException;
import malloc4j.observe.HeapStatistics;
import malloc4j.observe.SizeClassStatistics;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class HeapTest {
    private static final long MIB = 1 << 20;

    private static HeapOptions.Builder quiet() {
        return HeapOptions.builder().name("test").mmapThresholdBytes(4 * MIB).purgeDelay(Duration.ofMillis(-1));
    }

    @Test
    void sizesGoToTheLevelThatServesThem() {
        try (Heap heap = Heap.create(quiet().build())) {
            heap.malloc(32_768);
            heap.malloc(32_769);
            heap.malloc(4 * MIB - 1);
            heap.malloc(4 * MIB);
            HeapStatistics now = heap.statistics();
            assertThat(now.liveBlocks()).isEqualTo(4);
            assertThat(now.sizeClasses()).containsExactly(new SizeClassStatistics(32_768, 1, 1, 1, 1, 0, 1, 0));
            assertThat(now.largeBlocks()).isEqualTo(2);
            assertThat(now.largeBytes()).isEqualTo(Bits.alignUp(32_769, PageGeometry.PAGE_BYTES) + 4 * MIB);
            assertThat(now.hugeBlocks()).isEqualTo(1);
            assertThat(now.hugeBytes()).isEqualTo(4 * MIB);
            assertThat(now.spanBytes()).isEqualTo(65_536 + now.largeBytes());
            assertThat(now.threadCaches()).isEqualTo(1);
            heap.verify();
        }
    }

    @Test
    void whatWasWrittenBeforeIsZeroInCalloc() {
        try (Heap heap = Heap.create(quiet().build())) {
            for (long byteSize : new long[] {24, 5_000, 40_000, 100_000, MIB, 3 * MIB, 5 * MIB}) {
                for (int round = 0; round < 4; round++) {
                    long block = heap.calloc(1, byteSize);
                    for (long at = 0; at + 8 <= byteSize; at += 8) {
                        assertThat(RawMemory.getLong(block + at)).isZero();
                    }
                    long written = round % 2 == 0 ? block : heap.realloc(block, byteSize / 2 + 1);
                    RawMemory.fill(written, byteSize / 2 + 1, (byte) -1);
                    heap.free(written);
                    if (round == 2) {
                        heap.trim(0);
                    }
                }
            }
            heap.verify();
        }
    }

    @ParameterizedTest
    @CsvSource({
        // from, to, stays
        "48, 48, true",
        "48, 33, true",
        "48, 24, true",
        "48, 23, false",
        "48, 49, false",
        "100000, 102400, true",
        "100000, 40000, true",
        "100000, 200000, true",
        "100000, 32768, false",
        "100000, 5000000, false",
        "5000000, 5000001, true",
        "5000000, 2100000, true",
        "5000000, 2000000, false"
    })
    void reallocStaysInPlaceWhereItCan(long from, long to, boolean stays) {
        try (Heap heap = Heap.create(quiet().build())) {
            long address = heap.malloc(from);
            RawMemory.fill(address, from, (byte) 7);
            long moved = heap.realloc(address, to);
            assertThat(moved == address).isEqualTo(stays);
            for (long offset = 0; offset < Math.min(from, to); offset++) {
                if (RawMemory.getByte(moved + offset) != 7) {
                    throw new AssertionError("byte " + offset + " was lost");
                }
            }
            assertThat(heap.usableSize(moved)).isGreaterThanOrEqualTo(to);
            assertThat(heap.statistics().liveBlocks()).isEqualTo(1);
            heap.verify();
        }
    }

    @ParameterizedTest
    @EnumSource(value = MemorySource.class, mode = EnumSource.Mode.EXCLUDE, names = "FILE")
    void aReallocThatCannotBeServedLeavesTheBlockAsItWas(MemorySource source) {
        try (Heap heap = Heap.create(quiet().source(source)
                .mmapThresholdBytes(1L << 46)
                .brkClaimBytes(16 * MIB)
                .build())) {
            for (long from : new long[] {100, 100 << 10, 5 * MIB}) {
                long block = heap.malloc(from);
                RawMemory.fill(block, from, (byte) 7);
                long usable = heap.usableSize(block);
                for (int shift = 41; shift <= 46; shift++) {
                    for (long more : new long[] {-1, 0, 1, 5_000}) {
                        long byteSize = (1L << shift) + more;
                        assertThatThrownBy(() -> heap.realloc(block, byteSize))
                                .isInstanceOf(OutOfNativeMemoryError.class);
                        assertThat(heap.resizeInPlace(block, byteSize)).isFalse();
                        assertThat(heap.tryRealloc(block, byteSize)).isZero();
                    }
                }
                assertThat(heap.usableSize(block)).isEqualTo(usable);
                assertThat(RawMemory.getByte(block + from - 1)).isEqualTo((byte) 7);
                long other = heap.malloc(from);
                assertThat(Math.abs(other - block)).isGreaterThanOrEqualTo(usable);
                heap.verify();
            }
        }
    }

    @Test
    void reallocStaysWhileTheClassStays() {
        try (Heap heap = Heap.create(quiet().build())) {
            long from = 0;
            for (int sizeClass = 0; sizeClass < SizeClasses.COUNT; sizeClass++) {
                long block = heap.malloc(from);
                for (long byteSize = from; byteSize <= SizeClasses.blockBytes(sizeClass); byteSize++) {
                    assertThat(heap.realloc(block, byteSize)).isEqualTo(block);
                }
                heap.free(block);
                from = SizeClasses.blockBytes(sizeClass) + 1L;
            }
        }
    }

    @Test
    void reallocGivesBackWhatIsIdleBeforeItRefuses() {
        try (Heap heap = Heap.create(quiet().hardLimitBytes(100 * MIB).build())) {
            long block = heap.malloc(40 * MIB);
            heap.free(heap.malloc(3 * MIB));
            long[] idle = new long[10];
            for (int index = 0; index < idle.length; index++) {
                idle[index] = heap.malloc(3 * MIB);
            }
            for (long each : idle) {
                heap.free(each);
            }
            assertThat(heap.usableSize(heap.realloc(block, 80 * MIB))).isEqualTo(80 * MIB);
        }
    }

    @ParameterizedTest
    @EnumSource(value = MemorySource.class, mode = EnumSource.Mode.EXCLUDE, names = "FILE")
    void aBlockIsResizedWhereItIsAndGivesWholePagesBack(MemorySource source) {
        try (Heap heap =
                Heap.create(quiet().source(source).brkClaimBytes(16 * MIB).build())) {
            long small = heap.malloc(1_000);
            assertThat(heap.resizeInPlace(small, 1)).isTrue();
            assertThat(heap.resizeInPlace(small, 1_024)).isTrue();
            assertThat(heap.resizeInPlace(small, 1_025)).isFalse();
            assertThat(heap.usableSize(small)).isEqualTo(1_024);
            for (long from : new long[] {MIB, 20 * MIB}) {
                long block = heap.malloc(from);
                RawMemory.putLong(block, 42);
                assertThat(heap.resizeInPlace(block, from / 2)).isTrue();
                assertThat(heap.usableSize(block)).isEqualTo(from / 2);
                assertThat(heap.resizeInPlace(block, 100)).isTrue();
                assertThat(heap.usableSize(block)).isEqualTo(PageGeometry.PAGE_BYTES);
                assertThat(heap.statistics().liveBytes()).isEqualTo(1_024 + PageGeometry.PAGE_BYTES);
                assertThat(heap.resizeInPlace(block, 0)).isTrue();
                assertThat(heap.resizeInPlace(block, Heap.MAX_BYTE_SIZE + 1)).isFalse();
                assertThatThrownBy(() -> heap.resizeInPlace(block, -1)).isInstanceOf(IllegalArgumentException.class);
                assertThat(RawMemory.getLong(block)).isEqualTo(42);
                heap.verify();
                heap.free(block);
                assertThatThrownBy(() -> heap.resizeInPlace(block, 1)).isInstanceOf(BlockMisuseException.class);
            }
        }
    }

    @Test
    void aLargeBlockGrowsWhereItIsIntoFreePages() {
        try (Heap heap = Heap.create(quiet().build())) {
            long block = heap.malloc(MIB);
            assertThat(heap.resizeInPlace(block, 2 * MIB)).isTrue();
            assertThat(heap.usableSize(block)).isEqualTo(2 * MIB);
            long behind = heap.malloc(100_000);
            assertThat(behind).isEqualTo(block + 2 * MIB);
            assertThat(heap.resizeInPlace(block, 3 * MIB)).isFalse();
            assertThat(heap.usableSize(block)).isEqualTo(2 * MIB);
        }
    }

    @Test
    void arraysAreReallocatedByCountAndSize() {
        try (Heap heap = Heap.create(quiet().build())) {
            long array = heap.reallocArray(0, 10, 8);
            RawMemory.putLong(array + 72, 42);
            array = heap.reallocArray(array, 1_000, 8);
            assertThat(RawMemory.getLong(array + 72)).isEqualTo(42);
            assertThat(heap.usableSize(array)).isBetween(8_000L, 10_000L);
            long block = array;
            for (long[] product : new long[][] {{1L << 40, 1L << 40}, {3, Long.MAX_VALUE}, {1L << 32, 1L << 32}}) {
                assertThatThrownBy(() -> heap.reallocArray(block, product[0], product[1]))
                        .isInstanceOf(OutOfNativeMemoryError.class);
            }
            for (long[] product : new long[][] {{-1, 0}, {0, -1}, {-1, -1}}) {
                assertThatThrownBy(() -> heap.reallocArray(block, product[0], product[1]))
                        .isInstanceOf(IllegalArgumentException.class);
                assertThatThrownBy(() -> heap.calloc(product[0], product[1]))
                        .isInstanceOf(IllegalArgumentException.class);
            }
            assertThat(RawMemory.getLong(array + 72)).isEqualTo(42);
            heap.free(heap.reallocArray(array, 0, 8));
            assertThat(heap.statistics().liveBlocks()).isZero();
        }
    }

    @SuppressWarnings("try") // what is closed by hand, or not used but open
    @Test
    void tryingIsZeroWhereThereIsNoMemoryAndOnlyThere() {
        try (Heap heap = Heap.create(quiet().hardLimitBytes(8 * MIB).build())) {
            long block = heap.tryMalloc(100);
            assertThat(block).isPositive();
            assertThat(heap.tryMalloc(9 * MIB)).isZero();
            assertThat(heap.tryMalloc(Long.MAX_VALUE)).isZero();
            assertThat(heap.tryCalloc(1L << 40, 1L << 40)).isZero();
            assertThat(heap.tryAlignedAlloc(1L << 60, 1)).isZero();
            assertThat(heap.tryRealloc(block, 9 * MIB)).isZero();
            assertThat(heap.usableSize(block)).isEqualTo(112);
            assertThat(heap.tryRealloc(block, 200)).isPositive();
            assertThat(heap.tryCalloc(10, 10)).isPositive();
            assertThat(heap.tryAlignedAlloc(4096, 1) % 4096).isZero();
            assertThatThrownBy(() -> heap.tryMalloc(-1)).isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> heap.tryCalloc(0, -1)).isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> heap.tryAlignedAlloc(3, 1)).isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> heap.tryRealloc(8, 1)).isInstanceOf(BlockMisuseException.class);
            heap.close();
            assertThatThrownBy(() -> heap.tryMalloc(1)).isExactlyInstanceOf(IllegalStateException.class);
        }
    }

    @Test
    void anAddressIsASegmentWithoutARestrictedMethod() {
        try (Heap heap = Heap.create(quiet().build())) {
            long address = heap.calloc(1, 100);
            MemorySegment segment = heap.segment(address);
            assertThat(segment.address()).isEqualTo(address);
            assertThat(segment.byteSize()).isEqualTo(heap.usableSize(address));
            segment.set(ValueLayout.JAVA_LONG, 96, 42);
            MemorySegment longer = heap.realloc(segment, 100_000);
            assertThat(longer.byteSize()).isEqualTo(100_000);
            assertThat(longer.get(ValueLayout.JAVA_LONG, 96)).isEqualTo(42);
            for (long wrong : new long[] {0, 8, address, longer.address() + 16}) {
                assertThatThrownBy(() -> heap.segment(wrong)).isInstanceOf(BlockMisuseException.class);
            }
            assertThatThrownBy(() -> heap.free(longer.asSlice(8))).isInstanceOf(BlockMisuseException.class);
            assertThatThrownBy(() -> heap.free(MemorySegment.ofArray(new byte[8])))
                    .isInstanceOf(BlockMisuseException.class)
                    .hasMessageContaining("a segment on the Java heap");
            heap.free(longer);
            heap.free(MemorySegment.NULL);
            heap.free(heap.realloc(MemorySegment.NULL, 10));
            assertThat(heap.statistics().liveBlocks()).isZero();
        }
    }

    @ParameterizedTest
    @CsvSource({"100, 8", "100, 4096", "40000, 1", "40000, 65536", "5000000, 16", "5000000, 2097152", "0, 1"})
    void segmentsAreZeroWhereThatIsAskedFor(long byteSize, long byteAlignment) {
        try (Heap heap = Heap.create(quiet().build())) {
            for (int round = 0; round < 3; round++) {
                MemorySegment segment = round < 2
                        ? heap.allocateZeroed(byteSize, byteAlignment)
                        : heap.zeroed().allocate(byteSize, byteAlignment);
                assertThat(segment.byteSize()).isEqualTo(byteSize);
                assertThat(segment.address() % byteAlignment).isZero();
                assertThat(segment.mismatch(MemorySegment.ofArray(new byte[(int) byteSize])))
                        .isEqualTo(-1);
                segment.fill((byte) -1);
                heap.free(segment);
            }
            assertThatThrownBy(() -> heap.allocateZeroed(-1, 8)).isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> heap.allocateZeroed(8, 3)).isInstanceOf(IllegalArgumentException.class);
        }
    }

    @Test
    void aCallThatTheFilesEndThrowsFromLeavesNothingBehind(@TempDir Path directory) throws Exception {
        Path path = directory.resolve("heap");
        try (Heap heap = Heap.create(quiet().file(path.toString()).build());
                RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) {
            long small = heap.malloc(100);
            long large = heap.malloc(100_000);
            long before = heap.statistics().liveBlocks();
            for (int round = 0; round < 20; round++) {
                Arena arena = heap.ofShared();
                arena.allocate(1);
                long length = file.length();
                file.setLength(0);
                for (long byteSize : new long[] {1, 16, 100, 3_000, 30_000}) {
                    assertThatThrownBy(() -> heap.calloc(1, byteSize)).isInstanceOf(InternalError.class);
                    assertThatThrownBy(() -> heap.allocateZeroed(byteSize, 64)).isInstanceOf(InternalError.class);
                    long inSlab = Math.min(byteSize, 3_000); // pages that the kernel zeroes nobody touches
                    assertThatThrownBy(() -> arena.allocate(inSlab)).isInstanceOf(InternalError.class);
                }
                assertThatThrownBy(() -> heap.realloc(small, 3_000)).isInstanceOf(InternalError.class);
                assertThatThrownBy(() -> heap.realloc(large, 200)).isInstanceOf(InternalError.class);
                file.setLength(length);
                assertThat(heap.statistics().liveBlocks()).isLessThanOrEqualTo(before + 7); // the arena's pieces
                arena.close();
                assertThat(heap.statistics().liveBlocks()).isEqualTo(before);
            }
            heap.free(small);
            heap.free(large);
            assertThat(heap.statistics().liveBlocks()).isZero();
            heap.verify();
        }
    }

    @Test
    void aHugeBlockGrowsWithoutCopying() {
        RecordingCalls calls = new RecordingCalls(TestKernel.calls());
        try (Heap heap = Heap.create(calls, quiet().build())) {
            long address = heap.malloc(8 * MIB);
            RawMemory.putLong(address + 8 * MIB - 8, 42);
            long grown = heap.realloc(address, 256 * MIB);
            assertThat(calls.count("mremap")).isEqualTo(1);
            assertThat(RawMemory.getLong(grown + 8 * MIB - 8)).isEqualTo(42);
            assertThat(heap.statistics().hugeBytes()).isEqualTo(256 * MIB);
            assertThat(heap.statistics().committedBytes()).isEqualTo(256 * MIB);
        }
    }

    @ParameterizedTest
    @EnumSource(MemorySource.class)
    void statisticsTellHowManySystemCallsAHeapHasMade(MemorySource source, @TempDir Path directory) {
        RecordingCalls calls = new RecordingCalls(TestKernel.calls());
        HeapOptions.Builder options = HeapOptions.builder()
                .source(source)
                .purgeDelay(Duration.ofMillis(-1))
                .brkClaimBytes(32L << 20);
        if (source == MemorySource.FILE) {
            options.file(directory.resolve("heap").toString());
        }
        try (Heap heap = TestHeaps.create(calls, options.build())) {
            long opening = calls.count() - heap.statistics().systemCalls();
            assertThat(opening > 0).isEqualTo(source == MemorySource.FILE);
            heap.free(heap.malloc(64 * MIB));
            heap.free(heap.malloc(MIB));
            heap.free(heap.malloc(100));
            heap.trim(0);
            long made = heap.statistics().systemCalls();
            assertThat(made).isEqualTo(calls.count() - opening).isGreaterThan(3);
            heap.free(heap.malloc(100));
            assertThat(heap.statistics().systemCalls()).isEqualTo(made);
        }
    }

    @Test
    void warmPairsMakeNoSystemCall() {
        RecordingCalls calls = new RecordingCalls(TestKernel.calls());
        try (Heap heap = Heap.create(calls, quiet().build())) {
            heap.free(heap.malloc(24));
            heap.free(heap.malloc(100_000));
            calls.clear();
            for (int step = 0; step < 1_000; step++) {
                heap.free(heap.malloc(24));
                heap.free(heap.malloc(100_000));
            }
            assertThat(calls.calls()).isEmpty();
        }
    }

    @Test
    void callocClearsWhatWasUsedBefore() {
        try (Heap heap = Heap.create(quiet().build())) {
            for (long byteSize : new long[] {1, 100, 32_768, 32_769, 300_000, 5 * MIB}) {
                long address = heap.malloc(byteSize);
                RawMemory.fill(address, byteSize, (byte) -1);
                heap.free(address);
                long zeroed = heap.calloc(1, byteSize);
                for (long offset = 0; offset < byteSize; offset++) {
                    if (RawMemory.getByte(zeroed + offset) != 0) {
                        throw new AssertionError("byte " + offset + " of " + byteSize);
                    }
                }
            }
        }
    }

    @Test
    void aSegmentIsABlock() {
        try (Heap heap = Heap.create(quiet().build())) {
            MemorySegment segment = heap.allocate(100, 64);
            assertThat(segment.byteSize()).isEqualTo(100);
            assertThat(segment.address() % 64).isZero();
            assertThat(heap.allocateFrom(ValueLayout.JAVA_INT, 1, 2, 3).toArray(ValueLayout.JAVA_INT))
                    .containsExactly(1, 2, 3);
            heap.free(segment.address());
            assertThat(heap.statistics().liveBlocks()).isEqualTo(1);
            assertThatThrownBy(() -> heap.allocate(8, 3)).isInstanceOf(IllegalArgumentException.class);
        }
    }

    @Test
    void trimGivesEverythingBackThatIsFree() {
        try (Heap heap = Heap.create(quiet().build())) {
            List<Long> blocks = new ArrayList<>();
            for (int index = 0; index < 50_000; index++) {
                long address = heap.malloc(16 + index % 200);
                RawMemory.putLong(address, index);
                blocks.add(address);
            }
            blocks.forEach(heap::free);
            assertThat(heap.residentBytes()).isGreaterThan(4 * MIB);
            assertThat(heap.trim(0)).isTrue();
            HeapStatistics now = heap.statistics();
            assertThat(heap.residentBytes()).isZero();
            assertThat(now.committedBytes()).isZero();
            assertThat(now.purgedBytes()).isGreaterThan(4 * MIB);
            assertThat(heap.trim(0)).isFalse();
            heap.verify();
        }
    }

    @Test
    void closeGivesBackEverythingWhateverIsLive() {
        RecordingCalls calls = new RecordingCalls(TestKernel.calls());
        Heap heap = Heap.create(calls, quiet().build());
        for (int index = 0; index < 200; index++) {
            RawMemory.putLong(heap.malloc(50_000), 1);
            RawMemory.putLong(heap.malloc(100), 1);
        }
        long huge = heap.malloc(64 * MIB);
        int mappings = Ground.process().mappings().used();
        assertThat(mappings).isPositive();
        heap.close();
        assertThat(calls.calls("munmap")).hasSize(1).first().asString().contains(Long.toHexString(huge));
        assertThat(Ground.process().mappings().used()).isLessThan(mappings);
        assertThat(heap.toString()).isEqualTo("Heap[test, MMAP, closed]");
    }

    @Test
    void aChildIsLimitedByItsParent() {
        try (Heap parent = Heap.create(
                        quiet().name("parent").hardLimitBytes(8 * MIB).build());
                Heap child = Heap.create(quiet().name("child").parent(parent).build())) {
            long address = child.malloc(6 * MIB);
            assertThatThrownBy(() -> parent.malloc(3 * MIB)).isInstanceOf(OutOfNativeMemoryError.class);
            assertThatThrownBy(() -> child.malloc(3 * MIB))
                    .isInstanceOf(OutOfNativeMemoryError.class)
                    .hasMessageContaining(
                            "of heap 'child' failed: the hard limit of the heap or of a parent is reached");
            child.free(address);
            parent.free(parent.malloc(3 * MIB));
            assertThat(child.statistics().liveBlocks()).isZero();
        }
    }

    @Test
    void aClosedHeapHasNoNewChildren() {
        Heap parent = Heap.create(quiet().name("gone").build());
        parent.close();
        HeapOptions options = quiet().parent(parent).build();
        assertThatThrownBy(() -> Heap.create(options))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("its parent 'gone' is closed");
    }

    @Test
    void closingAChildGivesItsShareBackToTheParent() {
        try (Heap parent = Heap.create(quiet().hardLimitBytes(8 * MIB).build())) {
            for (int round = 0; round < 4; round++) {
                try (Heap child = Heap.create(quiet().parent(parent).build())) {
                    child.malloc(5 * MIB);
                    child.malloc(100);
                }
            }
            assertThat(parent.statistics().committedBytes()).isZero();
        }
    }

    @Test
    void crossingTheSoftLimitIsToldOnAThreadThatMayUseTheHeap() throws InterruptedException {
        CountDownLatch told = new CountDownLatch(1);
        Heap[] heap = new Heap[1];
        heap[0] = Heap.create(quiet().softLimitBytes(MIB)
                .onSoftLimit(() -> {
                    heap[0].free(heap[0].malloc(100));
                    told.countDown();
                })
                .build());
        heap[0].malloc(100);
        assertThat(told.getCount()).isEqualTo(1);
        heap[0].malloc(2 * MIB);
        assertThat(told.await(60, TimeUnit.SECONDS)).isTrue();
        heap[0].close();
    }

    @ParameterizedTest
    @EnumSource(value = MemorySource.class, mode = EnumSource.Mode.EXCLUDE, names = "FILE")
    void everySourceServesEverySize(MemorySource source) {
        try (Heap heap =
                Heap.create(quiet().source(source).brkClaimBytes(16 * MIB).build())) {
            List<Long> blocks = new ArrayList<>();
            for (long byteSize : new long[] {0, 24, 5_000, 40_000, 3 * MIB, 6 * MIB, 20 * MIB}) {
                long address = heap.calloc(1, byteSize);
                RawMemory.fill(address, byteSize, (byte) 1);
                blocks.add(address);
            }
            heap.verify();
            assertThat(heap.statistics().liveBlocks()).isEqualTo(7);
            assertThat(heap.toString()).isEqualTo("Heap[test, " + source + "]");
            blocks.forEach(heap::free);
            heap.trim(0);
            heap.verify();
            assertThat(heap.statistics().committedBytes()).isZero();
        }
    }

    @Test
    void aFileHoldsTheBlocks(@TempDir Path directory) throws Exception {
        Path file = directory.resolve("heap");
        try (Heap heap = Heap.create(quiet().file(file.toString()).build())) {
            long address = heap.malloc(100);
            RawMemory.putLong(address, 0x4242_4242_4242_4242L);
            byte[] bytes = Files.readAllBytes(file);
            assertThat(new String(bytes, StandardCharsets.ISO_8859_1)).contains("BBBBBBBB");
        }
        assertThatThrownBy(
                        () -> Heap.create(quiet().file(directory + "/none/heap").build()))
                .isInstanceOf(SystemCallException.class)
                .hasMessageStartingWith("open(path=" + directory
                        + "/none/heap, O_RDWR|O_CREAT|O_NOFOLLOW|O_NONBLOCK|O_CLOEXEC, 0600) failed: ENOENT (")
                .hasMessageContaining("check the option file");
    }
}
