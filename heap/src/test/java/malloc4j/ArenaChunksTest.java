package malloc4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/// Confined arenas of one heap take turns on the chunks of their threads.
class ArenaChunksTest {
    private static final int HALF = ArenaChunks.CHUNK_BYTES / 2;

    private final Heap heap =
            Heap.create(HeapOptions.builder().purgeDelay(Duration.ZERO).build());

    @AfterEach
    void closeHeap() {
        heap.close();
    }

    @Test
    void oneArenaAfterTheOtherHasTheSameMemoryZeroedAnew() {
        long first;
        try (Arena arena = heap.ofConfined()) {
            MemorySegment block = arena.allocate(100, 8);
            first = block.address();
            block.fill((byte) 1);
        }
        try (Arena arena = heap.ofConfined()) {
            MemorySegment block = arena.allocate(200, 8);
            assertThat(block.address()).isEqualTo(first);
            assertThat(block.toArray(ValueLayout.JAVA_BYTE)).containsOnly(0);
        }
    }

    @Test
    void aChunkIsNoLiveBlockWhileNoArenaIsOpenOnIt() {
        try (Arena arena = heap.ofConfined()) {
            arena.allocate(1);
            assertThat(heap.statistics().liveBlocks()).isEqualTo(1);
        }
        assertThat(heap.statistics().liveBlocks()).isZero();
        assertThat(heap.statistics().liveBytes()).isZero();
        heap.verify();
        heap.trim(0);
        assertThat(heap.statistics().committedBytes()).isZero();
    }

    @Test
    void arenasThatAreOpenTogetherDoNotOverlap() {
        SplittableRandom random = new SplittableRandom(42);
        List<Arena> open = new ArrayList<>();
        List<List<MemorySegment>> blocks = new ArrayList<>();
        for (int step = 0; step < 20_000; step++) {
            int choice = random.nextInt(10);
            if (open.isEmpty() || (choice == 0 && open.size() < 8)) {
                open.add(heap.ofConfined());
                blocks.add(new ArrayList<>());
            } else if (choice == 1) {
                int index = random.nextInt(open.size());
                for (MemorySegment block : blocks.remove(index)) {
                    assertThat(block.toArray(ValueLayout.JAVA_BYTE)).containsOnly((byte) block.byteSize());
                }
                open.remove(index).close();
                heap.verify();
            } else {
                int index = random.nextInt(open.size());
                MemorySegment block = open.get(index)
                        .allocate(1 + random.nextInt(1 << random.nextInt(1, 13)), 1 << random.nextInt(7));
                assertThat(block.toArray(ValueLayout.JAVA_BYTE)).containsOnly(0);
                blocks.get(index).add(block.fill((byte) block.byteSize()));
            }
        }
        open.forEach(Arena::close);
        assertThat(heap.statistics().liveBlocks()).isZero();
    }

    @Test
    void whatDoesNotFitTheChunkIsFreedAsWell() {
        for (int round = 0; round < 100; round++) {
            try (Arena arena = heap.ofConfined()) {
                for (int index = 0; index < 100; index++) {
                    assertThat(arena.allocate(HALF - 1, 1L << (index % 13)).fill((byte) 1))
                            .isNotNull();
                }
            }
        }
        assertThat(heap.statistics().liveBlocks()).isZero();
    }

    @Test
    void threadsHaveChunksOfTheirOwnAndTakeOverThoseOfEndedOnes() throws Exception {
        long first = inThread(this::addressOfABlock);
        for (int thread = 0; thread < 1_000; thread++) {
            inThread(this::addressOfABlock);
        }
        assertThat(first).isPositive();
        assertThat(heap.arenaChunks().idleCount()).isBetween(1, 256);
        heap.trim(0);
        assertThat(heap.arenaChunks().idleCount()).isZero();
        assertThat(heap.statistics().committedBytes()).isZero();
    }

    /// A heap has 256 places: most of these threads are displaced.
    @Test
    void eachOfManyLivingThreadsHasAChunk() throws Exception {
        int count = 600;
        for (int generation = 0; generation < 3; generation++) {
            CountDownLatch opened = new CountDownLatch(count);
            CountDownLatch end = new CountDownLatch(1);
            Map<Thread, List<Long>> addresses = new ConcurrentHashMap<>();
            List<Thread> threads = new ArrayList<>();
            for (int index = 0; index < count; index++) {
                threads.add(Thread.ofPlatform().start(() -> {
                    List<Long> own = new ArrayList<>(List.of(addressOfABlock(), addressOfABlock()));
                    opened.countDown();
                    try {
                        end.await();
                    } catch (InterruptedException never) {
                        return;
                    }
                    own.add(addressOfABlock());
                    addresses.put(Thread.currentThread(), own);
                }));
            }
            opened.await();
            heap.verify();
            assertThat(heap.arenaChunks().idleCount()).isBetween(count, count * 9 / 8 + 256);
            assertThat(heap.statistics().liveBlocks()).isZero();
            end.countDown();
            for (Thread thread : threads) {
                thread.join();
            }
            assertThat(addresses).hasSize(count).allSatisfy((thread, own) -> assertThat(own)
                    .containsOnly(own.getFirst()));
            assertThat(addresses.values().stream().map(List::getFirst).distinct())
                    .hasSize(count);
        }
        heap.trim(0);
        heap.verify();
        assertThat(heap.arenaChunks().idleCount()).isZero();
        assertThat(heap.statistics().committedBytes()).isZero();
    }

    @Test
    void anArenaThatAnEndedThreadNeverClosedKeepsItsMemory() throws Exception {
        MemorySegment lost = inThread(() -> heap.ofConfined().allocate(8));
        for (int thread = 0; thread < 1_000; thread++) {
            assertThat(inThread(this::addressOfABlock)).isNotEqualTo(lost.address());
        }
        heap.trim(0);
        assertThat(heap.statistics().liveBlocks()).isEqualTo(1);
    }

    @Test
    void virtualThreadsHaveNone() throws Exception {
        FutureTask<Long> work = new FutureTask<>(this::addressOfABlock);
        Thread.ofVirtual().start(work);
        assertThat(work.get()).isPositive();
        assertThat(heap.arenaChunks().idleCount()).isZero();
        assertThat(heap.statistics().liveBlocks()).isZero();
    }

    @Test
    void anArenaOfAClosedHeapRefuses() {
        addressOfABlock();
        heap.close();
        try (Arena arena = heap.ofConfined()) {
            assertThatThrownBy(() -> arena.allocate(8))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("closed");
        }
    }

    @Test
    void withoutMemoryForAChunkArenasStillServe() {
        try (Heap small =
                Heap.create(HeapOptions.builder().hardLimitBytes(4 << 20).build())) {
            List<Arena> arenas = new ArrayList<>();
            try {
                while (true) {
                    Arena arena = small.ofConfined();
                    arenas.add(arena);
                    arena.allocate(30 << 10);
                }
            } catch (OutOfNativeMemoryError full) {
                assertThat(full).hasMessageContaining("byteSize");
            }
            arenas.forEach(Arena::close);
            assertThat(small.statistics().liveBlocks()).isZero();
        }
    }

    private long addressOfABlock() {
        try (Arena arena = heap.ofConfined()) {
            return arena.allocate(8).address();
        }
    }

    private static <T> T inThread(Supplier<T> work) throws InterruptedException, ExecutionException {
        FutureTask<T> task = new FutureTask<>(work::get);
        Thread.ofPlatform().start(task).join();
        return task.get();
    }
}
