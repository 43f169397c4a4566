package malloc4j.alloc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.HashSet;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import malloc4j.Heap;
import malloc4j.HeapOptions;
import malloc4j.OutOfNativeMemoryError;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class BlockPoolTest {
    private final Heap heap = Heap.create(HeapOptions.builder()
            .name("pools")
            .purgeDelay(Duration.ofMillis(-1))
            .build());

    enum Form {
        CONFINED,
        SHARED;

        BlockPool on(BlockPool.Builder blocks, Heap heap) {
            return this == CONFINED ? blocks.confined(heap) : blocks.shared(heap);
        }

        BlockPool on(BlockPool.Builder blocks, MemorySegment segment) {
            return this == CONFINED ? blocks.confined(segment) : blocks.shared(segment);
        }
    }

    @AfterEach
    void everythingWasGivenBack() {
        assertThat(heap.statistics().liveBytes()).isZero();
        heap.close();
    }

    @ParameterizedTest
    @EnumSource(Form.class)
    void blockHasSizeAndAlignmentOfLayout(Form form) {
        MemoryLayout layout = MemoryLayout.structLayout(
                        ValueLayout.JAVA_LONG, ValueLayout.JAVA_INT, ValueLayout.JAVA_INT)
                .withByteAlignment(64);
        try (BlockPool pool = form.on(BlockPool.ofLayout(layout), heap)) {
            assertThat(pool.blockBytes()).isEqualTo(16);
            assertThat(pool.byteAlignment()).isEqualTo(64);
            for (int i = 0; i < 1000; i++) {
                MemorySegment block = pool.allocate(layout);
                assertThat(block.byteSize()).isEqualTo(16);
                assertThat(block.address() % 64).isZero();
            }
            pool.verify();
        }
    }

    @ParameterizedTest
    @CsvSource({"1, 1", "1, 16", "3, 1", "8, 8", "17, 1", "24, 8", "40, 32", "100, 4096", "4096, 16", "100000, 64"})
    void everyBlockOfAnySizeIsFreedAndFoundAgain(long blockBytes, long byteAlignment) {
        for (Form form : Form.values()) {
            BlockPool.Builder blocks =
                    BlockPool.ofSize(blockBytes).byteAlignment(byteAlignment).initialBlocks(5);
            try (BlockPool pool = form.on(blocks, heap)) {
                long[] addresses = new long[300];
                for (int round = 0; round < 3; round++) {
                    Intervals live = new Intervals();
                    for (int i = 0; i < addresses.length; i++) {
                        addresses[i] = pool.malloc();
                        live.add(addresses[i], blockBytes, byteAlignment);
                    }
                    assertThat(pool.liveBlocks()).isEqualTo(300);
                    for (long address : addresses) {
                        live.remove(address);
                        pool.free(address);
                    }
                    pool.verify();
                    assertThat(pool.liveBlocks()).isZero();
                    assertThat(pool.capacity()).isEqualTo(320); // 5, 5, 10, 20, 40, 80, 160
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Form.class)
    void contentsAreZeroOnlyWhenAskedFor(Form form) {
        try (BlockPool pool = form.on(BlockPool.ofSize(24), heap)) {
            MemorySegment dirty = pool.allocate().fill((byte) 0x55);
            pool.free(dirty);
            MemorySegment again = pool.allocate();
            assertThat(again.address()).isEqualTo(dirty.address());
            assertThat(again.get(ValueLayout.JAVA_BYTE, 23)).isEqualTo((byte) 0x55);
            pool.free(again);

            MemorySegment zeroed = pool.allocateZeroed();
            assertThat(zeroed.address()).isEqualTo(dirty.address());
            assertThat(zeroed.mismatch(MemorySegment.ofArray(new byte[24]))).isEqualTo(-1);
            pool.free(zeroed.fill((byte) 0x55));

            long calloced = pool.calloc();
            assertThat(calloced).isEqualTo(dirty.address());
            pool.free(calloced);
            SegmentAllocator allocator = pool.zeroed();
            MemorySegment eight = allocator.allocate(8, 8);
            assertThat(eight.get(ValueLayout.JAVA_LONG, 0)).isZero();
            assertThat(eight.byteSize()).isEqualTo(8);
        }
    }

    @ParameterizedTest
    @EnumSource(Form.class)
    void blockOfLiveBlocksNeighbourIsNotTouchedByZeroing(Form form) {
        try (BlockPool pool = form.on(BlockPool.ofSize(24).byteAlignment(8), heap)) {
            MemorySegment first = pool.allocate().fill((byte) 1);
            MemorySegment second = pool.allocate().fill((byte) 2);
            MemorySegment third = pool.allocate().fill((byte) 3);
            pool.free(second);
            pool.allocateZeroed();
            assertThat(first.get(ValueLayout.JAVA_BYTE, 23)).isEqualTo((byte) 1);
            assertThat(third.get(ValueLayout.JAVA_BYTE, 0)).isEqualTo((byte) 3);
        }
    }

    @ParameterizedTest
    @EnumSource(Form.class)
    void segmentShowsAsManyBytesAsAsked(Form form) {
        try (BlockPool pool = form.on(BlockPool.ofSize(32), heap)) {
            assertThat(pool.allocate(5, 1).byteSize()).isEqualTo(5);
            assertThat(pool.allocate(0, 1).byteSize()).isZero();
            assertThat(pool.allocateFrom("short").getString(0)).isEqualTo("short");
            assertThat(pool.liveBlocks()).isEqualTo(3);
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> pool.allocate(33, 1))
                    .withMessage("allocate(byteSize=33, byteAlignment=1): the blocks of this pool have 32 bytes, "
                            + "aligned to 16");
            assertThatIllegalArgumentException().isThrownBy(() -> pool.allocate(8, 32));
            assertThatIllegalArgumentException().isThrownBy(() -> pool.allocate(-1, 1));
            assertThatIllegalArgumentException().isThrownBy(() -> pool.allocate(8, 3));
            assertThatIllegalArgumentException().isThrownBy(() -> pool.allocate(8, 0));
            assertThat(pool.liveBlocks()).isEqualTo(3);
        }
    }

    // ------------------------------------------------------------------------------------------- a pool on a segment

    @ParameterizedTest
    @EnumSource(Form.class)
    void poolOnSegmentEndsWithIt(Form form) {
        try (Arena arena = Arena.ofShared()) {
            MemorySegment segment = arena.allocate(64 * 100 + 63, 1);
            try (BlockPool pool = form.on(BlockPool.ofSize(50).byteAlignment(64), segment)) {
                assertThat(pool.capacity()).isBetween(99L, 100L);
                Set<Long> addresses = new HashSet<>();
                for (long i = pool.capacity(); i > 0; i--) {
                    MemorySegment block = pool.allocate();
                    assertThat(segment.asOverlappingSlice(block)).isPresent();
                    assertThat(block.scope()).isEqualTo(segment.scope());
                    addresses.add(block.address());
                }
                assertThat(addresses).hasSize((int) pool.capacity());
                assertThatExceptionOfType(AllocatorOverflowException.class)
                        .isThrownBy(pool::allocate)
                        .withMessage("allocate overflows " + pool + ": 50 bytes asked, " + pool.capacity() * 64 + " of "
                                + pool.capacity() * 64 + " used; free blocks, or give the pool a larger segment")
                        .satisfies(overflow -> {
                            assertThat(overflow.requestedBytes()).isEqualTo(50);
                            assertThat(overflow.usedBytes()).isEqualTo(pool.capacity() * 64);
                            assertThat(overflow.capacityBytes()).isEqualTo(pool.capacity() * 64);
                        });
                pool.verify();
                long last = addresses.iterator().next();
                pool.free(last);
                assertThat(pool.malloc()).isEqualTo(last);
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Form.class)
    void blocksOnSegmentLiveAsLongAsIt(Form form) {
        MemorySegment block;
        try (Arena arena = Arena.ofShared()) {
            try (BlockPool pool = form.on(BlockPool.ofSize(8), arena.allocate(1000))) {
                block = pool.allocate();
            }
            block.set(ValueLayout.JAVA_LONG, 0, 1); // the pool is closed, the segment is not
        }
        assertThatIllegalStateException().isThrownBy(() -> block.get(ValueLayout.JAVA_LONG, 0));
    }

    @ParameterizedTest
    @EnumSource(Form.class)
    void segmentThatWasClosedBeforeThePoolIsNotTouched(Form form) {
        Arena arena = Arena.ofShared();
        try (BlockPool pool = form.on(BlockPool.ofSize(8), arena.allocate(1000))) {
            arena.close();
            MemorySegment block = pool.allocate();
            assertThatIllegalStateException().isThrownBy(() -> block.set(ValueLayout.JAVA_LONG, 0, 1));
            assertThatIllegalStateException().isThrownBy(pool::allocateZeroed);
            assertThatIllegalStateException().isThrownBy(pool::calloc);
        }
    }

    @Test
    void unsuitableSegmentsAreRefused() throws Exception {
        BlockPool.Builder blocks = BlockPool.ofSize(16);
        assertThatIllegalArgumentException().isThrownBy(() -> blocks.shared(MemorySegment.ofArray(new byte[100])));
        assertThatIllegalArgumentException().isThrownBy(() -> blocks.shared(MemorySegment.NULL));
        try (Arena arena = Arena.ofConfined()) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> blocks.confined(arena.allocate(15, 16)))
                    .withMessage("a segment of 15 bytes has room for 0 blocks of 16 bytes aligned to 16: 1 to 2^30 are "
                            + "possible");
            MemorySegment readOnly = arena.allocate(100).asReadOnly();
            assertThatIllegalArgumentException().isThrownBy(() -> blocks.confined(readOnly));
            MemorySegment confined = arena.allocate(100);
            CompletableFuture.runAsync(() -> assertThatExceptionOfType(WrongThreadException.class)
                            .isThrownBy(() -> blocks.shared(confined)))
                    .get();
        }
        Arena closed = Arena.ofConfined();
        MemorySegment gone = closed.allocate(100);
        closed.close();
        assertThatIllegalStateException().isThrownBy(() -> blocks.confined(gone));
    }

    @ParameterizedTest
    @ValueSource(longs = {0, -1, (1L << 30) + 1, Long.MIN_VALUE, Long.MAX_VALUE})
    void sizeOutsideOfRangeIsRefused(long blockBytes) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> BlockPool.ofSize(blockBytes))
                .withMessage("a block of " + blockBytes + " bytes: must be 1 to 2^30");
    }

    @Test
    void optionsOutsideOfRangeAreRefused() {
        BlockPool.Builder blocks = BlockPool.ofSize(16);
        assertThatIllegalArgumentException().isThrownBy(() -> blocks.byteAlignment(3));
        assertThatIllegalArgumentException().isThrownBy(() -> blocks.byteAlignment(0));
        assertThatIllegalArgumentException().isThrownBy(() -> blocks.byteAlignment(1L << 31));
        assertThatIllegalArgumentException().isThrownBy(() -> blocks.initialBlocks(0));
        assertThatIllegalArgumentException().isThrownBy(() -> blocks.initialBlocks((1 << 30) + 1));
        assertThatIllegalArgumentException().isThrownBy(() -> BlockPool.ofLayout(MemoryLayout.structLayout()));
    }

    // ------------------------------------------------------------------------------------------------- growth, limits

    @ParameterizedTest
    @EnumSource(Form.class)
    void growsByDoublingAndFindsBlocksInAllChunks(Form form) {
        try (BlockPool pool = form.on(BlockPool.ofSize(16).initialBlocks(64), heap)) {
            long[] addresses = new long[100_000];
            for (int i = 0; i < addresses.length; i++) {
                addresses[i] = pool.malloc();
            }
            assertThat(pool.capacity()).isEqualTo(64 << 11);
            SplittableRandom random = new SplittableRandom(1);
            for (int i = 0; i < addresses.length; i += 1 + random.nextInt(3)) {
                pool.free(addresses[i]);
                addresses[i] = 0;
            }
            pool.verify();
            long live = pool.liveBlocks();
            for (int i = 0; i < addresses.length; i++) {
                if (addresses[i] == 0) {
                    addresses[i] = pool.malloc();
                    live++;
                }
            }
            assertThat(pool.liveBlocks()).isEqualTo(live).isEqualTo(100_000);
            assertThat(pool.capacity()).isEqualTo(64 << 11);
            for (long address : addresses) {
                pool.free(address);
            }
            assertThat(pool.liveBlocks()).isZero();
        }
    }

    @ParameterizedTest
    @EnumSource(Form.class)
    void takesSmallerChunksWhereTheHeapsLimitIsNear(Form form) {
        try (Heap small = Heap.create(HeapOptions.builder()
                        .name("small")
                        .hardLimitBytes(3 << 20)
                        .build());
                BlockPool pool = form.on(BlockPool.ofSize(1024), small)) {
            Intervals live = new Intervals();
            OutOfNativeMemoryError refused = null;
            while (refused == null) {
                try {
                    live.add(pool.malloc(), 1024, 16);
                } catch (OutOfNativeMemoryError full) {
                    refused = full;
                }
            }
            assertThat(refused.limit()).isEqualTo(OutOfNativeMemoryError.Limit.HEAP);
            assertThat(pool.liveBlocks()).isEqualTo(pool.capacity()).isEqualTo(live.size());
            assertThat(pool.capacity()).as("most of 3 MiB, not half of it").isGreaterThan(2500);
            pool.verify();
            live.checkAll();
            assertThatThrownBy(pool::allocate).isInstanceOf(OutOfNativeMemoryError.class);
        }
    }

    // ----------------------------------------------------------------------------------------------- threads and ends

    @Test
    void confinedPoolIsForItsThreadAlone() throws Exception {
        try (BlockPool pool = BlockPool.ofSize(16).confined(heap)) {
            MemorySegment block = pool.allocate();
            CompletableFuture.runAsync(() -> {
                        assertThatExceptionOfType(WrongThreadException.class).isThrownBy(pool::allocate);
                        assertThatExceptionOfType(WrongThreadException.class).isThrownBy(pool::malloc);
                        assertThatExceptionOfType(WrongThreadException.class).isThrownBy(() -> pool.free(block));
                        assertThatExceptionOfType(WrongThreadException.class).isThrownBy(pool::close);
                        assertThatExceptionOfType(WrongThreadException.class)
                                .isThrownBy(() -> block.get(ValueLayout.JAVA_BYTE, 0));
                    })
                    .get();
            assertThat(pool.liveBlocks()).isEqualTo(1);
            block.set(ValueLayout.JAVA_LONG, 0, 5);
        }
    }

    @Test
    void sharedPoolIsForEveryThread() throws Exception {
        try (BlockPool pool = BlockPool.ofSize(16).shared(heap)) {
            MemorySegment block = pool.allocate();
            CompletableFuture.runAsync(() -> {
                        block.set(ValueLayout.JAVA_LONG, 0, 5);
                        pool.free(block);
                    })
                    .get();
            assertThat(pool.liveBlocks()).isZero();
        }
    }

    @ParameterizedTest
    @EnumSource(Form.class)
    void closingEndsTheBlocksAndGivesAllBack(Form form) {
        BlockPool pool = form.on(BlockPool.ofSize(100), heap);
        MemorySegment block = pool.allocate();
        for (int i = 0; i < 5000; i++) {
            pool.malloc();
        }
        assertThat(heap.statistics().liveBytes()).isGreaterThan(500_000);
        pool.close();
        pool.close();
        assertThat(heap.statistics().liveBytes()).isZero();
        assertThatIllegalStateException().isThrownBy(() -> block.get(ValueLayout.JAVA_BYTE, 0));
        assertThatIllegalStateException()
                .isThrownBy(pool::malloc)
                .withMessage("allocate of BlockPool[100 bytes, " + form.name().toLowerCase(java.util.Locale.ROOT)
                        + ", closed]: the pool is closed");
        assertThatIllegalStateException().isThrownBy(pool::allocate);
        assertThatIllegalStateException().isThrownBy(pool::allocateZeroed);
        assertThat(pool.capacity()).isZero();
        assertThat(pool.liveBlocks()).isZero();
        pool.verify();
    }

    @ParameterizedTest
    @EnumSource(Form.class)
    void poolThatNeverAllocatedTakesNothing(Form form) {
        try (BlockPool pool = form.on(BlockPool.ofSize(16), heap)) {
            assertThat(heap.statistics().liveBytes()).isZero();
            assertThat(pool.capacity()).isZero();
        }
    }
}
