package malloc4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.locks.LockSupport;
import malloc4j.internal.memory.RawMemory;
import malloc4j.internal.os.Errno;
import malloc4j.internal.os.RecordingCalls;
import malloc4j.internal.os.SystemCalls;
import malloc4j.internal.os.TestKernel;
import malloc4j.internal.region.FakeCalls;
import malloc4j.internal.region.PageGeometry;
import malloc4j.observe.HeapStatistics;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Large blocks that a thread keeps for itself, as the whole heap shows them.
class LargeStocksTest {
    private static final long MIB = 1 << 20;
    private static final long PAGE = PageGeometry.PAGE_BYTES;

    private final List<ExecutorService> executors = new ArrayList<>();

    private static HeapOptions.Builder options() {
        return HeapOptions.builder().name("stocked").purgeDelay(Duration.ofSeconds(-1)); // visits by the tests alone
    }

    private static Heap heap() {
        return Heap.create(options().build());
    }

    /// A thread that stays, so that what it keeps stays its own.
    private Worker worker() {
        ExecutorService executor = Executors.newSingleThreadExecutor();
        executors.add(executor);
        return new Worker(executor);
    }

    private record Worker(ExecutorService executor) {
        <T> T call(Callable<T> task) {
            try {
                Future<T> future = executor.submit(task);
                return future.get();
            } catch (ExecutionException | InterruptedException failed) {
                throw new AssertionError(failed.getCause());
            }
        }

        void run(Runnable task) {
            Object unused = call(Executors.callable(task));
        }
    }

    @AfterEach
    void endThreads() {
        executors.forEach(ExecutorService::close);
    }

    @Test
    void aFreedBlockIsTheNextOneOfItsSizeAndCountsAsFreeMeanwhile() {
        try (Heap heap = heap()) {
            long kept = heap.malloc(3 * MIB);
            HeapStatistics before = heap.statistics();
            for (long byteSize : new long[] {(32 << 10) + 1, 40_000, 64 << 10, MIB, 16 * MIB, 32 * MIB - 1}) {
                long block = heap.malloc(byteSize);
                long usable = heap.usableSize(block);
                heap.free(block);
                HeapStatistics now = heap.statistics();
                assertThat(now.largeBlocks()).isEqualTo(1);
                assertThat(now.largeBytes()).isEqualTo(before.largeBytes());
                assertThat(now.spanBytes()).isEqualTo(before.spanBytes());
                assertThat(now.dirtyBytes()).isGreaterThanOrEqualTo(usable);
                assertThat(heap.malloc(byteSize)).isEqualTo(block);
                assertThat(heap.usableSize(block)).isEqualTo(usable);
                heap.verify();
                heap.free(block);
            }
            heap.free(kept);
        }
    }

    @Test
    void aBlockOfTheStockIsAtMostAnEighthLongerThanAsked() {
        try (Heap heap = heap()) {
            long block = heap.malloc(256 * PAGE);
            heap.free(block);
            assertThat(heap.malloc(240 * PAGE)).isEqualTo(block);
            assertThat(heap.usableSize(block)).isEqualTo(256 * PAGE);
            for (long pages : new long[] {257, 220, 129, 9}) {
                heap.free(block);
                block = heap.malloc(pages * PAGE);
                assertThat(heap.usableSize(block)).isEqualTo(pages * PAGE);
            }
        }
    }

    @Test
    void whatWasFreedLongAgoMakesRoomForWhatIsFreedNow() {
        try (Heap heap = heap()) {
            long[] small = new long[20];
            for (int index = 0; index < small.length; index++) {
                small[index] = heap.malloc(40_000);
            }
            for (long block : small) {
                heap.free(block);
            }
            for (long byteSize : new long[] {MIB, 16 * MIB, 64 << 10}) {
                long first = heap.malloc(byteSize);
                heap.free(first);
                long reserved = heap.statistics().reservedBytes();
                for (int turn = 0; turn < 10; turn++) {
                    long block = heap.malloc(byteSize);
                    assertThat(block).isEqualTo(first);
                    heap.free(block);
                }
                assertThat(heap.statistics().reservedBytes()).isEqualTo(reserved);
                heap.verify();
            }
        }
    }

    /// The counts of stocks and of spans are read one after the other: a block that goes over meanwhile counts once.
    @Test
    void blocksThatAStockGivesBackAreCountedOnceMeanwhile() throws InterruptedException {
        try (Heap heap = heap()) {
            long kept = heap.malloc(MIB);
            for (int round = 0; round < 300; round++) {
                long[] blocks = new long[8];
                for (int index = 0; index < blocks.length; index++) {
                    blocks[index] = heap.malloc(100_000);
                }
                for (long block : blocks) {
                    heap.free(block);
                }
                Thread visitor = Thread.ofPlatform().start(() -> heap.trim(0));
                do {
                    assertThat(heap.statistics().largeBlocks()).isEqualTo(1);
                } while (visitor.isAlive());
                visitor.join();
            }
            heap.free(kept);
        }
    }

    @Test
    void callocOfAStockedBlockIsZero() {
        try (Heap heap = heap()) {
            long block = heap.malloc(MIB);
            RawMemory.fill(block, MIB, (byte) 7);
            heap.free(block);
            assertThat(heap.calloc(1, MIB)).isEqualTo(block);
            for (long offset = 0; offset < MIB; offset += 8) {
                assertThat(RawMemory.getLong(block + offset)).isZero();
            }
        }
    }

    @Test
    void aStockedBlockIsRefusedAndSoIsEachOfItsAddresses() {
        try (Heap heap = heap()) {
            long block = heap.malloc(MIB);
            heap.free(block);
            for (long address : new long[] {block, block + 16, block + PAGE}) {
                assertThatThrownBy(() -> heap.free(address)).isInstanceOf(BlockMisuseException.class);
                assertThatThrownBy(() -> heap.realloc(address, 2 * MIB)).isInstanceOf(BlockMisuseException.class);
                assertThatThrownBy(() -> heap.usableSize(address)).isInstanceOf(BlockMisuseException.class);
                worker().run(() ->
                        assertThatThrownBy(() -> heap.free(address)).isInstanceOf(BlockMisuseException.class));
            }
            heap.verify();
            assertThat(heap.malloc(MIB)).isEqualTo(block);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 63, 64, 65, 500})
    void whatOtherThreadsFreeComesBackToItsThreadOrToTheHeap(int count) {
        try (Heap heap = heap()) {
            Worker owner = worker();
            long[] blocks = new long[count];
            owner.run(() -> {
                for (int index = 0; index < count; index++) {
                    blocks[index] = heap.malloc(64 << 10);
                }
            });
            for (long block : blocks) {
                heap.free(block);
                assertThatThrownBy(() -> heap.free(block)).isInstanceOf(BlockMisuseException.class);
            }
            assertThatThrownBy(() -> owner.call(() -> {
                        heap.free(blocks[0]);
                        return 0;
                    }))
                    .hasRootCauseInstanceOf(BlockMisuseException.class);
            assertThat(heap.statistics().largeBlocks()).isZero();
            heap.verify();
            long reserved = heap.statistics().reservedBytes();
            owner.run(() -> {
                for (int index = 0; index < count; index++) {
                    blocks[index] = heap.malloc(64 << 10);
                }
            });
            assertThat(heap.statistics().reservedBytes()).isEqualTo(reserved);
            assertThat(heap.statistics().largeBlocks()).isEqualTo(count);
            heap.verify();
        }
    }

    @Test
    void aBlockThatIsUnusedForTwoVisitsGoesBackToTheKernel() {
        try (Heap heap = Heap.create(
                HeapOptions.builder().purgeDelay(Duration.ofMillis(200)).build())) {
            Worker owner = worker();
            owner.run(() -> {
                long block = heap.malloc(8 * MIB);
                RawMemory.fill(block, 8 * MIB, (byte) 1);
                heap.free(block);
            });
            long end = System.nanoTime() + 20_000_000_000L;
            while (heap.residentBytes() > MIB && System.nanoTime() < end) {
                LockSupport.parkNanos(10_000_000);
            }
            assertThat(heap.residentBytes()).isLessThan(MIB);
            assertThat(heap.statistics().committedBytes()).isLessThan(MIB);
            heap.verify();
        }
    }

    @Test
    void trimTakesTheStocksOfThreadsThatRest() {
        try (Heap heap = heap()) {
            Worker owner = worker();
            owner.run(() -> {
                long block = heap.malloc(8 * MIB);
                RawMemory.fill(block, 8 * MIB, (byte) 1);
                heap.free(block);
            });
            assertThat(heap.residentBytes()).isGreaterThan(8 * MIB - 1);
            assertThat(heap.trim(0)).isTrue();
            assertThat(heap.residentBytes()).isLessThan(MIB);
            heap.verify();
        }
    }

    @Test
    void aLimitIsMetByWhatIsLiveNotByStocks() {
        try (Heap heap = Heap.create(options().hardLimitBytes(64 * MIB).build())) {
            Worker owner = worker();
            owner.run(() -> {
                long[] blocks = new long[14];
                for (int index = 0; index < blocks.length; index++) {
                    blocks[index] = heap.malloc(4 * MIB);
                }
                for (long block : blocks) {
                    heap.free(block);
                }
            });
            for (int index = 0; index < 15; index++) {
                assertThat(heap.tryMalloc(4 * MIB)).isPositive();
            }
            heap.verify();
        }
    }

    @Test
    void theHeapDoesNotGrowWhileAnotherThreadsStockHasRoom() {
        try (Heap heap = heap()) {
            Worker owner = worker();
            owner.run(() -> heap.free(heap.malloc(30 * MIB)));
            long reserved = heap.statistics().reservedBytes();
            heap.free(heap.malloc(30 * MIB));
            assertThat(heap.statistics().reservedBytes()).isEqualTo(reserved);
        }
    }

    @Test
    void anotherThreadResizesABlockWhereItIs() {
        try (Heap heap = heap()) {
            Worker owner = worker();
            long block = owner.call(() -> heap.malloc(MIB));
            assertThat(heap.realloc(block, 2 * MIB)).isEqualTo(block);
            assertThat(heap.usableSize(block)).isEqualTo(2 * MIB);
            assertThat(heap.resizeInPlace(block, 100_000)).isTrue();
            owner.run(() -> {
                assertThat(heap.realloc(block, 3 * MIB)).isEqualTo(block);
                heap.free(block);
                assertThat(heap.malloc(3 * MIB)).isEqualTo(block);
            });
            heap.verify();
        }
    }

    @Test
    void virtualThreadsShareStocks() throws InterruptedException {
        try (Heap heap = heap()) {
            AtomicInteger failures = new AtomicInteger();
            List<Thread> threads = new ArrayList<>();
            for (int index = 0; index < 100; index++) {
                threads.add(Thread.ofVirtual().start(() -> {
                    for (int turn = 0; turn < 50; turn++) {
                        long block = heap.malloc(100_000);
                        RawMemory.putLong(block, block ^ Thread.currentThread().threadId());
                        LockSupport.parkNanos(1); // others take its carrier
                        failures.addAndGet(
                                RawMemory.getLong(block)
                                                == (block
                                                        ^ Thread.currentThread().threadId())
                                        ? 0
                                        : 1);
                        heap.free(block);
                    }
                }));
            }
            for (Thread thread : threads) {
                thread.join();
            }
            assertThat(failures).hasValue(0);
            assertThat(heap.statistics().largeBlocks()).isZero();
            heap.verify();
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {Errno.ENOSYS, Errno.EPERM})
    void withoutTheBarrierLargeBlocksGoByTheLock(int errno) {
        SystemCalls calls = FakeCalls.with("membarrier", (arguments, perform) -> -errno);
        try (Heap heap = Heap.create(calls, options().build())) {
            Worker owner = worker();
            long block = owner.call(() -> heap.malloc(MIB));
            heap.free(block);
            assertThatThrownBy(() -> heap.free(block)).isInstanceOf(BlockMisuseException.class);
            assertThat(heap.malloc(MIB)).isEqualTo(block);
            assertThat(heap.realloc(block, 2 * MIB)).isEqualTo(block);
            heap.free(block);
            heap.verify();
        }
    }

    @Test
    void aSteadyStateMakesNoSystemCall() {
        RecordingCalls calls = new RecordingCalls(TestKernel.calls());
        try (Heap heap = Heap.create(calls, options().build())) {
            for (long byteSize : new long[] {40_000, 64 << 10, MIB, 2 * MIB, 16 * MIB, 32 * MIB - 1}) {
                heap.free(heap.malloc(byteSize));
                int before = calls.calls().size();
                for (int turn = 0; turn < 100; turn++) {
                    heap.free(heap.malloc(byteSize));
                }
                assertThat(calls.calls()).hasSize(before);
            }
        }
    }

    /// What a stress test cannot arrange without the system call: owners at work on their short way while others take
    /// their stocks from them, free and resize their blocks. Each block is checked to be its holder's alone.
    @Test
    void noBlockIsGivenTwiceWhateverVisitsDo() throws InterruptedException {
        long nanos = Long.getLong("test.largeStocksSeconds", 2) * 1_000_000_000L;
        try (Heap heap = Heap.create(options().hardLimitBytes(256 * MIB).build())) {
            AtomicLongArray handed = new AtomicLongArray(64);
            AtomicBoolean stop = new AtomicBoolean();
            AtomicInteger wrong = new AtomicInteger();
            CountDownLatch started = new CountDownLatch(4);
            List<Thread> threads = new ArrayList<>();
            for (int index = 0; index < 4; index++) {
                int seed = index;
                threads.add(Thread.ofPlatform().start(() -> {
                    started.countDown();
                    work(heap, handed, stop, wrong, new Random(seed));
                }));
            }
            started.await();
            long end = System.nanoTime() + nanos;
            for (int turn = 0; System.nanoTime() < end; turn++) {
                if (turn % 16 == 0) {
                    heap.trim(0);
                } else {
                    heap.reclaimer().visit(0, false);
                }
            }
            stop.set(true);
            for (Thread thread : threads) {
                thread.join();
            }
            for (int index = 0; index < handed.length(); index++) {
                if (handed.get(index) != 0) {
                    heap.free(handed.get(index));
                }
            }
            assertThat(wrong).hasValue(0);
            assertThat(heap.statistics().largeBlocks()).isZero();
            heap.verify();
        }
    }

    private static void work(
            Heap heap, AtomicLongArray handed, AtomicBoolean stop, AtomicInteger wrong, Random random) {
        long[] own = new long[8];
        while (!stop.get()) {
            int slot = random.nextInt(own.length);
            if (own[slot] != 0 && random.nextInt(4) == 0) {
                int shared = random.nextInt(handed.length());
                own[slot] = handed.getAndSet(shared, own[slot]); // and goes on with another thread's
            }
            if (own[slot] != 0 && random.nextInt(16) == 0) {
                wrong.addAndGet(isWhole(heap, own[slot]) ? 0 : 1);
                own[slot] = heap.realloc(own[slot], size(random));
                mark(heap, own[slot]);
            }
            if (own[slot] != 0) {
                wrong.addAndGet(isWhole(heap, own[slot]) ? 0 : 1);
                RawMemory.putLong(own[slot], 0);
                heap.free(own[slot]);
            }
            own[slot] = heap.malloc(size(random));
            mark(heap, own[slot]);
        }
        for (long block : own) {
            if (block != 0) {
                heap.free(block);
            }
        }
    }

    private static long size(Random random) {
        return 36_000 + random.nextInt(8) * 20_000L;
    }

    private static void mark(Heap heap, long block) {
        RawMemory.putLong(block, block);
        RawMemory.putLong(block + heap.usableSize(block) - Long.BYTES, block);
    }

    private static boolean isWhole(Heap heap, long block) {
        return RawMemory.getLong(block) == block
                && RawMemory.getLong(block + heap.usableSize(block) - Long.BYTES) == block;
    }
}
