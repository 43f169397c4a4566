package malloc4j.internal.span;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.TreeMap;
import malloc4j.internal.memory.RawMemory;
import malloc4j.internal.os.Errno;
import malloc4j.internal.region.Budget;
import malloc4j.internal.region.ChunkMap;
import malloc4j.internal.region.ForwardingSource;
import malloc4j.internal.region.PageGeometry;
import malloc4j.internal.region.PageSource;
import malloc4j.internal.region.Zone;
import malloc4j.internal.slab.HeapWalk;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.RepetitionInfo;
import org.junit.jupiter.api.Test;

class SpansTest {
    private static final int HEAP_ID = 3;
    private static final long PAGE = PageGeometry.PAGE_BYTES;
    private static final long NONE = Long.MAX_VALUE;

    /// Real memory from a source that counts, and can refuse.
    private static final class FakeSource extends ForwardingSource {
        final TreeMap<Long, Long> extents = new TreeMap<>();
        final List<Long> asked = new ArrayList<>();
        long largest = Long.MAX_VALUE;
        boolean refusePurge;
        boolean refuseRelease;
        long purgedBytes;
        int closes;

        @Override
        public long acquire(long byteSize) {
            asked.add(byteSize);
            long address = byteSize > largest ? -Errno.ENOMEM : super.acquire(byteSize);
            if (address > 0) {
                extents.put(address, byteSize);
            }
            return address;
        }

        @Override
        public long release(long address, long byteSize) {
            if (refuseRelease) {
                return -Errno.ENOMEM;
            }
            assertThat(extents.remove(address)).isEqualTo(byteSize);
            return super.release(address, byteSize);
        }

        @Override
        public long purge(long address, long byteSize) {
            if (refusePurge) {
                return -Errno.EINVAL;
            }
            purgedBytes += byteSize;
            return super.purge(address, byteSize);
        }

        @Override
        public long close() {
            closes++;
            return 0;
        }
    }

    private final FakeSource source = new FakeSource();
    private final Budget budget = new Budget(null, NONE, 16_384 * PAGE);
    private final Spans spans = new Spans(source, budget, HEAP_ID);

    @AfterEach
    void close() {
        source.refuseRelease = false;
        spans.verify(0, 0);
        assertThat(spans.close()).isZero();
        assertThat(source.extents).isEmpty();
        assertThat(source.closes).isEqualTo(1);
        assertThat(budget.usedBytes()).isZero();
    }

    private long span(int pages) {
        long span = spans.allocateSpan(pages, 1, true);
        assertThat(Errno.isError(span)).isFalse();
        return span;
    }

    private long large(int pages) {
        long span = spans.allocateLarge(pages, 1, true, 0);
        assertThat(Errno.isError(span)).isFalse();
        return span;
    }

    @Test
    void withoutLeaveToGrowThereIsNothing() {
        assertThat(spans.allocateSpan(1, 1, false)).isEqualTo(-Errno.EAGAIN);
        assertThat(source.asked).isEmpty();
    }

    @Test
    void spansAreTakenLowestFirst() {
        long first = span(3);
        assertThat(span(2)).isEqualTo(first + 3 * PAGE);
        spans.freeSpan(first, 3);
        assertThat(span(4)).isEqualTo(first + 5 * PAGE);
        assertThat(span(2)).isEqualTo(first);
        assertThat(span(1)).isEqualTo(first + 2 * PAGE);
        assertThat(source.asked).containsExactly(2 * Zone.GRANULE_BYTES);
    }

    @Test
    void untouchedPagesAreZeroedAndUsedOnesAreNot() {
        long span = spans.allocateSpan(4, 1, true);
        assertThat(Spans.isZeroed(span)).isTrue();
        spans.freeSpan(span, 4);
        assertThat(spans.allocateSpan(2, 1, false)).isEqualTo(span);
        assertThat(Spans.isZeroed(span)).isFalse();
        spans.purge(0, true);
        assertThat(spans.allocateSpan(2, 1, false)).isEqualTo(span + 2 * PAGE);
        assertThat(Spans.isZeroed(span + 2 * PAGE)).isTrue();
        assertThat(Spans.isZeroed(span)).as("of another span").isFalse();
        Spans.noteWritten(span + 2 * PAGE);
        assertThat(Spans.isZeroed(span + 2 * PAGE)).isFalse();
    }

    @Test
    void alignmentHoldsUpToAGibibyte() {
        for (int shift = 0; shift <= 18; shift += 3) {
            long span = spans.allocateSpan(3, 1 << shift, true);
            assertThat(span % (PAGE << shift)).isZero();
        }
        assertThat(budget.usedBytes()).isEqualTo(7 * 3 * PAGE);
    }

    @Test
    void whereAGenerousExtentIsRefusedTheSmallestWillDo() {
        source.largest = Zone.GRANULE_BYTES;
        span(1);
        assertThat(source.asked).containsExactly(2 * Zone.GRANULE_BYTES, Zone.GRANULE_BYTES);
        assertThat(spans.allocateSpan(600, 1, true)).isEqualTo(-Errno.ENOMEM);
        spans.verify(0, 0);
    }

    @Test
    void theBudgetIsChargedForSpansAndDirtyPagesOnly() {
        long span = span(10);
        assertThat(budget.usedBytes()).isEqualTo(10 * PAGE);
        spans.freeSpan(span, 10);
        assertThat(budget.usedBytes()).as("dirty").isEqualTo(10 * PAGE);
        span(4);
        assertThat(budget.usedBytes()).as("dirty pages are used again").isEqualTo(10 * PAGE);
        assertThat(spans.purge(0, true)).isEqualTo(6 * PAGE);
        assertThat(budget.usedBytes()).isEqualTo(4 * PAGE);
        assertThat(spans.allocateSpan(16_384 - 3, 1, true)).isEqualTo(-Errno.EDQUOT);
        assertThat(budget.usedBytes()).isEqualTo(4 * PAGE);
    }

    @Test
    void aPageGoesBackAtTheSecondVisitThatFindsItUnused() {
        spans.freeSpan(span(8), 8);
        assertThat(spans.purge(0, false)).isZero();
        assertThat(spans.purge(0, false)).isEqualTo(8 * PAGE);
        assertThat(spans.purge(0, false)).isZero();
        assertThat(source.purgedBytes).isEqualTo(8 * PAGE);
    }

    @Test
    void aPageUsedBetweenTwoVisitsStays() {
        long span = span(8);
        spans.freeSpan(span, 8);
        spans.purge(0, false);
        spans.freeSpan(span(2), 2);
        assertThat(spans.purge(0, false)).isEqualTo(6 * PAGE);
    }

    @Test
    void whatIsKeptIsTheLowest() {
        long span = span(8);
        span(1);
        spans.freeSpan(span, 3);
        spans.freeSpan(span + 4 * PAGE, 4);
        assertThat(spans.purge(3 * PAGE, true)).isEqualTo(4 * PAGE);
        assertThat(spans.census().dirtyBytes()).isEqualTo(3 * PAGE);
    }

    @Test
    void aRefusedPurgeLosesNothing() {
        spans.freeSpan(span(8), 8);
        source.refusePurge = true;
        assertThat(spans.purge(0, true)).isZero();
        spans.verify(0, 0);
        assertThat(spans.census().dirtyBytes()).isEqualTo(8 * PAGE);
        source.refusePurge = false;
        assertThat(spans.purge(0, true)).isEqualTo(8 * PAGE);
    }

    @Test
    void emptyExtentsAreReleasedButForOne() {
        List<Long> blocks = new ArrayList<>();
        for (int index = 0; index < 5; index++) {
            blocks.add(span(1000));
        }
        assertThat(source.extents.size()).isGreaterThan(2);
        blocks.forEach(block -> spans.freeSpan(block, 1000));
        source.refuseRelease = true;
        spans.purge(0, true);
        int before = source.extents.size();
        source.refuseRelease = false;
        spans.verify(0, 0);
        spans.purge(0, true);
        assertThat(source.extents).hasSize(1);
        assertThat(before).isGreaterThan(1);
    }

    @Test
    void closeThatIsRefusedCanBeCalledAgain() {
        span(1);
        source.refuseRelease = true;
        assertThat(spans.close()).isEqualTo(-Errno.ENOMEM);
        assertThat(budget.usedBytes()).isEqualTo(PAGE);
        assertThat(source.closes).isZero();
    }

    @Test
    void onlyTheStartOfALargeBlockIsOne() {
        long block = large(20);
        assertThat(Spans.byteSize(block)).isEqualTo(20 * PAGE);
        for (long wrong : new long[] {block + 1, block + 16, block + PAGE, block + 19 * PAGE, block + 20 * PAGE}) {
            assertThat(Spans.byteSize(wrong)).isZero();
            assertThat(spans.freeLarge(wrong)).isZero();
            assertThat(spans.resizeLarge(wrong, 5)).isFalse();
        }
        assertThat(spans.blockAround(block + 20 * PAGE - 1)).isEqualTo(block);
        assertThat(spans.blockAround(block + 20 * PAGE)).isZero();
        assertThat(spans.freeLarge(block)).isEqualTo(20);
        assertThat(spans.freeLarge(block)).isZero();
        assertThat(spans.blockAround(block)).isZero();
        assertThat(ChunkMap.tag(block)).isEqualTo(ChunkMap.PAGES);
    }

    @Test
    void resizingInPlaceNeedsFreePagesBehindAndBudget() {
        long block = large(4);
        long behind = large(2);
        assertThat(spans.resizeLarge(block, 5)).isFalse();
        assertThat(spans.resizeLarge(block, 2)).isTrue();
        assertThat(spans.resizeLarge(block, 4)).isTrue();
        spans.freeLarge(behind);
        assertThat(spans.resizeLarge(block, 6)).isTrue();
        assertThat(Spans.byteSize(block)).isEqualTo(6 * PAGE);
        assertThat(spans.resizeLarge(block, 6)).isTrue();
        assertThat(spans.resizeLarge(block, 1 << 20)).isFalse();
        budget.charge(budget.hardBytes() - budget.usedBytes());
        assertThat(spans.resizeLarge(block, 7)).isFalse();
        budget.discharge(budget.usedBytes() - 6 * PAGE);
        assertThat(Spans.byteSize(block)).isEqualTo(6 * PAGE);
    }

    @Test
    void theCensusCountsEveryPageOnce() {
        int chunk = PageGeometry.PAGES_PER_CHUNK;
        large(3);
        assertThat(spans.allocateSpan(chunk, chunk, true)).isPositive();
        spans.freeLarge(large(2));
        Spans.Census census = spans.census();
        assertThat(census.largeBlocks()).isEqualTo(1);
        assertThat(census.largeBytes()).isEqualTo(3 * PAGE);
        assertThat(census.spanBytes()).isEqualTo(3 * PAGE + Zone.CHUNK_BYTES);
        assertThat(census.dirtyBytes()).isEqualTo(2 * PAGE);
        assertThat(census.extentBytes())
                .isEqualTo(source.extents.values().stream()
                        .mapToLong(Long::longValue)
                        .sum());
    }

    @Test
    void slabsAreShownInAddressOrderAndALargeBlockIsOneStep() {
        int chunk = PageGeometry.PAGES_PER_CHUNK;
        long large = spans.allocateLarge(30 * chunk, chunk, true, 0);
        long[] slabs = new long[3];
        for (int index = 0; index < slabs.length; index++) {
            slabs[index] = ChunkMap.record(spans.allocateSpan(chunk, chunk, true));
            RawMemory.putIntRelease(slabs[index] + ChunkMap.TAG, 1);
        }
        HeapWalk walk = new HeapWalk(spans);
        for (int round = 0; round < 2; round++) {
            assertThat(walk.next()).isTrue();
            assertThat(walk.chunk().holdsPages()).isTrue();
            assertThat(walk.chunk().pageCount(0)).isEqualTo(30 * chunk);
            for (long slab : slabs) {
                walk.resume();
                assertThat(walk.next()).isTrue();
                assertThat(walk.chunk().isSlab()).isTrue();
                assertThat(walk.chunk().record()).isEqualTo(slab);
                assertThat(walk.address()).isEqualTo(ChunkMap.chunk(slab));
            }
            assertThat(walk.next()).as("the end, and then it begins anew").isFalse();
        }
        for (long slab : slabs) {
            RawMemory.putIntRelease(slab + ChunkMap.TAG, 0);
        }
        assertThat(spans.largeBytes()).isEqualTo(30L * chunk * PAGE);
        assertThat(spans.freeLarge(large)).isPositive();
        assertThat(spans.largeBytes()).isZero();
    }

    @RepeatedTest(3)
    void randomOperationsAgreeWithAnIntervalMap(RepetitionInfo repetition) {
        SplittableRandom random = new SplittableRandom(repetition.getCurrentRepetition());
        TreeMap<Long, Integer> live = new TreeMap<>();
        for (int step = 0; step < 3_000; step++) {
            int dice = random.nextInt(100);
            if (dice < 45) {
                int pages = 1 + random.nextInt(random.nextInt(20) == 0 ? 1500 : 40);
                long span = spans.allocateLarge(pages, 1 << random.nextInt(6), random.nextInt(4) != 0, 0);
                if (Errno.isError(span)) {
                    assertThat(span).isIn((long) -Errno.EAGAIN, (long) -Errno.EDQUOT);
                } else {
                    long address = span;
                    assertApart(live, address, pages);
                    if (Spans.isZeroed(span)) {
                        assertThat(RawMemory.getLong(address)).isZero();
                        assertThat(RawMemory.getLong(address + pages * PAGE - 8))
                                .isZero();
                    }
                    RawMemory.putLong(address, address);
                    RawMemory.putLong(address + pages * PAGE - 8, address);
                    live.put(address, pages);
                }
            } else if (dice < 85 && !live.isEmpty()) {
                long address = any(live, random);
                assertThat(RawMemory.getLong(address)).isEqualTo(address);
                assertThat(spans.freeLarge(address)).isEqualTo(live.remove(address));
            } else if (dice < 95 && !live.isEmpty()) {
                long address = any(live, random);
                int pages = 1 + random.nextInt(60);
                if (spans.resizeLarge(address, pages)) {
                    live.put(address, pages);
                    assertApart(live, address, pages);
                }
                assertThat(Spans.byteSize(address)).isEqualTo(live.getOrDefault(address, 0) * PAGE);
            } else {
                spans.purge(random.nextInt(1 << 20), random.nextBoolean());
            }
            spans.verify(0, 0);
            Spans.Census census = spans.census();
            assertThat(census.largeBlocks()).isEqualTo(live.size());
            assertThat(census.spanBytes())
                    .isEqualTo(live.values().stream()
                            .mapToLong(pages -> pages * PAGE)
                            .sum());
            assertThat(budget.usedBytes()).isEqualTo(census.spanBytes() + census.dirtyBytes());
        }
    }

    private static long any(NavigableMap<Long, Integer> live, SplittableRandom random) {
        Long key = live.ceilingKey(random.nextLong(live.firstKey(), live.lastKey() + 1));
        return key == null ? live.firstKey() : key;
    }

    private static void assertApart(NavigableMap<Long, Integer> live, long address, int pages) {
        var lower = live.lowerEntry(address);
        Long higher = live.higherKey(address);
        assertThat(lower == null || lower.getKey() + lower.getValue() * PAGE <= address)
                .isTrue();
        assertThat(higher == null || address + pages * PAGE <= higher).isTrue();
    }

    /// Takes pages of a large block as a thread does that finds another in its home.
    private long largeWhereOthersAre(Spans all, int pages) {
        long span = all.allocateSlow(all.home(), -Errno.EBUSY, pages, 1, true, 0);
        assertThat(Errno.isError(span)).isFalse();
        return span;
    }

    private Spans withShards(int maxShards) {
        return new Spans(source, budget, HEAP_ID, spans.events(), maxShards);
    }

    private void close(Spans all) {
        all.verify(0, 0);
        assertThat(all.close()).isZero();
        assertThat(source.closes--).isEqualTo(1);
    }

    @Test
    void whoOftenMeetsOthersMovesToAShardOfItsOwnUntilTheNextPurge() {
        Spans all = withShards(2);
        long first = all.allocateLarge(1, 1, true, 0);
        List<Long> blocks = new ArrayList<>();
        while (all.shardCount() == 1) {
            blocks.add(largeWhereOthersAre(all, 1));
            assertThat(blocks).as("not for ever").hasSizeLessThan(100);
        }
        assertThat(source.extents).hasSize(2);
        assertThat(Spans.shardNumber(first)).isZero();
        assertThat(Spans.shardNumber(blocks.getLast())).isEqualTo((byte) 1);
        long own = all.allocateLarge(1, 1, false, 0);
        assertThat(own).as("the lowest of its own shard").isEqualTo(blocks.getLast() + PAGE);
        assertThat(all.census().largeBlocks()).isEqualTo(blocks.size() + 2);
        all.verify(0, 0);
        blocks.forEach(block -> assertThat(all.freeLarge(block)).isEqualTo(1));
        assertThat(all.freeLarge(own)).isEqualTo(1);
        all.purge(0, true);
        assertThat(source.extents).as("an empty shard keeps nothing").hasSize(1);
        assertThat(Spans.shardNumber(all.allocateLarge(1, 1, true, 0))).isZero();
        close(all);
    }

    @Test
    void withOneProcessorThereIsOneShard() {
        Spans all = withShards(1);
        for (int count = 0; count < 100; count++) {
            assertThat(all.freeLarge(largeWhereOthersAre(all, 1))).isEqualTo(1);
        }
        assertThat(all.shardCount()).isEqualTo(1);
        assertThat(source.extents).hasSize(1);
        close(all);
    }

    @Test
    void whatItsHomeHasNotAThreadFindsElsewhereBeforeTheHeapGrows() {
        Spans all = withShards(2);
        List<Long> blocks = new ArrayList<>();
        while (all.shardCount() == 1) {
            blocks.add(largeWhereOthersAre(all, 1));
        }
        int extentPages = (int) ((2 * Zone.GRANULE_BYTES) >>> PageGeometry.PAGE_SHIFT);
        blocks.add(all.allocateLarge(extentPages - 1, 1, true, 0)); // all of its own shard
        int asked = source.asked.size();
        long elsewhere = all.allocateLarge(extentPages / 4, 1, true, 0);
        assertThat(Spans.shardNumber(elsewhere)).isZero();
        assertThat(source.asked).hasSize(asked);
        while (source.asked.size() == asked) {
            blocks.add(all.allocateLarge(1, 1, false, 0));
            assertThat(blocks).as("where that is so often its home grows").hasSizeLessThan(200);
        }
        assertThat(Spans.shardNumber(blocks.getLast())).isEqualTo((byte) 1);
        close(all);
    }

    @Test
    void blocksOfAllShardsAreFoundByTheirAddress() {
        Spans all = withShards(3);
        TreeMap<Long, Integer> blocks = new TreeMap<>();
        for (int pages = 1; all.shardCount() < 3; pages++) {
            blocks.put(largeWhereOthersAre(all, pages), pages);
        }
        blocks.forEach((block, pages) -> {
            assertThat(all.blockAround(block + pages * PAGE - 1)).isEqualTo(block);
            assertThat(Spans.byteSize(block)).isEqualTo(pages * PAGE);
            assertThat(all.freeLarge(block + PAGE / 2)).isZero();
        });
        long end = 0;
        for (ExtentPages pages = all.pagesFrom(0); pages != null; pages = all.pagesFrom(end)) {
            assertThat(pages.address()).as("in address order").isGreaterThanOrEqualTo(end);
            end = pages.address() + pages.pageCount() * PAGE;
            assertThat(source.extents).containsEntry(pages.address(), pages.pageCount() * PAGE);
        }
        assertThat(end)
                .isEqualTo(source.extents.lastKey() + source.extents.lastEntry().getValue());
        TreeMap<Long, Long> visited = new TreeMap<>();
        all.forEachExtent(visited::put);
        assertThat(visited).isEqualTo(source.extents);
        TreeMap<Long, Integer> walked = new TreeMap<>();
        HeapWalk walk = new HeapWalk(all);
        while (walk.next()) {
            for (int page = 0; page < PageGeometry.PAGES_PER_CHUNK; page++) {
                int pages = walk.chunk().holdsPages() ? walk.chunk().pageCount(page) : 0;
                if (pages > 0) {
                    walked.put(walk.address() + page * PAGE, pages);
                }
            }
        }
        assertThat(walked).isEqualTo(blocks);
        blocks.forEach((block, pages) -> {
            assertThat(all.resizeLarge(block, 1)).isTrue();
            assertThat(all.freeLarge(block)).isEqualTo(1);
            assertThat(all.freeLarge(block)).isZero();
        });
        close(all);
    }

    @Test
    void threadsThatMeetHaveBlocksApart() throws InterruptedException {
        Spans all = withShards(3);
        List<Throwable> failures = Collections.synchronizedList(new ArrayList<>());
        Thread[] threads = new Thread[4];
        for (int index = 0; index < threads.length; index++) {
            SplittableRandom random = new SplittableRandom(index);
            threads[index] = new Thread(() -> takeAndGive(all, random));
            threads[index].setUncaughtExceptionHandler((thread, failure) -> failures.add(failure));
            threads[index].start();
        }
        for (int visit = 0; visit < 50; visit++) {
            all.purge(1 << 20, visit % 2 == 0);
        }
        for (Thread thread : threads) {
            thread.join();
        }
        assertThat(failures).isEmpty();
        all.verify(0, 0);
        assertThat(all.census().largeBlocks()).isZero();
        close(all);
    }

    /// Each block has its address in its first and its last word, and pages between are nobody else's.
    private static void takeAndGive(Spans all, SplittableRandom random) {
        TreeMap<Long, Integer> live = new TreeMap<>();
        for (int step = 0; step < 20_000; step++) {
            if (live.size() < 10) {
                int pages = 1 + random.nextInt(30);
                long address = all.allocateLarge(pages, 1, true, 0);
                assertThat(Errno.isError(address)).isFalse();
                RawMemory.putLong(address, address);
                RawMemory.putLong(address + pages * PAGE - 8, address);
                live.put(address, pages);
            } else {
                free(all, live, any(live, random));
            }
        }
        while (!live.isEmpty()) {
            free(all, live, live.firstKey());
        }
    }

    private static void free(Spans all, Map<Long, Integer> live, long address) {
        int pages = Objects.requireNonNull(live.remove(address));
        assertThat(RawMemory.getLong(address)).isEqualTo(address);
        assertThat(RawMemory.getLong(address + pages * PAGE - 8)).isEqualTo(address);
        RawMemory.putLong(address, 0);
        assertThat(all.freeLarge(address)).isEqualTo(pages);
    }

    @Test
    void recordsOfExtentThatIsReleasedCannotBeQueued() {
        List<Boolean> queued = new ArrayList<>();
        List<Long> records = new ArrayList<>();
        PageSource source = new ForwardingSource() {
            @Override
            public long release(long address, long byteSize) {
                records.add(ChunkMap.record(address));
                queued.add(RawMemory.compareAndSetInt(ChunkMap.record(address) + ChunkMap.QUEUED, 0, 1));
                return super.release(address, byteSize);
            }
        };
        Spans all = new Spans(source, new Budget(null, Long.MAX_VALUE, Long.MAX_VALUE), 77);
        int pages = 8 << 20 >>> PageGeometry.PAGE_SHIFT;
        long first = all.allocateLarge(pages, 1, true, 0);
        long second = all.allocateLarge(pages, 1, true, 0);
        all.freeLarge(first);
        all.freeLarge(second);
        assertThat(all.purge(0, true)).isPositive();
        assertThat(queued).containsExactly(false);
        assertThat(RawMemory.getInt(records.getFirst() + ChunkMap.QUEUED)).isZero();
        assertThat(all.close()).isZero();
    }
}
