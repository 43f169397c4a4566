package malloc4j.internal.slab;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.util.BitSet;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import malloc4j.internal.memory.RawMemory;
import malloc4j.internal.region.ChunkMap;
import malloc4j.internal.region.Ground;
import malloc4j.internal.region.MmapSource;
import malloc4j.internal.region.PageGeometry;
import malloc4j.internal.region.Zone;
import malloc4j.internal.slab.Slab.RemoteFree;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// One slab's record, for every size class, against a model of which blocks are free.
class SlabTest {
    private static final int TAG = 7;
    private static final int HEAP_ID = 11;
    private static final int PAGE_BYTES = (int) PageGeometry.PAGE_BYTES;

    private final MmapSource source = new MmapSource(Ground.process(), MmapSource.Pages.DEFAULT);
    private long base;
    private long slab;

    static IntStream sizeClasses() {
        return IntStream.range(0, SizeClasses.COUNT);
    }

    @BeforeEach
    void acquireChunk() {
        base = source.acquire(Zone.GRANULE_BYTES) + 3L * Zone.CHUNK_BYTES;
        slab = ChunkMap.record(base);
    }

    @AfterEach
    void releaseChunk() {
        Slab.retire(slab);
        assertThat(source.release(base - 3L * Zone.CHUNK_BYTES, Zone.GRANULE_BYTES))
                .isZero();
    }

    @ParameterizedTest
    @MethodSource("sizeClasses")
    void exactlyTheMultiplesOfTheBlockSizeAreBlocks(int sizeClass) {
        Slab.format(slab, base, sizeClass, TAG, HEAP_ID);
        int blockBytes = SizeClasses.blockBytes(sizeClass);
        long reciprocal = Slab.reciprocal(slab);
        for (int offset = 0; offset < Zone.CHUNK_BYTES; offset++) {
            long product = Slab.product(base + offset, reciprocal);
            if (Slab.isBlock(product, reciprocal) != (offset % blockBytes == 0)
                    || Slab.index(product) != offset / blockBytes) {
                throw new AssertionError("offset " + offset + " of " + blockBytes + "-byte blocks: index "
                        + Slab.index(product) + ", is a block: " + Slab.isBlock(product, reciprocal));
            }
        }
    }

    @ParameterizedTest
    @MethodSource("sizeClasses")
    void aNewSlabIsEmptyAndHasItsDescription(int sizeClass) {
        RawMemory.fill(slab + ChunkMap.BODY, Zone.RECORD_BYTES - ChunkMap.BODY, (byte) -1);
        Slab.format(slab, base, sizeClass, TAG, HEAP_ID);
        Slab.verify(slab);
        assertThat(Slab.tag(slab)).isEqualTo(TAG);
        assertThat(Slab.heapId(slab)).isEqualTo(HEAP_ID);
        assertThat(Slab.base(slab)).isEqualTo(base);
        assertThat(Slab.sizeClass(slab)).isEqualTo(sizeClass);
        assertThat(Slab.blockBytes(slab)).isEqualTo(SizeClasses.blockBytes(sizeClass));
        assertThat(Slab.capacity(slab)).isEqualTo(SizeClasses.capacity(sizeClass));
        assertThat(Slab.state(slab)).isEqualTo(Slab.LEASED);
        assertThat(Slab.isEmpty(slab)).isTrue();
        assertThat(Slab.liveCount(slab)).isZero();
        assertThat(Slab.hasRemote(slab)).isFalse();
        assertThat(Slab.freePages(slab)).isEqualTo((int) ((1L << PageGeometry.PAGES_PER_CHUNK) - 1));
    }

    @ParameterizedTest
    @MethodSource("sizeClasses")
    void theTailIsNoLiveBlockAndCannotBeFreed(int sizeClass) {
        Slab.format(slab, base, sizeClass, TAG, HEAP_ID);
        int capacity = SizeClasses.capacity(sizeClass);
        takeAll();
        if (capacity * SizeClasses.blockBytes(sizeClass) < Zone.CHUNK_BYTES) {
            assertThat(Slab.isLive(slab, capacity)).isFalse();
            assertThat(Slab.freeRemote(slab, capacity)).isEqualTo(RemoteFree.REFUSED);
            assertThat(Slab.hasRemote(slab)).isFalse();
        }
        assertThat(Slab.isLive(slab, capacity - 1)).isTrue();
        Slab.verify(slab);
        assertThat(Slab.liveCount(slab)).isEqualTo(capacity);
    }

    @ParameterizedTest
    @MethodSource("sizeClasses")
    void randomOperationsAgreeWithAModel(int sizeClass) {
        Slab.format(slab, base, sizeClass, TAG, HEAP_ID);
        SplittableRandom random = new SplittableRandom(sizeClass);
        int capacity = SizeClasses.capacity(sizeClass);
        BitSet live = new BitSet();
        int drift = 0;
        for (int step = 0; step < 4_000; step++) {
            drift = step % 500 == 0 ? random.nextInt(3, 7) : drift;
            int dice = random.nextInt(10);
            boolean remote = Slab.hasRemote(slab);
            if (dice < drift) {
                int index = take();
                assertThat(index >= 0 || live.cardinality() == capacity || remote)
                        .isTrue();
                if (index >= 0) {
                    assertThat(live.get(index)).isFalse();
                    live.set(index);
                }
            } else if (dice < 9) {
                int index = random.nextInt(capacity);
                RemoteFree expected = live.get(index) ? null : RemoteFree.REFUSED;
                RemoteFree result = Slab.freeRemote(slab, index);
                assertThat(result)
                        .isEqualTo(expected != null ? expected : remote ? RemoteFree.FREED : RemoteFree.FREED_FIRST);
                live.clear(index);
            } else {
                int uncollected = capacity - live.cardinality() - ownerFreeCount(capacity);
                assertThat(Slab.ownerCollect(slab)).isEqualTo(remote ? uncollected : -1);
                assertThat(Slab.hasRemote(slab)).isFalse();
                assertThat(Slab.ownerHasFree(slab)).isEqualTo(live.cardinality() < capacity);
            }
            if (step % 16 == 0) {
                assertAgrees(live, capacity);
            }
        }
        assertAgrees(live, capacity);
    }

    @Test
    void aRemoteFreeIsNoFreeBlockOfTheOwnerUntilCollected() {
        Slab.format(slab, base, SizeClasses.of(1024), TAG, HEAP_ID);
        takeAll();
        assertThat(Slab.freeRemote(slab, 5)).isEqualTo(RemoteFree.FREED_FIRST);
        assertThat(Slab.freeRemote(slab, 6)).isEqualTo(RemoteFree.FREED);
        assertThat(Slab.freeRemote(slab, 5)).isEqualTo(RemoteFree.REFUSED);
        assertThat(Slab.ownerHasFree(slab)).isFalse();
        assertThat(Slab.isLive(slab, 5)).isFalse();
        assertThat(Slab.ownerCollect(slab)).isEqualTo(2);
        assertThat(Slab.freeWord(Slab.pair(slab, 0))).isEqualTo(0b110_0000);
        assertThat(Slab.freeRemote(slab, 5)).isEqualTo(RemoteFree.REFUSED);
        assertThat(Slab.ownerCollect(slab)).isEqualTo(-1);
        Slab.verify(slab);
    }

    @Test
    void aFormerLifeLeavesNoTrace() {
        Slab.format(slab, base, SizeClasses.of(16), TAG, HEAP_ID);
        int large = SizeClasses.of(SizeClasses.MAX_SMALL_BYTES);
        Slab.format(slab, base, large, TAG, HEAP_ID);
        takeAll();
        assertThat(Slab.liveCount(slab)).isEqualTo(2);
        RawMemory.getAndOrLong(slab + 64, 1L << 40); // remoteSummary, by a straggler of that life
        assertThat(Slab.ownerCollect(slab)).isZero();
        assertThat(take()).as("only words that have blocks are looked at").isNegative();
    }

    @Test
    void verifyFindsARemoteFreeThatNobodyAnnounced() {
        Slab.format(slab, base, SizeClasses.of(64), TAG, HEAP_ID);
        RawMemory.putLong(Slab.pair(slab, 2) + 8, 1);
        assertThatExceptionOfType(AssertionError.class)
                .isThrownBy(() -> Slab.verify(slab))
                .withMessage("slab 0x%x of 64-byte blocks: remoteSummary misses 2".formatted(base));
    }

    @Test
    void theNextWordIsWorthAVisitAndHasLiveBlocksToo() {
        Slab.format(slab, base, SizeClasses.of(16), TAG, HEAP_ID);
        for (int word = 0; word < 8; word++) {
            Slab.ownerPutFreeWord(Slab.pair(slab, word), 0);
        }
        assertThat(Slab.ownerNextWord(slab, 7)).as("one without live blocks").isEqualTo(8);
        free(2, 0x7F);
        free(3, 0x07);
        free(5, 0xFF);
        free(6, 0xFFFF);
        assertThat(Slab.ownerNextWord(slab, -1)).as("the first with 8").isEqualTo(5);
        assertThat(Slab.ownerNextWord(slab, 5)).as("the one after").isEqualTo(6);
        assertThat(Slab.ownerNextWord(slab, 60)).as("around").isEqualTo(5);
        Slab.ownerPutFreeWord(Slab.pair(slab, 5), 0);
        Slab.ownerPutFreeWord(Slab.pair(slab, 6), 0);
        assertThat(Slab.ownerNextWord(slab, -1)).as("few are not worth it").isEqualTo(8);
        for (int word = 8; word < Long.SIZE; word++) {
            Slab.ownerPutFreeWord(Slab.pair(slab, word), 0);
        }
        assertThat(Slab.ownerNextWord(slab, -1)).as("the most there are").isEqualTo(2);
        Slab.ownerPutFreeWord(Slab.pair(slab, 2), 0);
        Slab.ownerPutFreeWord(Slab.pair(slab, 3), 0);
        assertThat(Slab.ownerNextWord(slab, 12)).isEqualTo(-1);
    }

    @Test
    void aBlockThatOwnerAndAnotherFreeAtOnceIsHandedOutOnceAndNotBeforeItIsCollected() {
        Slab.format(slab, base, SizeClasses.of(1024), TAG, HEAP_ID);
        takeAll();
        assertThat(Slab.freeRemote(slab, 5)).isEqualTo(RemoteFree.FREED_FIRST);
        free(0, 1L << 5); // as an owner does that has not seen the other's bit
        Slab.verify(slab);
        assertThat(Slab.ownerNextWord(slab, -1)).isEqualTo(-1);
        assertThat(Slab.ownerCollect(slab)).as("it was the owner's already").isEqualTo(1L << 32);
        assertThat(take()).isEqualTo(5);
        assertThat(take()).isEqualTo(-1);
    }

    private void free(int word, long blocks) {
        Slab.ownerNoteWord(slab, word);
        Slab.ownerPutFreeWord(Slab.pair(slab, word), blocks);
    }

    private int ownerFreeCount(int capacity) {
        int count = 0;
        for (int word = 0; word < (capacity + 63) / 64; word++) {
            count += Long.bitCount(Slab.freeWord(Slab.pair(slab, word)));
        }
        return count;
    }

    /// Takes one block as the owner's cache does, or returns -1.
    private int take() {
        int word = Slab.ownerNextWord(slab, -1);
        if (word < 0) {
            return -1;
        }
        long pair = Slab.pair(slab, word);
        long bits = Slab.freeWord(pair);
        Slab.ownerPutFreeWord(pair, bits & (bits - 1));
        return (word << 6) + Long.numberOfTrailingZeros(bits);
    }

    private void takeAll() {
        int count = 0;
        while (take() >= 0) {
            count++;
        }
        assertThat(count).isEqualTo(Slab.capacity(slab));
    }

    private void assertAgrees(BitSet live, int capacity) {
        Slab.verify(slab);
        assertThat(Slab.liveCount(slab)).isEqualTo(live.cardinality());
        assertThat(Slab.isEmpty(slab)).isEqualTo(live.isEmpty());
        for (int index = 0; index < capacity; index++) {
            if (Slab.isLive(slab, index) != live.get(index)) {
                throw new AssertionError("block " + index + " is live: " + live.get(index));
            }
        }
        int touched = 0;
        int blockBytes = Slab.blockBytes(slab);
        for (int index = live.nextSetBit(0); index >= 0; index = live.nextSetBit(index + 1)) {
            for (int page = index * blockBytes / PAGE_BYTES;
                    page <= (index * blockBytes + blockBytes - 1) / PAGE_BYTES;
                    page++) {
                touched |= 1 << page;
            }
        }
        assertThat(Slab.freePages(slab)).isEqualTo(~touched & (int) ((1L << PageGeometry.PAGES_PER_CHUNK) - 1));
    }
}
