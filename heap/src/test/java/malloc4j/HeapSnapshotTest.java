package malloc4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import malloc4j.alloc.BlockPool;
import malloc4j.internal.region.PageGeometry;
import malloc4j.observe.ExtentSnapshot;
import malloc4j.observe.ExtentSnapshot.PageUse;
import malloc4j.observe.HeapSnapshot;
import malloc4j.observe.HeapStatistics;
import org.junit.jupiter.api.Test;

/// Snapshots: that they show what is there, and add up whatever happens meanwhile.
class HeapSnapshotTest {
    private static final int MIB = 1 << 20;
    private static final int PAGE = (int) PageGeometry.PAGE_BYTES;

    private static void assertAddsUp(HeapSnapshot snapshot) {
        long slabs = 0;
        Map<PageUse, Long> pages = new EnumMap<>(PageUse.class);
        for (PageUse use : PageUse.values()) {
            pages.put(use, 0L);
        }
        long live = 0;
        for (ExtentSnapshot extent : snapshot.extents()) {
            for (int page = 0; page < extent.pageCount(); page++) {
                pages.merge(extent.pageUse(page), (long) PAGE, Long::sum);
            }
            for (ExtentSnapshot.Slab slab : extent.slabs()) {
                slabs += 65_536;
                live += (long) slab.liveBlocks() * slab.blockBytes();
                assertThat(slab.liveBlocks()).isLessThanOrEqualTo(slab.capacity());
                assertThat(extent.pageUse((int) ((slab.address() - extent.address()) / PAGE)))
                        .isEqualTo(PageUse.SLAB);
            }
        }
        HeapSnapshot.Parts parts = snapshot.parts();
        assertThat(pages.get(PageUse.SLAB))
                .isEqualTo(slabs)
                .isEqualTo(parts.liveBytes() + parts.slabFreeBytes() + parts.slabTailBytes());
        assertThat(live).isEqualTo(parts.liveBytes());
        assertThat(pages.get(PageUse.LARGE)).isEqualTo(parts.largeBytes());
        assertThat(pages.get(PageUse.STOCKED)).isEqualTo(parts.stockedBytes());
        assertThat(pages.get(PageUse.DIRTY)).isEqualTo(parts.dirtyBytes());
        assertThat(pages.get(PageUse.FREE)).isEqualTo(parts.freeBytes());
        assertThat(pages.get(PageUse.OTHER)).isEqualTo(parts.otherBytes());
        assertThat(parts.sum()).isEqualTo(snapshot.mappedBytes());
    }

    @Test
    void aSnapshotShowsWhatIsThere() {
        HeapOptions options = HeapOptions.builder()
                .name("shown")
                .hardLimitBytes(1L << 30)
                .purgeDelay(Duration.ofSeconds(-1))
                .build();
        try (Heap heap = Heap.create(options)) {
            long large = heap.malloc(300_000);
            long freed = heap.malloc(40L * PAGE);
            long kept = heap.malloc(50_000);
            long huge = heap.malloc(64 * MIB);
            for (int count = 0; count < 100; count++) {
                long unused = heap.malloc(1_000);
            }
            heap.free(freed);

            HeapSnapshot snapshot = heap.snapshot();

            assertAddsUp(snapshot);
            assertThat(snapshot.heap()).isEqualTo("shown");
            assertThat(snapshot.sizeClasses()).containsExactly(new HeapSnapshot.SizeClass(1_024, 2, 100, 28));
            assertThat(snapshot.extents()).hasSize(1);
            ExtentSnapshot extent = snapshot.extents().getFirst();
            assertThat(extent.largeBlocks())
                    .containsExactlyInAnyOrder(
                            new HeapSnapshot.Block(large, heap.usableSize(large)),
                            new HeapSnapshot.Block(kept, heap.usableSize(kept)));
            assertThat(extent.pageUse((int) ((large - extent.address()) / PAGE)))
                    .isEqualTo(PageUse.LARGE);
            assertThat(snapshot.parts().stockedBytes()
                            + snapshot.parts().dirtyBytes()
                            + snapshot.parts().freeBytes())
                    .isEqualTo(extent.byteSize() - 2 * 65_536 - heap.usableSize(large) - heap.usableSize(kept));
            assertThat(snapshot.hugeBlocks()).containsExactly(new HeapSnapshot.Block(huge, 64 * MIB));
            assertThat(snapshot.caches()).singleElement().satisfies(cache -> {
                assertThat(cache.thread()).isEqualTo(Thread.currentThread().getName());
                assertThat(cache.slabs()).isEqualTo(2);
                assertThat(cache.liveBytes()).isEqualTo(102_400);
            });
            assertThat(snapshot.budgets())
                    .containsExactly(
                            new HeapSnapshot.Budget(heap.statistics().committedBytes(), Long.MAX_VALUE, 1L << 30));
            assertThat(snapshot.openOnIt()).isEmpty();
            assertThat(snapshot.liveBlocks()).isEqualTo(103);
        }
    }

    @Test
    void whatStandsOnAHeapIsShown() {
        try (Heap heap = Heap.create(HeapOptions.defaults());
                Heap child = Heap.create(HeapOptions.builder()
                        .parent(heap)
                        .hardLimitBytes(5 * MIB)
                        .build());
                BlockPool pool = BlockPool.ofSize(64).shared(heap);
                var arena = heap.ofConfined()) {
            long unused = arena.allocate(10).address() + pool.allocate(64).address();
            HeapSnapshot snapshot = heap.snapshot();
            assertThat(snapshot.openOnIt()).isEqualTo(Map.of("pool", 1L, "child heap", 1L, "confined arena", 1L));
            assertThat(snapshot.arenas().open()).isEqualTo(1);
            assertThat(child.snapshot().budgets())
                    .extracting(HeapSnapshot.Budget::hardBytes)
                    .containsExactly(5L * MIB, Long.MAX_VALUE);
        }
    }

    @Test
    void partsThatDoNotAddUpAreNoSnapshot() {
        HeapSnapshot.Parts parts = new HeapSnapshot.Parts(0, 0, 0, 0, 0, 0, 1, 0, 0);
        HeapSnapshot.Arenas arenas = new HeapSnapshot.Arenas(0, 0);
        assertThatThrownBy(() -> new HeapSnapshot(
                        "wrong", 1, List.of(), List.of(), List.of(), List.of(), arenas, Map.of(), List.of(), parts))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("1 bytes of 0");
    }

    @Test
    void aSnapshotAddsUpWhileThreadsWorkAndTellsTheSameAsTheCountsAtRest() throws InterruptedException {
        try (Heap heap = Heap.create(HeapOptions.defaults())) {
            AtomicBoolean ended = new AtomicBoolean();
            AtomicReference<Throwable> failure = new AtomicReference<>();
            List<Thread> threads = new ArrayList<>();
            for (int index = 0; index < 3; index++) {
                int seed = index;
                Runnable work = () -> {
                    try {
                        churn(heap, new SplittableRandom(seed), ended);
                    } catch (Throwable thrown) {
                        failure.set(thrown);
                    }
                };
                threads.add(
                        index == 2
                                ? Thread.ofVirtual().start(work)
                                : Thread.ofPlatform().start(work));
            }
            for (int count = 0; count < 50; count++) {
                assertAddsUp(heap.snapshot());
                HeapStatistics now = heap.statistics();
                assertThat(now.liveBytes()).isBetween(0L, now.reservedBytes());
                heap.trim(0);
            }
            ended.set(true);
            for (Thread thread : threads) {
                thread.join();
            }
            assertThat(failure.get()).isNull();

            HeapSnapshot snapshot = heap.snapshot();
            HeapStatistics statistics = heap.statistics();
            assertAddsUp(snapshot);
            assertThat(snapshot.parts().otherBytes()).isZero();
            assertThat(snapshot.liveBlocks()).isEqualTo(statistics.liveBlocks());
            assertThat(snapshot.mappedBytes()).isEqualTo(statistics.reservedBytes());
            assertThat(statistics.allocatedBlocks() - statistics.freedBlocks()).isEqualTo(statistics.liveBlocks());
            assertThat(statistics.allocatedBytes() - statistics.freedBytes()).isEqualTo(statistics.liveBytes());
            heap.verify();
        }
    }

    private static void churn(Heap heap, SplittableRandom random, AtomicBoolean ended) {
        long[] blocks = new long[500];
        while (!ended.get()) {
            int place = random.nextInt(blocks.length);
            if (blocks[place] != 0) {
                heap.free(blocks[place]);
            }
            int bits = random.nextInt(100) == 0 ? 19 : 4 + random.nextInt(9);
            blocks[place] = heap.malloc(random.nextInt(1 << bits));
        }
        for (int place = 0; place < blocks.length; place += 2) {
            if (blocks[place] != 0) {
                heap.free(blocks[place]);
            }
        }
    }
}
