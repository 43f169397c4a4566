package malloc4j.alloc;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.Semaphore;
import java.util.concurrent.ThreadFactory;
import malloc4j.Heap;
import malloc4j.HeapOptions;
import malloc4j.alloc.StackAllocator.Frame;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Pools and stacks under many threads, platform and virtual ones.
class AllocatorThreadsTest {
    private final Heap heap = Heap.create(HeapOptions.builder().name("threads").build());

    @AfterEach
    void everythingWasGivenBack() {
        assertThat(heap.statistics().liveBytes()).isZero();
        heap.close();
    }

    private static void runAll(ThreadFactory threads, int count, Runnable task) throws Exception {
        List<Future<?>> running = new ArrayList<>();
        try (ExecutorService executor = Executors.newThreadPerTaskExecutor(threads)) {
            for (int i = 0; i < count; i++) {
                running.add(executor.submit(task));
            }
        }
        for (Future<?> future : running) {
            future.get();
        }
    }

    /// Counts the latch down and waits until all have.
    private static void await(CountDownLatch latch) {
        latch.countDown();
        try {
            latch.await();
        } catch (InterruptedException interrupted) {
            throw new IllegalStateException(interrupted);
        }
    }

    private static ThreadFactory threads(boolean virtual) {
        return virtual ? Thread.ofVirtual().factory() : Thread.ofPlatform().factory();
    }

    /// Each thread owns what it allocates: it writes its own mark into it, and finds it there before it frees it or
    /// hands it on to another to free. Two holders of one block would find each other's.
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void noBlockOfASharedPoolHasTwoHolders(boolean virtual) throws Exception {
        try (BlockPool pool = BlockPool.ofSize(24).initialBlocks(10).shared(heap)) {
            BlockingQueue<Long> handedOn = new ArrayBlockingQueue<>(100);
            runAll(threads(virtual), 6, () -> {
                SplittableRandom random =
                        new SplittableRandom(Thread.currentThread().threadId());
                List<MemorySegment> own = new ArrayList<>();
                for (int step = 0; step < 60_000; step++) {
                    if (own.size() < 200 && random.nextBoolean()) {
                        MemorySegment block = step % 2 == 0 ? pool.allocate() : pool.allocateZeroed();
                        block.set(ValueLayout.JAVA_LONG, 0, block.address() ^ random.hashCode());
                        own.add(block);
                    } else if (!own.isEmpty()) {
                        MemorySegment block = own.remove(random.nextInt(own.size()));
                        if (block.get(ValueLayout.JAVA_LONG, 0) != (block.address() ^ random.hashCode())) {
                            throw new AssertionError("another thread wrote into " + block);
                        }
                        if (random.nextInt(3) != 0 || !handedOn.offer(block.address())) {
                            pool.free(block);
                        }
                    }
                    Long taken = random.nextInt(4) == 0 ? handedOn.poll() : null;
                    if (taken != null) {
                        pool.free(taken);
                    }
                }
                own.forEach(pool::free);
            });
            handedOn.forEach(pool::free);
            pool.verify();
            assertThat(pool.liveBlocks()).isZero();
        }
    }

    /// As many threads as blocks, each holding one at most: a block is free at every moment for whoever asks.
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 5, 64, 70})
    void fullPoolHasABlockForWhoeverIsDue(int blocks) throws Exception {
        try (Arena arena = Arena.ofShared();
                BlockPool pool = BlockPool.ofSize(8).shared(arena.allocate(blocks * 16L, 16))) {
            assertThat(pool.capacity()).isEqualTo(blocks);
            runAll(threads(false), Math.min(blocks, 8), () -> {
                for (int i = 0; i < 20_000; i++) {
                    pool.free(pool.malloc());
                }
            });
            pool.verify();
            assertThat(pool.liveBlocks()).isZero();
        }
    }

    @Test
    void threadsThatGrowAPoolTogetherLoseNoChunk() throws Exception {
        for (int round = 0; round < 50; round++) {
            try (BlockPool pool = BlockPool.ofSize(16).initialBlocks(1).shared(heap)) {
                runAll(threads(false), 4, () -> {
                    for (int i = 0; i < 500; i++) {
                        pool.malloc();
                    }
                });
                pool.verify();
                assertThat(pool.liveBlocks()).isEqualTo(2000);
                assertThat(pool.capacity()).isEqualTo(2048);
            }
        }
    }

    // --------------------------------------------------------------------------------------------------------- stacks

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void eachThreadHasItsOwnStack(boolean virtual) throws Exception {
        try (StackAllocator stacks = StackAllocator.ofHeap(heap, 4096)) {
            CountDownLatch allIn = new CountDownLatch(50);
            runAll(threads(virtual), 50, () -> {
                try (Frame frame = stacks.push()) {
                    MemorySegment block = frame.allocate(4096, 1);
                    block.fill((byte) Thread.currentThread().threadId());
                    await(allIn); // a virtual thread leaves its carrier here
                    for (long at = 0; at < 4096; at++) {
                        if (block.get(ValueLayout.JAVA_BYTE, at)
                                != (byte) Thread.currentThread().threadId()) {
                            throw new AssertionError("another thread wrote into the stack");
                        }
                    }
                }
            });
            stacks.verify();
            assertThat(stacks.stackCount()).isEqualTo(50);
        }
    }

    @Test
    @SuppressWarnings("ThreadPriorityCheck") // a yield is what moves a virtual thread
    void hundredThousandVirtualThreadsShareAFewStacks() throws Exception {
        try (StackAllocator stacks = StackAllocator.ofHeap(heap, 1024)) {
            int threads = 100_000;
            Semaphore atOnce = new Semaphore(200);
            ThreadFactory whenOneHasEnded = task -> {
                atOnce.acquireUninterruptibly();
                return Thread.ofVirtual().unstarted(() -> {
                    try {
                        task.run();
                    } finally {
                        atOnce.release();
                    }
                });
            };
            runAll(whenOneHasEnded, threads, () -> {
                long own = Thread.currentThread().threadId();
                try (Frame outer = stacks.push()) {
                    MemorySegment kept = outer.allocate(ValueLayout.JAVA_LONG);
                    kept.set(ValueLayout.JAVA_LONG, 0, own);
                    for (int i = 0; i < 3; i++) {
                        try (Frame inner = stacks.push()) {
                            MemorySegment block = inner.allocate(ValueLayout.JAVA_LONG, 100);
                            block.setAtIndex(ValueLayout.JAVA_LONG, 99, own + i);
                            Thread.yield(); // leaves its carrier, and goes on another
                            if (block.getAtIndex(ValueLayout.JAVA_LONG, 99) != own + i) {
                                throw new AssertionError("another thread wrote into the stack");
                            }
                        }
                    }
                    if (kept.get(ValueLayout.JAVA_LONG, 0) != own) {
                        throw new AssertionError("another thread wrote into the stack");
                    }
                }
            });
            stacks.verify();
            assertThat(stacks.stackCount()).isLessThanOrEqualTo(200);
        }
    }

    @Test
    void tenThousandVirtualThreadsInFramesAtOnceHaveAStackEach() throws Exception {
        try (StackAllocator stacks = StackAllocator.ofHeap(heap, 64)) {
            CountDownLatch allIn = new CountDownLatch(10_000);
            runAll(threads(true), 10_000, () -> {
                try (Frame frame = stacks.push()) {
                    MemorySegment block = frame.allocate(ValueLayout.JAVA_LONG, 8);
                    block.setAtIndex(
                            ValueLayout.JAVA_LONG, 7, Thread.currentThread().threadId());
                    await(allIn);
                    if (block.getAtIndex(ValueLayout.JAVA_LONG, 7)
                            != Thread.currentThread().threadId()) {
                        throw new AssertionError("another thread wrote into the stack");
                    }
                }
            });
            stacks.verify();
            assertThat(stacks.stackCount()).isEqualTo(10_000);
        }
    }

    /// Threads that end leave their stacks, one in three of them with a frame open; those that come are given them.
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void stacksOutliveTheirThreads(boolean virtual) throws Exception {
        try (StackAllocator stacks = StackAllocator.ofHeap(heap, 256)) {
            ThreadFactory factory = threads(virtual);
            for (int i = 0; i < 2_000; i++) {
                boolean leaks = i % 3 == 0;
                Thread thread = factory.newThread(() -> {
                    Frame frame = stacks.push();
                    frame.allocate(256, 1).fill((byte) 1);
                    if (!leaks) {
                        frame.close();
                    }
                });
                thread.start();
                thread.join();
            }
            stacks.verify();
            assertThat(stacks.stackCount()).isLessThanOrEqualTo(32);
        }
    }

    @Test
    void threadsThatShareAPlaceInTheTableKeepTheirStacks() throws Exception {
        try (StackAllocator stacks = StackAllocator.ofHeap(heap, 256)) {
            CountDownLatch allIn = new CountDownLatch(600); // more than there are places
            CountDownLatch allDone = new CountDownLatch(600);
            runAll(threads(false), 600, () -> {
                long[] first = new long[1];
                try (Frame frame = stacks.push()) {
                    first[0] = frame.alloca(8);
                }
                await(allIn);
                for (int i = 0; i < 20; i++) {
                    try (Frame frame = stacks.push()) {
                        if (frame.alloca(8) != first[0]) {
                            throw new AssertionError("the stack of a thread that lives was given to another");
                        }
                    }
                }
                await(allDone);
            });
            stacks.verify();
            assertThat(stacks.stackCount()).isEqualTo(600);
        }
    }
}
