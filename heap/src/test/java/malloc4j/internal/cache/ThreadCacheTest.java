package malloc4j.internal.cache;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import malloc4j.internal.memory.RawMemory;
import malloc4j.internal.region.ChunkMap;
import malloc4j.internal.region.PageGeometry;
import malloc4j.internal.region.Zone;
import malloc4j.internal.slab.SizeClasses;
import malloc4j.internal.slab.Slab;
import malloc4j.internal.slab.SlabEntry;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// The cache of the test's own thread, alone in its heap.
class ThreadCacheTest {
    private static final int SIZE_CLASS = SizeClasses.of(1024);
    private static final int CAPACITY = SizeClasses.capacity(SIZE_CLASS);

    private final Caches caches = new Caches();

    @AfterEach
    void close() {
        caches.close();
    }

    private long[] allocate(int sizeClass, int count) {
        return IntStream.range(0, count)
                .mapToLong(index -> caches.allocate(sizeClass))
                .toArray();
    }

    private void freeAll(long... blocks) {
        for (long block : blocks) {
            assertThat(caches.free(block)).isTrue();
        }
    }

    private static void freeInThread(Caches caches, long... blocks) throws InterruptedException {
        Caches.inThread(() -> {
            for (long block : blocks) {
                assertThat(caches.free(block)).isTrue();
            }
            return 0;
        });
    }

    @Test
    void theBlockThatWasFreedLastComesFirst() {
        long[] blocks = allocate(SIZE_CLASS, 3 * CAPACITY);
        freeAll(blocks[70], blocks[3], blocks[130]);
        caches.verify();
        assertThat(allocate(SIZE_CLASS, 3)).containsExactly(blocks[130], blocks[3], blocks[70]);
    }

    @ParameterizedTest
    @ValueSource(ints = {16, 1024, 4096, 32_768})
    void aMagazineKeepsAtMostThirtyTwoBlocksAndAsManyBytesAsASlabHas(int byteSize) {
        int sizeClass = SizeClasses.of(byteSize);
        int kept = Math.clamp(65_536 / byteSize, 1, 32);
        int capacity = SizeClasses.capacity(sizeClass);
        long[] blocks = allocate(sizeClass, 3 * capacity);
        for (int index = 0; index < capacity; index++) {
            freeAll(blocks[index]);
            caches.verify();
        }
        long[] again = allocate(sizeClass, capacity);
        for (int index = 0; index < kept; index++) {
            assertThat(again[index]).isEqualTo(blocks[Math.min(kept, capacity) - 1 - index]);
        }
        assertThat(again).containsExactlyInAnyOrder(Arrays.copyOf(blocks, capacity));
    }

    @Test
    void aBlockThatATornMallocTookIsNotGivenOutAgain() {
        long[] blocks = allocate(SIZE_CLASS, 4);
        freeAll(blocks[1], blocks[2]);
        caches.torn = true;
        clearBit(blocks[2]); // as if an error had ended a malloc between the bit and the slot
        assertThat(Magazine.tornSlots(magazine())).isEqualTo(1);
        caches.verify();
        assertThat(caches.allocate(SIZE_CLASS)).isEqualTo(blocks[1]);
        assertThat(Magazine.tornSlots(magazine())).isZero();
        freeAll(blocks[2]);
        assertThat(caches.allocate(SIZE_CLASS)).isEqualTo(blocks[2]);
    }

    @Test
    void aBlockWhoseFreeWasTornAndRepeatedIsGivenOutOnce() {
        long[] blocks = allocate(SIZE_CLASS, 4);
        freeAll(blocks[2]);
        caches.torn = true;
        clearBit(blocks[2]); // as if an error had ended that free between the slot and the bit
        freeAll(blocks[2]);
        assertThat(Magazine.tornSlots(magazine())).as("two slots have it").isEqualTo(1);
        caches.verify();
        assertThat(allocate(SIZE_CLASS, CAPACITY)).doesNotHaveDuplicates().contains(blocks[2]);
        assertThat(Magazine.tornSlots(magazine())).isZero();
    }

    @Test
    void aBlockThatItsOwnerAndAnotherFreeAtTheSameMomentIsGivenOutOnce() throws InterruptedException {
        for (int kept = 0; kept < 2; kept++) { // in a slot, and in none
            long[] blocks = allocate(SIZE_CLASS, CAPACITY);
            long twice = blocks[7];
            freeInThread(caches, twice);
            setBit(twice);
            long shifted = Magazine.shifted(magazines(), SIZE_CLASS);
            long withoutSlots = shifted & -1L << 10;
            Magazine.push(
                    kept == 1 ? shifted : withoutSlots, twice, Slab.pair(ChunkMap.record(twice), 0), bitOf(twice));
            caches.verify();
            long[] later = allocate(SIZE_CLASS, 3 * CAPACITY);
            assertThat(later).doesNotHaveDuplicates();
            assertThat(Arrays.stream(later)
                            .filter(block -> Arrays.stream(blocks).anyMatch(held -> held == block)))
                    .containsExactly(twice);
            caches.verify();
        }
    }

    private long magazines() {
        return Objects.requireNonNull(caches.registry.current()).magazines();
    }

    private long magazine() {
        return Magazine.of(magazines(), SIZE_CLASS);
    }

    private static void clearBit(long block) {
        long pair = Slab.pair(ChunkMap.record(block), 0); // the slabs of the class have one
        RawMemory.putLong(pair, Slab.freeWord(pair) & ~(1L << bitOf(block)));
    }

    private static void setBit(long block) {
        long slab = ChunkMap.record(block);
        Slab.ownerNoteWord(slab, 0);
        Slab.ownerPutFreeWord(Slab.pair(slab, 0), Slab.freeWord(Slab.pair(slab, 0)) | 1L << bitOf(block));
    }

    private static long bitOf(long block) {
        return (block - Slab.base(ChunkMap.record(block))) / 1024;
    }

    @ParameterizedTest
    @ValueSource(ints = {16, 1024, 32_768})
    void theMagazineCountsWhatIsLiveAndWhatWasFreed(int byteSize) throws InterruptedException {
        int sizeClass = SizeClasses.of(byteSize);
        SplittableRandom random = new SplittableRandom(byteSize);
        List<Long> live = new ArrayList<>();
        long freed = 0;
        for (int step = 0; step < 20_000; step++) {
            if (random.nextInt(1_000) < 500 + (step / 2_000 % 2 == 0 ? 50 : -50) || live.isEmpty()) {
                live.add(caches.allocate(sizeClass));
            } else {
                long last = live.removeLast();
                int index = random.nextInt(live.size() + 1);
                long block = index == live.size() ? last : live.set(index, last);
                if (random.nextInt(100) == 0) {
                    freeInThread(caches, block);
                } else {
                    freeAll(block);
                }
                freed++;
            }
        }
        caches.registry.unleaseIdle(true);
        CacheRegistry.Counts counts = caches.registry.counts();
        assertThat(counts.live(sizeClass)).isEqualTo(live.size());
        assertThat(counts.freed(sizeClass)).isEqualTo(freed);
        assertThat(counts.allocated(sizeClass)).isEqualTo(freed + live.size());
        for (long block : live) {
            freeAll(block);
        }
        caches.allocate(sizeClass);
        assertThat(caches.liveBlocks()).isEqualTo(1);
    }

    @ParameterizedTest
    @ValueSource(ints = {16, 48, 1024, 1552, 32_768})
    void aSlabGivesEachOfItsBlocksOnceLowestFirst(int byteSize) {
        int sizeClass = SizeClasses.of(byteSize);
        long[] blocks = allocate(sizeClass, SizeClasses.capacity(sizeClass));
        long base = Slab.base(ChunkMap.record(blocks[0]));
        for (int index = 0; index < blocks.length; index++) {
            assertThat(blocks[index]).isEqualTo(base + (long) index * byteSize);
        }
        assertThat(caches.slabCount()).isEqualTo(1);
        caches.allocate(sizeClass);
        assertThat(caches.slabCount()).isEqualTo(2);
    }

    @Test
    void whatIsNoLiveBlockIsRefused() {
        long block = caches.allocate(SIZE_CLASS);
        for (long wrong :
                new long[] {0, -1, block + 1, block + 16, block + 1024, block - 1, ChunkMap.BASE + (1L << 39)}) {
            assertThat(caches.registry.table().freeBlock(wrong)).isFalse();
        }
        assertThat(caches.free(block)).isTrue();
        assertThat(caches.free(block)).isFalse();
    }

    @Test
    void aFullSlabIsUsedAgainAfterAFreeOfTheOwners() {
        long[] blocks = allocate(SIZE_CLASS, 3 * CAPACITY);
        assertThat(caches.slabCount()).isEqualTo(3);
        freeAll(blocks[5], blocks[CAPACITY + 7]);
        caches.verify();
        assertThat(allocate(SIZE_CLASS, 2)).containsExactlyInAnyOrder(blocks[5], blocks[CAPACITY + 7]);
        assertThat(caches.slabCount()).isEqualTo(3);
    }

    @Test
    void aFullSlabIsUsedAgainAfterAFreeOfAnotherThread() throws InterruptedException {
        long[] blocks = allocate(SIZE_CLASS, 3 * CAPACITY);
        freeInThread(caches, blocks[CAPACITY + 3], blocks[2], blocks[4]);
        caches.verify();
        long[] again = allocate(SIZE_CLASS, 3);
        assertThat(again).containsExactlyInAnyOrder(blocks[CAPACITY + 3], blocks[2], blocks[4]);
        assertThat(caches.slabCount()).isEqualTo(3);
    }

    @Test
    void theLeasedSlabsRemoteFreesAreCollectedBeforeAnotherSlabIsTaken() throws InterruptedException {
        long[] blocks = allocate(SIZE_CLASS, CAPACITY);
        freeInThread(caches, blocks[1], blocks[60]);
        assertThat(allocate(SIZE_CLASS, 2)).containsExactly(blocks[1], blocks[60]);
        assertThat(caches.slabCount()).isEqualTo(1);
    }

    @Test
    void manyRoundsOfRemoteFreesNeedNoMoreSlabs() throws InterruptedException {
        for (int round = 0; round < 30; round++) {
            freeInThread(caches, allocate(SIZE_CLASS, 4 * CAPACITY));
            caches.verify();
        }
        assertThat(caches.slabCount()).isLessThanOrEqualTo(5);
        assertThat(caches.liveBlocks()).isZero();
    }

    @Test
    void unleasingLosesNothing() {
        long[] blocks = allocate(SIZE_CLASS, CAPACITY / 2);
        long other = caches.allocate(SizeClasses.of(16));
        caches.registry.unleaseIdle(true);
        caches.verify();
        assertThat(allocate(SIZE_CLASS, CAPACITY / 2)).doesNotContain(blocks);
        assertThat(caches.slabCount()).isEqualTo(2);
        freeAll(blocks);
        freeAll(other);
    }

    @Test
    void aVisitMakesSpansOfEmptySlabs() {
        freeAll(allocate(SIZE_CLASS, 3 * CAPACITY));
        assertThat(caches.slabCount()).isEqualTo(3);
        caches.reclaimer.visit(0, true);
        caches.verify();
        assertThat(caches.slabCount()).isZero();
        assertThat(caches.spans.census().spanBytes()).isZero();
        assertThat(caches.budget.usedBytes()).isZero();
    }

    @Test
    void aVisitGivesBackTheFreePagesOfALiveSlabAndKeepsTheRest() {
        long[] blocks = allocate(SIZE_CLASS, CAPACITY);
        for (long block : blocks) {
            RawMemory.putLong(block, block);
        }
        for (int index = 0; index < CAPACITY; index++) {
            if (index != 9) {
                freeAll(blocks[index]);
            }
        }
        assertThat(caches.reclaimer.visit(0, true)).isEqualTo(65_536 - PageGeometry.PAGE_BYTES);
        caches.verify();
        assertThat(RawMemory.getLong(blocks[9])).isEqualTo(blocks[9]);
        assertThat(RawMemory.getLong(blocks[40])).isEqualTo(PageGeometry.PAGES_PER_CHUNK == 1 ? blocks[40] : 0);
        assertThat(caches.reclaimer.visit(0, true)).as("once is enough").isZero();
        assertThat(caches.free(blocks[40])).isFalse();
        assertThat(caches.allocate(SIZE_CLASS)).isEqualTo(blocks[0]);
    }

    @Test
    void pagesOfBlocksInTheMagazineAreNotGivenBackAndAllOthersAre() {
        long[] blocks = allocate(SIZE_CLASS, 2 * CAPACITY);
        for (long block : blocks) {
            RawMemory.putLong(block, block);
        }
        long blocksPerPage = PageGeometry.PAGE_BYTES / 1024;
        freeAll(Arrays.copyOf(blocks, CAPACITY));
        for (int visit = 0; visit < 3; visit++) {
            caches.reclaimer.visit(0, false);
            caches.verify();
        }
        for (int index = 0; index < CAPACITY; index++) {
            boolean kept = index / blocksPerPage <= 31 / blocksPerPage; // the magazine has the first 32
            assertThat(RawMemory.getLong(blocks[index])).as("block " + index).isEqualTo(kept ? blocks[index] : 0);
        }
        assertThat(allocate(SIZE_CLASS, CAPACITY)).containsExactlyInAnyOrder(Arrays.copyOf(blocks, CAPACITY));
        assertThat(caches.slabCount()).isEqualTo(2);
    }

    @Test
    void anEmptySlabStaysWhileTheMagazineHasABlockOfIt() {
        long[] blocks = allocate(SIZE_CLASS, 2 * CAPACITY);
        freeAll(blocks[0]);
        freeAll(Arrays.copyOfRange(blocks, 1, CAPACITY));
        caches.reclaimer.visit(0, false);
        caches.reclaimer.visit(0, false);
        assertThat(caches.slabCount()).isEqualTo(2);
        allocate(SIZE_CLASS, 34);
        freeAll(Arrays.copyOfRange(blocks, CAPACITY, 2 * CAPACITY));
        caches.verify();
        caches.reclaimer.visit(0, true);
        assertThat(caches.liveBlocks()).isEqualTo(34);
        assertThat(caches.slabCount()).isEqualTo(1);
    }

    @Test
    void aHeapWithANumberTooLargeForEntriesFreesByTheRecord() {
        assertThat(SlabEntry.heapKey(1)).isEqualTo(1);
        assertThat(SlabEntry.heapKey((1 << 24) - 2)).isEqualTo((1 << 24) - 2);
        assertThat(SlabEntry.heapKey(1 << 24)).isEqualTo(SlabEntry.heapKey(-1)).isEqualTo((1 << 24) - 1);
        try (Caches many = new Caches(1 << 24)) {
            long block = many.allocate(SIZE_CLASS);
            assertThat(many.registry.table().freeBlock(block)).isFalse();
            assertThat(many.free(block)).isTrue();
            assertThat(many.allocate(SIZE_CLASS)).isEqualTo(block);
            assertThat(many.free(block)).isTrue();
            assertThat(many.free(block)).isFalse();
        }
    }

    @ParameterizedTest
    @CsvSource({
        "0, 1, heap", // OWNER
        "8, 0x1000, pairs",
        "8, 1, pairs", // and the size class
        "16, 1, reciprocal",
        "24, 0x400, magazine"
    })
    void anEntryThatIsNotWhatItsRecordSaysIsFound(int offset, long difference, String field) {
        long block = caches.allocate(SIZE_CLASS);
        long chunk = (block - ChunkMap.BASE) >>> Zone.CHUNK_SHIFT;
        long word = ChunkMap.ENTRIES + (chunk << ChunkMap.ENTRY_SHIFT) + offset;
        caches.verify();
        long before = RawMemory.getLong(word);
        RawMemory.putLong(word, before ^ difference);
        assertThatExceptionOfType(AssertionError.class)
                .isThrownBy(caches::verify)
                .withMessageContaining("its " + field + " is another's");
        RawMemory.putLong(word, before);
    }

    @Test
    void onlyTheFirstFreeOfAWordByAnotherThreadGoesByTheRecord() throws InterruptedException {
        long[] blocks = allocate(SIZE_CLASS, CAPACITY);
        CacheTable table = caches.registry.table();
        long byAWord = Caches.inThread(() -> {
            assertThat(caches.registry.current()).isNull();
            assertThat(caches.free(blocks[0])).isTrue();
            assertThat(caches.registry.current())
                    .as("who frees blocks of others counts them")
                    .isNotNull();
            long count = 0;
            for (int index = 1; index < CAPACITY; index++) {
                count += table.freeElsewhere(blocks[index]) ? 1 : 0;
                assertThat(table.freeElsewhere(blocks[index]))
                        .as("a second time")
                        .isFalse();
                assertThat(caches.free(blocks[index])).isFalse();
            }
            return count;
        });
        assertThat(byAWord).isEqualTo(CAPACITY - 1L);
        assertThat(caches.liveBlocks()).isZero();
        caches.verify();
        assertThat(allocate(SIZE_CLASS, CAPACITY)).containsExactlyInAnyOrder(blocks);
    }

    @Test
    void theShortWayRefusesWhatIsNoLiveBlockOfTheHeap() throws InterruptedException {
        long[] blocks = allocate(SIZE_CLASS, CAPACITY);
        CacheTable table = caches.registry.table();
        try (Caches others = new Caches(3)) {
            long foreign = others.allocate(SIZE_CLASS);
            long alsoForeign = others.allocate(SIZE_CLASS);
            Caches.inThread(() -> {
                assertThat(caches.free(blocks[0])).isTrue();
                assertThat(others.free(foreign)).isTrue();
                for (long address : new long[] {
                    0, -1, Long.MIN_VALUE, 16, blocks[1] + 16, blocks[1] - 1, blocks[CAPACITY - 1] + 1024, alsoForeign
                }) {
                    assertThat(table.freeElsewhere(address)).as("0x%x", address).isFalse();
                }
                return 0;
            });
            assertThat(table.freeElsewhere(blocks[1])).as("by the owner").isFalse();
            assertThat(others.free(alsoForeign)).isTrue();
        }
        assertThat(caches.liveBlocks()).isEqualTo(CAPACITY - 1);
    }

    @Test
    void blocksOfASharedCacheGoHomeByAWordToo() throws InterruptedException {
        long[] blocks = new long[CAPACITY];
        Thread.ofVirtual()
                .start(() -> {
                    for (int index = 0; index < CAPACITY; index++) {
                        blocks[index] = caches.allocate(SIZE_CLASS);
                    }
                })
                .join();
        assertThat(caches.free(blocks[0])).isTrue();
        assertThat(caches.registry.table().freeElsewhere(blocks[1])).isTrue();
        Thread.ofVirtual()
                .start(() -> {
                    for (int index = 2; index < CAPACITY; index++) {
                        assertThat(caches.registry.freeUncached(blocks[index])).isTrue();
                        assertThat(caches.registry.freeUncached(blocks[index])).isFalse();
                    }
                })
                .join();
        assertThat(caches.liveBlocks()).isZero();
        caches.verify();
    }

    @Test
    void whoTakesOverACacheOwnsItsSlabs() throws InterruptedException {
        long[] blocks = new long[CAPACITY];
        Caches.inThread(() -> {
            System.arraycopy(allocate(SIZE_CLASS, CAPACITY), 0, blocks, 0, CAPACITY);
            return 0;
        });
        ThreadCache heir = caches.registry.currentToFree();
        assertThat(heir).isNotNull();
        assertThat(ThreadCache.TAGS.get(Slab.tag(ChunkMap.record(blocks[0])))).isSameAs(heir);
        for (long block : blocks) {
            assertThat(caches.registry.table().freeElsewhere(block))
                    .as("its own")
                    .isFalse();
            assertThat(caches.free(block)).isTrue();
        }
        assertThat(Slab.hasRemote(ChunkMap.record(blocks[0]))).isFalse();
        caches.verify();
    }

    @Test
    void whatIsLeasedIsNotVisited() {
        long block = caches.allocate(SIZE_CLASS);
        caches.free(block);
        caches.reclaimer.visit(0, false);
        caches.reclaimer.visit(0, false);
        assertThat(caches.slabCount()).isEqualTo(1);
        assertThat(ChunkMap.record(caches.allocate(SIZE_CLASS))).isEqualTo(ChunkMap.record(block));
    }

    @Test
    void whereNoSpanIsLeftEmptySlabsOfOtherClassesMakeRoom() {
        int largest = SizeClasses.of(SizeClasses.MAX_SMALL_BYTES);
        long[] blocks = allocate(largest, 128);
        long extentBytes = caches.spans.census().extentBytes();
        assertThat(extentBytes).isEqualTo(4 << 20);
        freeAll(blocks);
        allocate(SizeClasses.of(16), 40 * 4096);
        assertThat(caches.spans.census().extentBytes()).isEqualTo(extentBytes);
    }
}
