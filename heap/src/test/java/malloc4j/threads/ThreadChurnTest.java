package malloc4j.threads;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.Semaphore;
import malloc4j.Heap;
import malloc4j.HeapOptions;
import malloc4j.internal.memory.RawMemory;
import malloc4j.internal.region.PageGeometry;
import malloc4j.observe.HeapStatistics;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/// Threads that come and go: no memory is tied to their lives. With `-Dtest.long=true`, as `-Pproof` has it, a hundred
/// thousand platform threads and a million virtual ones.
@Tag("proof")
class ThreadChurnTest {
    private static final boolean LONG = Boolean.getBoolean("test.long");
    private static final int PLATFORM_THREADS = LONG ? 100_000 : 20_000;
    private static final int VIRTUAL_THREADS = LONG ? 1_000_000 : 200_000;
    private static final int THREADS_AT_ONCE = 1_000;
    private static final int BLOCKS_EACH = 4;
    private static final long BOUND_BYTES =
            (32L << 20) * Math.max(1, PageGeometry.PAGE_BYTES / 8192); // threads touch pages, not bytes

    private final ConcurrentLinkedQueue<Long> handedOver = new ConcurrentLinkedQueue<>();

    @Test
    void shortThreadsShareFewCaches() throws InterruptedException {
        try (Heap heap = Heap.create(HeapOptions.defaults())) {
            for (int index = 0; index < PLATFORM_THREADS; index++) {
                int seed = index;
                Thread thread = new Thread(() -> work(heap, seed));
                thread.start();
                thread.join();
                if (index % (PLATFORM_THREADS / 10) == 0) {
                    assertThat(heap.residentBytes()).isLessThan(BOUND_BYTES);
                }
            }
            assertThat(heap.statistics().threadCaches()).isLessThanOrEqualTo(2);
            assertAllComesBack(heap);
        }
    }

    @Test
    void virtualThreadsShareStripes() throws InterruptedException {
        try (Heap heap = Heap.create(HeapOptions.defaults());
                ExecutorService executor = Executors.newVirtualThreadPerTaskExecutor()) {
            Semaphore running = new Semaphore(THREADS_AT_ONCE);
            for (int index = 0; index < VIRTUAL_THREADS; index++) {
                int seed = index;
                running.acquire();
                Future<?> unused = executor.submit(() -> {
                    try {
                        work(heap, seed);
                    } finally {
                        running.release();
                    }
                });
                if (index % (VIRTUAL_THREADS / 10) == 0) {
                    assertThat(heap.residentBytes()).isLessThan(BOUND_BYTES);
                }
            }
            running.acquire(THREADS_AT_ONCE);
            int processors = Runtime.getRuntime().availableProcessors();
            assertThat(heap.statistics().threadCaches()).isLessThanOrEqualTo(4 * processors + 1);
            assertAllComesBack(heap);
        }
    }

    /// A heap's table has 256 places; threads that find none have caches of their own all the same.
    @Test
    void aThousandThreadsAtOnceHaveACacheEachAndTheNextThousandTakesTheCachesOver() throws InterruptedException {
        try (Heap heap = Heap.create(HeapOptions.defaults())) {
            int firstCaches = runTogether(heap);
            long firstResident = heap.residentBytes();
            int secondCaches = runTogether(heap);
            assertThat(firstCaches).isEqualTo(THREADS_AT_ONCE);
            assertThat(secondCaches).isEqualTo(firstCaches);
            assertThat(heap.residentBytes()).isLessThan(firstResident * 3 / 2);
            assertAllComesBack(heap);
        }
    }

    /// Each thread keeps its blocks until all have some, so that all caches are in use at once.
    private static int runTogether(Heap heap) throws InterruptedException {
        CountDownLatch allocated = new CountDownLatch(THREADS_AT_ONCE);
        List<Thread> threads = new ArrayList<>();
        ConcurrentLinkedQueue<Throwable> failures = new ConcurrentLinkedQueue<>();
        for (int index = 0; index < THREADS_AT_ONCE; index++) {
            int seed = index;
            Thread thread = Thread.ofPlatform().unstarted(() -> {
                long first = heap.malloc(16 + seed);
                long second = heap.malloc(48);
                RawMemory.putLong(first, seed);
                RawMemory.putLong(second, ~seed);
                allocated.countDown();
                try {
                    allocated.await();
                    assertThat(RawMemory.getLong(first)).isEqualTo(seed);
                    assertThat(RawMemory.getLong(second)).isEqualTo(~seed);
                    heap.free(first);
                    heap.free(second);
                } catch (InterruptedException | RuntimeException | AssertionError failure) {
                    failures.add(failure);
                }
            });
            threads.add(thread);
            thread.start();
        }
        for (Thread thread : threads) {
            thread.join();
        }
        assertThat(failures).isEmpty();
        return heap.statistics().threadCaches();
    }

    /// Allocates, hands one block over, frees one that another thread handed over, and the rest.
    private void work(Heap heap, int seed) {
        long[] blocks = new long[BLOCKS_EACH];
        for (int index = 0; index < BLOCKS_EACH; index++) {
            blocks[index] = heap.malloc(8 + (seed * 31 + index * 97) % 500);
            RawMemory.putLong(blocks[index], seed);
        }
        for (int index = 1; index < BLOCKS_EACH; index++) {
            if (RawMemory.getLong(blocks[index]) != seed) {
                throw new AssertionError("block overwritten");
            }
            heap.free(blocks[index]);
        }
        handedOver.add(blocks[0]);
        Long other = seed % 2 == 0 ? null : handedOver.poll();
        Long another = seed % 2 == 0 ? null : handedOver.poll();
        if (other != null) {
            heap.free(other);
        }
        if (another != null) {
            heap.free(another);
        }
    }

    private void assertAllComesBack(Heap heap) {
        HeapStatistics before = heap.statistics();
        assertThat(before.liveBlocks()).isEqualTo(handedOver.size());
        assertThat(heap.residentBytes()).isLessThan(BOUND_BYTES);
        handedOver.forEach(heap::free);
        handedOver.clear();
        heap.verify();
        assertThat(heap.statistics().liveBlocks()).isZero();
        heap.trim(0);
        assertThat(heap.residentBytes()).isLessThan(1 << 20);
    }
}
