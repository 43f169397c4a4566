package malloc4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Function;
import malloc4j.alloc.BlockPool;
import malloc4j.alloc.Region;
import malloc4j.alloc.StackAllocator;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/// Automatic arenas in a heap that is full of them: what nobody can reach is no reason to refuse.
///
/// The long form: `-Dtest.automaticThreads=2000`.
@Timeout(value = 300, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
@Tag("proof")
class AutomaticArenasTest {
    private static final long MIB = 1L << 20;
    private static final int THREADS = Integer.getInteger("test.automaticThreads", 100);

    private static HeapOptions.Builder limited() {
        return HeapOptions.builder().hardLimitBytes(64 * MIB);
    }

    /// Waits until a collection may be made again, if one was in vain in another test.
    private static void awaitTurn() throws InterruptedException {
        while (CollectorTurns.isResting()) {
            Thread.sleep(10);
        }
    }

    private static void touch(Arena arena) {
        MemorySegment segment = arena.allocate(MIB);
        segment.set(ValueLayout.JAVA_BYTE, 0, (byte) 1);
        segment.set(ValueLayout.JAVA_BYTE, MIB - 1, (byte) 1);
    }

    @Test
    void aHeapCanBeVerifiedWhileTheCollectorFrees() {
        try (Heap heap = Heap.create(HeapOptions.defaults())) {
            for (int round = 0; round < 20; round++) {
                for (int count = 0; count < 3_000; count++) {
                    assertThat(heap.ofAuto().allocate(1_000).byteSize()).isEqualTo(1_000);
                }
                System.gc();
                for (int check = 0; check < 100; check++) {
                    heap.verify();
                }
            }
            assertThat(heap.automaticArenas().freedBytes()).isGreaterThan(MIB);
        }
    }

    @Test
    void whatNobodyCanReachIsCollectedBeforeARequestIsRefused() {
        try (Heap heap = Heap.create(limited().build())) {
            for (int count = 0; count < 300; count++) {
                touch(heap.ofAuto());
            }
            assertThat(heap.statistics().committedBytes()).isLessThanOrEqualTo(64 * MIB);
            heap.verify();
        }
    }

    @Test
    void smallSegmentsAndHugeOnesToo() {
        try (Heap heap = Heap.create(limited().build())) {
            for (int count = 0; count < 20; count++) {
                heap.ofAuto().allocate(40 * MIB).set(ValueLayout.JAVA_BYTE, 0, (byte) 1);
            }
            for (int count = 0; count < 300_000; count++) {
                heap.ofAuto().allocate(100);
            }
            for (int count = 0; count < 100; count++) {
                heap.ofAuto().allocate(MIB, 1 << 16);
            }
        }
    }

    @Test
    void manyThreadsThatDropTheirSegmentsAllGoOn() throws InterruptedException {
        AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();
        CountDownLatch start = new CountDownLatch(1);
        try (Heap heap = Heap.create(limited().build())) {
            List<Thread> threads = new ArrayList<>();
            for (int thread = 0; thread < THREADS; thread++) {
                threads.add(Thread.ofPlatform().start(() -> {
                    try {
                        start.await();
                        for (int count = 0; count < 3; count++) {
                            touch(heap.ofAuto());
                        }
                    } catch (Throwable thrown) {
                        failure.set(thrown);
                    }
                }));
            }
            start.countDown();
            for (Thread thread : threads) {
                thread.join();
            }
            assertThat(failure.get()).isNull();
            heap.verify();
        }
    }

    @Test
    void aRequestOfAnyKindIsServedFromWhatNobodyCanReach() throws InterruptedException {
        try (Heap heap = Heap.create(limited().build())) {
            for (int count = 0; count < 60; count++) {
                touch(heap.ofAuto());
            }
            awaitTurn();
            heap.free(heap.malloc(30 * MIB));
        }
    }

    @Test
    void aSiblingsArenasAreCollectedWhereTheParentIsFull() throws InterruptedException {
        try (Heap parent = Heap.create(limited().build());
                Heap first = Heap.create(HeapOptions.builder().parent(parent).build());
                Heap second = Heap.create(HeapOptions.builder().parent(parent).build())) {
            for (int count = 0; count < 60; count++) {
                touch(first.ofAuto());
            }
            awaitTurn();
            second.free(second.malloc(30 * MIB));
        }
    }

    @Test
    void whatIsReachableIsRefusedAndServedAfterItWasDropped() {
        try (Heap heap = Heap.create(limited().build())) {
            List<MemorySegment> kept = new ArrayList<>();
            assertThatThrownBy(() -> {
                        while (true) {
                            kept.add(heap.ofAuto().allocate(MIB));
                        }
                    })
                    .isInstanceOf(OutOfNativeMemoryError.class);
            assertThat(kept).hasSizeGreaterThan(55);
            kept.clear();
            touch(heap.ofAuto());
        }
    }

    @Test
    void collectionsInVainAreFewHoweverManyRequestsAreRefused() {
        try (Heap heap = Heap.create(limited().build())) {
            List<MemorySegment> kept = new ArrayList<>();
            for (int count = 0; count < 30; count++) {
                kept.add(heap.ofAuto().allocate(MIB));
            }
            while (heap.tryMalloc(1000) > 0) {}
            long before = CollectorTurns.begun();
            long start = System.nanoTime();
            for (int count = 0; count < 10_000; count++) {
                assertThat(heap.tryMalloc(100_000)).isZero();
            }
            long millis = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start);
            assertThat(CollectorTurns.begun() - before)
                    .as("each takes at least the 8 ms of its pauses, and ten times as long to the next")
                    .isLessThanOrEqualTo(1 + millis / 70);
            assertThat(kept).hasSize(30);
        }
    }

    @Test
    void aHeapWithLittleInAutomaticArenasNeverAsks() {
        try (Heap heap = Heap.create(limited().build())) {
            heap.ofAuto().allocate(100_000); // less than a 64th
            long before = CollectorTurns.begun();
            assertThat(heap.tryMalloc(70 * MIB)).isZero();
            while (heap.tryMalloc(100_000) > 0) {}
            assertThat(CollectorTurns.begun()).isEqualTo(before);
        }
    }

    @Test
    void theHookMayUseAndCloseTheVeryThingThatAskedForRoom() {
        refusedOnce(heap -> {
            Arena arena = heap.ofShared();
            return new Asking(() -> arena.allocate(8 * MIB), () -> arena.allocate(64), arena::close);
        });
        refusedOnce(heap -> {
            Arena arena = heap.ofConfined();
            return new Asking(() -> arena.allocate(8 * MIB), () -> arena.allocate(64), arena::close);
        });
        refusedOnce(heap -> {
            Arena arena = heap.ofUnscoped();
            return new Asking(() -> arena.allocate(8 * MIB, 1 << 16), () -> arena.allocate(64), arena::close);
        });
        refusedOnce(heap -> {
            BlockPool pool = BlockPool.ofSize(8 * MIB).shared(heap);
            return new Asking(pool::malloc, pool::liveBlocks, pool::close);
        });
        refusedOnce(heap -> {
            StackAllocator stacks = StackAllocator.ofHeap(heap, 8 * MIB);
            return new Asking(() -> stacks.push().close(), stacks::stackCount, stacks::close);
        });
        refusedOnce(heap -> {
            Region region = Region.ofHeap(heap, 8 * MIB);
            return new Asking(() -> region.allocate(64), region::usedBytes, region::close);
        });
    }

    private record Asking(Runnable request, Runnable use, Runnable close) {}

    /// Fills a heap; then a request's hook uses what asks for room, frees a block, and has the request tried again; and
    /// in a second heap closes it, so that the request finds it closed.
    private static void refusedOnce(Function<Heap, Asking> open) {
        for (boolean closes : new boolean[] {false, true}) {
            AtomicReference<@Nullable Asking> asking = new AtomicReference<>();
            AtomicInteger asked = new AtomicInteger();
            AtomicReference<@Nullable Runnable> free = new AtomicReference<>();
            HeapOptions options = HeapOptions.builder()
                    .hardLimitBytes(16 * MIB)
                    .purgeDelay(Duration.ofMillis(-1))
                    .onHardLimit(wanted -> {
                        Runnable block = free.getAndSet(null);
                        Asking who = asking.get();
                        if (block == null || who == null) {
                            return false;
                        }
                        asked.incrementAndGet();
                        block.run();
                        (closes ? who.close : who.use).run();
                        return true;
                    })
                    .build();
            try (Heap heap = Heap.create(options)) {
                long block = heap.malloc(14 * MIB);
                Asking who = open.apply(heap);
                asking.set(who);
                free.set(() -> heap.free(block));
                if (closes) {
                    assertThatThrownBy(who.request::run).isInstanceOf(IllegalStateException.class);
                } else {
                    who.request.run();
                    who.close.run();
                }
                assertThat(asked).hasValue(1);
                heap.verify();
            }
        }
    }
}
