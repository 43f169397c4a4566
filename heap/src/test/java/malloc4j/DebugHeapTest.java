package malloc4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.SplittableRandom;
import malloc4j.alloc.BlockPool;
import malloc4j.alloc.Region;
import malloc4j.internal.memory.RawMemory;
import malloc4j.observe.AllocationProfile;
import malloc4j.observe.HeapStatistics;
import malloc4j.observe.MisuseReport;
import malloc4j.observe.MisuseReport.Block;
import malloc4j.observe.MisuseReport.Finding;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// A heap all of whose blocks are watched.
class DebugHeapTest {
    private static final long QUARANTINE_BYTES = 64 << 10;

    private final List<Heap> open = new ArrayList<>();

    private Heap heap(DebugMode mode) {
        return heap(mode, HeapOptions.builder());
    }

    private Heap heap(DebugMode mode, HeapOptions.Builder options) {
        Heap heap = Heap.create(options.name("debugged")
                .debug(mode)
                .quarantineBytes(QUARANTINE_BYTES)
                .build());
        open.add(heap);
        return heap;
    }

    @AfterEach
    void close() {
        for (Heap heap : open) {
            heap.verify();
            heap.close();
        }
    }

    private static long allocate(Heap heap, long byteSize) {
        return heap.malloc(byteSize);
    }

    private static void release(Heap heap, long block) {
        heap.free(block);
    }

    private static MisuseReport refusedFree(Heap heap, long address) {
        try {
            heap.free(address);
        } catch (BlockMisuseException refused) {
            return refused.report();
        }
        throw new AssertionError("not refused");
    }

    @ParameterizedTest
    @EnumSource(names = "OFF", mode = EnumSource.Mode.EXCLUDE)
    void everyByteOfABlockMayBeTouchedAndNoneIsFound(DebugMode mode) {
        Heap heap = heap(mode);
        List<Long> blocks = new ArrayList<>();
        for (long byteSize = 0; byteSize < 200_000; byteSize = byteSize * 9 / 8 + 7) {
            for (long byteAlignment = 1; byteAlignment <= 1 << 20; byteAlignment *= 16) {
                long block = heap.alignedAlloc(byteAlignment, byteSize);
                assertThat(block % Math.max(16, byteAlignment)).isZero();
                assertThat(heap.usableSize(block)).isEqualTo(Math.max(1, byteSize));
                heap.segment(block).fill((byte) 1);
                blocks.add(block);
            }
        }
        assertThat(heap.findDamage()).isEmpty();
        HeapStatistics statistics = heap.statistics();
        assertThat(statistics.liveBlocks()).isEqualTo(blocks.size());
        blocks.forEach(heap::free);
        assertThat(heap.findDamage()).isEmpty();
        assertThat(heap.statistics().liveBlocks()).isZero();
        assertThat(heap.statistics().liveBytes()).isZero();
        assertThat(heap.statistics().freedBytes()).isEqualTo(heap.statistics().allocatedBytes());
    }

    @Test
    void aByteBesideABlockIsFoundWhenItIsFreed() {
        Heap heap = heap(DebugMode.REDZONE);
        for (long byteSize : new long[] {1, 16, 100, 4096, 40_000, 50L << 20}) {
            for (long offset : new long[] {-16, -1, byteSize, byteSize + 15}) {
                long block = allocate(heap, byteSize);
                RawMemory.putByte(block + offset, (byte) 0);
                MisuseReport report = refusedFree(heap, block);
                assertThat(report.finding()).isEqualTo(Finding.DAMAGED);
                assertThat(report.message())
                        .contains(
                                offset < 0
                                        ? "underflow: the byte " + -offset + " before the block of " + byteSize
                                        : "overflow: the byte " + (offset - byteSize + 1)
                                                + " past the end of the block of " + byteSize)
                        .contains("DebugHeapTest.allocate(DebugHeapTest.java:")
                        .contains("DebugHeapTest.refusedFree(DebugHeapTest.java:")
                        .contains("the block is free now");
            }
        }
        assertThat(heap.statistics().liveBlocks()).isZero();
        assertThat(heap.findDamage()).isEmpty(); // all were told
    }

    @Test
    void aByteBesideALiveBlockIsFoundOnce() {
        Heap heap = heap(DebugMode.REDZONE);
        long whole = allocate(heap, 24);
        long block = allocate(heap, 24);
        RawMemory.putByte(block + 24, (byte) 0);
        List<MisuseReport> found = heap.findDamage();
        assertThat(found).hasSize(1);
        assertThat(found.getFirst().address()).isEqualTo(block);
        assertThat(found.getFirst().message())
                .startsWith("check(0x" + Long.toHexString(block) + ") of heap 'debugged': overflow: the byte 1 past")
                .contains("the block is live")
                .contains("DebugHeapTest.allocate(DebugHeapTest.java:");
        assertThat(heap.findDamage()).isEmpty();
        assertThat(refusedFree(heap, block).finding()).isEqualTo(Finding.DAMAGED);
        heap.free(whole);
    }

    /// Neither the number of live blocks nor that in quarantine holds up the search of the other.
    @Test
    void everyBlockOfManyIsLookedAt() {
        Heap heap = Heap.create(HeapOptions.builder().debug(DebugMode.REDZONE).build());
        open.add(heap);
        List<Long> blocks = new ArrayList<>();
        for (int count = 0; count < 30_000; count++) {
            blocks.add(heap.malloc(100));
            heap.free(heap.malloc(50));
        }
        assertThat(heap.findDamage()).isEmpty();
        RawMemory.putByte(blocks.getFirst() + 100, (byte) 0);
        RawMemory.putByte(blocks.get(15_000) - 1, (byte) 0);
        RawMemory.putByte(blocks.getLast() + 100, (byte) 0);
        assertThat(heap.findDamage()).hasSize(3);
    }

    @Test
    void aWriteAfterFreeIsFoundInQuarantineAndWhenTheBlockLeavesIt() {
        Heap heap = heap(DebugMode.REDZONE);
        long first = allocate(heap, 1000);
        release(heap, first);
        RawMemory.putByte(first + 7, (byte) 0);
        List<MisuseReport> found = heap.findDamage();
        assertThat(found).hasSize(1);
        assertThat(found.getFirst().finding()).isEqualTo(Finding.WRITTEN_AFTER_FREE);
        assertThat(found.getFirst().message())
                .contains("write after free: the byte 7 of the block of 1000 bytes")
                .contains("DebugHeapTest.allocate(DebugHeapTest.java:")
                .contains("DebugHeapTest.release(DebugHeapTest.java:");
        long second = allocate(heap, 1000);
        release(heap, second);
        RawMemory.putByte(second, (byte) 0);
        for (int turn = 0; turn < 100; turn++) {
            heap.free(heap.malloc(1000));
        }
        found = heap.findDamage();
        assertThat(found).hasSize(1);
        assertThat(found.getFirst().address()).isEqualTo(second);
    }

    @Test
    void aBlockIsFilledWhenItIsAllocatedAndWhenItIsFreed() {
        Heap heap = heap(DebugMode.REDZONE);
        long block = heap.malloc(100);
        assertThat(RawMemory.getByte(block + 50)).isEqualTo((byte) 0xA5);
        heap.free(block);
        assertThat(RawMemory.getByte(block + 50)).isEqualTo((byte) 0x5A);
        long zeroed = heap.calloc(10, 10);
        assertThat(heap.segment(zeroed).mismatch(MemorySegment.ofArray(new byte[100])))
                .isEqualTo(-1);
        heap.free(zeroed);
    }

    @Test
    void aDoubleFreeIsKnownInQuarantineAndForAWhileAfter() {
        Heap heap = heap(DebugMode.REDZONE);
        long block = allocate(heap, 1000);
        release(heap, block);
        assertFreedTwice(refusedFree(heap, block));
        for (int turn = 0; turn < 100; turn++) {
            heap.free(heap.malloc(2000)); // of another class: nothing takes the place of the first
        }
        assertFreedTwice(refusedFree(heap, block));
        assertThat(refusedFree(heap, block + 16).finding()).isEqualTo(Finding.INTERIOR);
    }

    private static void assertFreedTwice(MisuseReport report) {
        assertThat(report.finding()).isEqualTo(Finding.FREE_BLOCK);
        Block block = report.blockIfAny().orElseThrow();
        assertThat(block.isLive()).isFalse();
        assertThat(block.byteSize()).isEqualTo(1000);
        assertThat(report.message())
                .contains("double free: the block of 1000 bytes is free")
                .contains("DebugHeapTest.allocate(DebugHeapTest.java:")
                .contains("DebugHeapTest.release(DebugHeapTest.java:");
    }

    @Test
    void aDoubleFreeOfAnOverwrittenBlockIsADoubleFree() {
        Heap heap = heap(DebugMode.REDZONE);
        long block = allocate(heap, 1000);
        RawMemory.putByte(block + 1000, (byte) 0);
        assertThat(refusedFree(heap, block).finding()).isEqualTo(Finding.DAMAGED);
        MisuseReport again = refusedFree(heap, block);
        assertThat(again.finding()).isEqualTo(Finding.FREE_BLOCK);
        assertThat(again.text()).isEqualTo("double free: the block of 1000 bytes is free");
        long written = allocate(heap, 1000);
        release(heap, written);
        RawMemory.putByte(written, (byte) 0);
        assertThat(heap.findDamage()).hasSize(1);
        assertFreedTwice(refusedFree(heap, written));
    }

    @Test
    void whatAFreeTellsIsNotFoundAgain() {
        Heap heap = heap(DebugMode.FULL);
        long block = heap.alignedAlloc(8192, 1000); // with red zones
        RawMemory.putByte(block + 1000, (byte) 0);
        assertThat(refusedFree(heap, block).finding()).isEqualTo(Finding.DAMAGED);
        assertThat(heap.findDamage()).isEmpty();
    }

    @Test
    void whatIsInUseAgainIsNoFreedBlock() {
        Heap heap = heap(DebugMode.REDZONE);
        List<Long> blocks = new ArrayList<>();
        for (int count = 0; count < 20; count++) {
            blocks.add(allocate(heap, 100_000));
        }
        blocks.forEach(heap::free);
        try (Region region = Region.ofHeap(heap, 500_000)) {
            long owned = region.allocate(10, 16).address();
            assertThat(owned).isBetween(Collections.min(blocks) - 4096, Collections.max(blocks));
            assertThat(refusedFree(heap, owned).finding()).isEqualTo(Finding.OWNED);
        }
    }

    @Test
    void nothingButABlocksBeginIsFreed() {
        Heap heap = heap(DebugMode.REDZONE);
        long block = heap.malloc(100);
        assertThat(refusedFree(heap, block + 16).finding()).isEqualTo(Finding.INTERIOR);
        assertThat(refusedFree(heap, block - 16).finding()).isEqualTo(Finding.NO_BLOCK); // which the block below has
        assertThat(refusedFree(heap, block + 112).finding()).isEqualTo(Finding.NO_BLOCK);
        assertThat(refusedFree(heap, 4096).finding()).isEqualTo(Finding.FOREIGN);
        assertThat(heap.usableSize(block)).isEqualTo(100);
        heap.free(block);
        assertThat(heap.statistics().liveBlocks()).isZero();
    }

    @Test
    void aReallocatedBlockMovesSoThatItsOldPlaceIsWatched() {
        Heap heap = heap(DebugMode.REDZONE);
        long block = allocate(heap, 100);
        RawMemory.putLong(block, 42);
        long moved = heap.realloc(block, 50);
        assertThat(moved).isNotEqualTo(block);
        assertThat(RawMemory.getLong(moved)).isEqualTo(42);
        RawMemory.putLong(block, 1); // by a stale alias
        assertThat(heap.findDamage()).hasSize(1).first().satisfies(report -> assertThat(report.finding())
                .isEqualTo(Finding.WRITTEN_AFTER_FREE));
        assertThat(heap.resizeInPlace(moved, 50)).isTrue();
        assertThat(heap.resizeInPlace(moved, 51)).isFalse();
        RawMemory.putByte(moved + 50, (byte) 1);
        assertThatThrownBy(() -> heap.realloc(moved, 500))
                .isInstanceOf(BlockMisuseException.class)
                .hasMessageContaining("the block is live, and as it was");
        RawMemory.putByte(moved + 50, (byte) 0xA7);
        long again = heap.realloc(moved, 500);
        assertThat(RawMemory.getLong(again)).isEqualTo(42);
        heap.free(again);
    }

    @Test
    void guardsGiveWayToRedZonesWhenThereAreNoneLeft() {
        Heap heap = heap(DebugMode.GUARD);
        List<Long> blocks = new ArrayList<>();
        for (int count = 0; count < 20_000; count++) {
            blocks.add(heap.malloc(100));
        }
        long guarded = heap.sampler().guardCensus().liveBlocks();
        assertThat(guarded).isBetween(1000L, 16_384L);
        long last = blocks.getLast();
        RawMemory.putByte(last + 100, (byte) 0);
        assertThat(refusedFree(heap, last).finding()).isEqualTo(Finding.DAMAGED);
        blocks.removeLast();
        assertThatThrownBy(
                        () -> { // on one side, as it lies
                            RawMemory.putByte(blocks.getFirst() - 1, (byte) 0);
                            RawMemory.putByte(blocks.getFirst() + 4096, (byte) 0);
                        })
                .isInstanceOf(InternalError.class);
        for (long block : blocks) {
            try {
                heap.free(block);
            } catch (BlockMisuseException damaged) {
                assertThat(block).isEqualTo(blocks.getFirst());
            }
        }
        assertThat(heap.statistics().liveBlocks()).isZero();
    }

    @Test
    void aFullHeapGivesUpItsQuarantineBeforeItRefuses() {
        Heap heap = Heap.create(HeapOptions.builder()
                .debug(DebugMode.REDZONE)
                .hardLimitBytes(8 << 20)
                .quarantineBytes(1L << 40)
                .build());
        open.add(heap);
        for (int turn = 0; turn < 100; turn++) {
            heap.free(heap.malloc(1 << 20));
            heap.free(heap.malloc(1000));
        }
        long most = heap.malloc(7 << 20);
        assertThat(heap.tryMalloc(7 << 20)).isZero();
        heap.free(most);
    }

    @Test
    void theProfileIsExact() {
        Heap heap = heap(DebugMode.REDZONE);
        List<Long> blocks = new ArrayList<>();
        for (int count = 0; count < 1000; count++) {
            blocks.add(allocate(heap, 100));
        }
        for (int count = 0; count < 400; count++) {
            heap.free(blocks.removeLast());
        }
        AllocationProfile profile = heap.profile();
        assertThat(profile.sites()).hasSize(1);
        assertThat(profile.sites().getFirst().totalBlocks()).isEqualTo(1000);
        assertThat(profile.sites().getFirst().liveBytes()).isEqualTo(60_000);
        heap.stopProfile(); // which a debug heap does not
        assertThat(heap.leaks().leaks()).hasSize(1);
        blocks.forEach(heap::free);
    }

    @ParameterizedTest
    @EnumSource(DebugMode.class)
    void whatStandsOnAHeapStandsOnADebugHeap(DebugMode mode) {
        Heap heap = heap(mode);
        try (Arena confined = heap.ofConfined();
                Arena shared = heap.ofShared();
                Arena unscoped = heap.ofUnscoped();
                BlockPool pool = BlockPool.ofSize(48).shared(heap);
                Region region = Region.ofHeap(heap, 64 << 10)) {
            for (long byteSize = 1; byteSize < 200_000; byteSize *= 3) {
                for (Arena arena : List.of(confined, shared, unscoped)) {
                    assertThat(arena.allocate(byteSize).fill((byte) 1).byteSize())
                            .isEqualTo(byteSize);
                }
                long block = pool.malloc();
                RawMemory.putLong(block, 1);
                pool.free(block);
                assertThat(region.allocate(byteSize).byteSize()).isEqualTo(byteSize);
            }
            assertThat(heap.findDamage()).isEmpty();
        }
        assertThat(heap.statistics().liveBlocks()).isZero();
    }

    @ParameterizedTest
    @EnumSource(names = "OFF", mode = EnumSource.Mode.EXCLUDE)
    void randomCallsKeepEveryInvariant(DebugMode mode) {
        Heap heap = heap(mode);
        var random = new SplittableRandom(7);
        List<Long> blocks = new ArrayList<>();
        for (int turn = 0; turn < 3000; turn++) {
            int choice = random.nextInt(4);
            int place = blocks.isEmpty() ? -1 : random.nextInt(blocks.size());
            long byteSize = random.nextInt(8) == 0 ? random.nextInt(200_000) : random.nextInt(500);
            if (choice < 2 || place < 0) {
                blocks.add(choice == 0 ? heap.malloc(byteSize) : heap.calloc(1, byteSize));
            } else if (choice == 2) {
                long block = blocks.set(place, blocks.getLast());
                blocks.removeLast();
                heap.free(block);
            } else {
                blocks.set(place, heap.realloc(blocks.get(place), byteSize));
            }
            if (turn % 16 == 0) {
                heap.verify();
                assertThat(heap.statistics().liveBlocks()).isEqualTo(blocks.size());
            }
        }
        assertThat(heap.findDamage()).isEmpty();
        long liveBytes = blocks.stream().mapToLong(heap::usableSize).sum();
        assertThat(heap.statistics().liveBytes()).isEqualTo(liveBytes);
        blocks.forEach(heap::free);
        assertThat(heap.statistics().liveBytes()).isZero();
    }

    @ParameterizedTest
    @EnumSource(names = "OFF", mode = EnumSource.Mode.EXCLUDE)
    void manyThreadsFindNothingWhereNothingIsWrong(DebugMode mode) throws InterruptedException {
        Heap heap = heap(mode);
        List<Throwable> failures = Collections.synchronizedList(new ArrayList<>());
        List<Thread> threads = new ArrayList<>();
        for (int number = 0; number < 8; number++) {
            var random = new SplittableRandom(number);
            threads.add(Thread.ofPlatform()
                    .uncaughtExceptionHandler((thread, failure) -> failures.add(failure))
                    .start(() -> churn(heap, random)));
        }
        for (int turn = 0; turn < 20; turn++) {
            assertThat(heap.findDamage()).isEmpty();
        }
        for (Thread thread : threads) {
            thread.join();
        }
        assertThat(failures).isEmpty();
        assertThat(heap.statistics().liveBlocks()).isZero();
    }

    private static void churn(Heap heap, SplittableRandom random) {
        long[] blocks = new long[64];
        for (int turn = 0; turn < 2000; turn++) {
            int place = random.nextInt(blocks.length);
            heap.free(blocks[place]);
            int byteSize = random.nextInt(2000);
            blocks[place] = heap.malloc(byteSize);
            heap.segment(blocks[place]).fill((byte) turn);
        }
        for (long block : blocks) {
            heap.free(block);
        }
    }

    @Test
    void aClosedDebugHeapRefuses() {
        Heap heap = heap(DebugMode.FULL);
        open.clear();
        long block = heap.malloc(100);
        heap.close();
        assertThat(refusedFree(heap, block).finding()).isEqualTo(Finding.CLOSED);
        assertThatThrownBy(() -> heap.malloc(1)).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(heap::findDamage).isInstanceOf(IllegalStateException.class);
        assertThatCode(heap::close).doesNotThrowAnyException();
    }
}
