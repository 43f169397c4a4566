package malloc4j.alloc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CountDownLatch;
import malloc4j.Heap;
import malloc4j.HeapOptions;
import malloc4j.OutOfNativeMemoryError;
import malloc4j.TestHeaps;
import malloc4j.alloc.StackAllocator.Frame;
import malloc4j.internal.memory.Bits;
import malloc4j.internal.os.Errno;
import malloc4j.internal.os.RecordingCalls;
import malloc4j.internal.os.TestKernel;
import malloc4j.internal.region.PageGeometry;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// The heap below refuses memory: at its limit, and at every system call in turn. The allocator reports it, has
/// lost nothing, goes on when the heap does, and gives everything back.
class AllocatorFaultsTest {
    /// How each allocator takes memory, a piece at a time, and ends.
    private interface Taker extends AutoCloseable {
        /// Takes more memory, as much as makes the allocator ask its heap each few times.
        long take();

        void verify();

        @Override
        void close();
    }

    enum Kind {
        CONFINED_POOL,
        SHARED_POOL,
        REGION,
        STACKS;

        Taker open(Heap heap) {
            return switch (this) {
                case CONFINED_POOL -> ofPool(BlockPool.ofSize(SIZE).confined(heap));
                case SHARED_POOL -> ofPool(BlockPool.ofSize(SIZE).shared(heap));
                case REGION -> ofRegion(Region.ofHeap(heap, 3 * SIZE));
                case STACKS -> ofStacks(StackAllocator.ofHeap(heap, SIZE));
            };
        }
    }

    private static final int SIZE = 100_000; // 10 of them are more than an extent of the heap's leaves

    private static Taker ofPool(BlockPool pool) {
        return new Taker() {
            @Override
            public long take() {
                return pool.malloc();
            }

            @Override
            public void verify() {
                pool.verify();
            }

            @Override
            public void close() {
                pool.close();
            }
        };
    }

    private static Taker ofRegion(Region region) {
        return new Taker() {
            @Override
            public long take() {
                return region.allocateAddress(SIZE, 16);
            }

            @Override
            public void verify() {
                region.verify();
            }

            @Override
            public void close() {
                region.close();
            }
        };
    }

    /// Each piece is the stack of another thread, which keeps a frame open until the end.
    private static Taker ofStacks(StackAllocator stacks) {
        return new Taker() {
            private final List<Worker> workers = new ArrayList<>();

            @Override
            public long take() {
                Worker worker = new Worker(stacks);
                worker.start();
                long address = worker.address();
                workers.add(worker);
                return address;
            }

            @Override
            public void verify() {
                stacks.verify();
            }

            @Override
            public void close() {
                workers.forEach(Worker::end);
                stacks.close();
            }
        };
    }

    /// A thread that opens a frame, takes all of its stack, and closes the frame when it is told to.
    private static final class Worker extends Thread {
        private final StackAllocator stacks;
        private final CompletableFuture<Long> address = new CompletableFuture<>();
        private final CountDownLatch end = new CountDownLatch(1);

        Worker(StackAllocator stacks) {
            this.stacks = stacks;
        }

        @Override
        public void run() {
            try (Frame frame = stacks.push()) {
                address.complete(frame.alloca(SIZE));
                end.await();
            } catch (Throwable failed) {
                address.completeExceptionally(failed);
            }
        }

        long address() {
            try {
                return address.join();
            } catch (CompletionException failed) {
                if (failed.getCause() instanceof OutOfNativeMemoryError refused) {
                    throw refused;
                }
                throw failed;
            }
        }

        void end() {
            end.countDown();
            try {
                join();
            } catch (InterruptedException interrupted) {
                throw new IllegalStateException(interrupted);
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    void everySystemCallFailsInTurn(Kind kind) {
        int refusals = 0;
        boolean reached = true;
        for (long nth = 1; reached; nth++) {
            RecordingCalls calls = new RecordingCalls(TestKernel.calls());
            try (Heap heap =
                    TestHeaps.create(calls, HeapOptions.builder().name("nth").build())) {
                calls.failFrom(nth, Errno.ENOMEM);
                refusals += take(kind, heap, calls);
                reached = calls.injectedCount() > 0;
                calls.stopFailing();
                assertThat(heap.statistics().liveBytes()).isZero();
                heap.verify();
            }
        }
        assertThat(refusals).as("requests that were refused").isPositive();
    }

    /// Takes 60 pieces; whatever is refused is asked for once more when the heap has memory again.
    private static int take(Kind kind, Heap heap, RecordingCalls calls) {
        int refusals = 0;
        try (Taker taker = kind.open(heap)) {
            Intervals live = new Intervals();
            for (int i = 0; i < 60; i++) {
                long address;
                try {
                    address = taker.take();
                } catch (OutOfNativeMemoryError refused) {
                    refusals++;
                    taker.verify();
                    live.checkAll();
                    calls.stopFailing();
                    address = taker.take();
                }
                live.add(address, SIZE, 16);
            }
            taker.verify();
            live.checkAll();
        }
        return refusals;
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    void limitOfTheHeapIsReportedAndNothingIsLost(Kind kind) {
        try (Heap heap = Heap.create(
                HeapOptions.builder().name("limited").hardLimitBytes(5 << 20).build())) {
            try (Taker taker = kind.open(heap)) {
                Intervals live = new Intervals();
                assertThatThrownBy(() -> {
                            while (true) {
                                live.add(taker.take(), SIZE, 16);
                            }
                        })
                        .isInstanceOf(OutOfNativeMemoryError.class)
                        .extracting(refused -> ((OutOfNativeMemoryError) refused).limit())
                        .isEqualTo(OutOfNativeMemoryError.Limit.HEAP);
                long most = (5 << 20) / Bits.alignUp(SIZE, PageGeometry.PAGE_BYTES);
                assertThat(live.size()).as("pieces of 100,000 bytes in 5 MiB").isGreaterThan((int) (most * 4 / 5));
                live.checkAll();
                taker.verify();
            }
            assertThat(heap.statistics().liveBytes()).isZero();
        }
    }

    @Test
    void poolOnFullHeapGoesOnWithWhatIsFreed() {
        try (Heap heap = Heap.create(HeapOptions.builder()
                        .name("limited")
                        .hardLimitBytes(1 << 20)
                        .build());
                BlockPool pool = BlockPool.ofSize(64 << 10).confined(heap)) {
            List<Long> blocks = new ArrayList<>();
            assertThatThrownBy(() -> {
                        while (true) {
                            blocks.add(pool.malloc());
                        }
                    })
                    .isInstanceOf(OutOfNativeMemoryError.class);
            pool.free(blocks.getFirst());
            assertThat(pool.malloc()).isEqualTo(blocks.getFirst());
        }
    }

    /// Whatever instruction of a close the overflow hits.
    @Test
    void whatACloseThatOverflowedHasLeftIsClosedByTheNext() throws InterruptedException {
        int[] overflows = new int[1];
        List<Throwable> failures = new ArrayList<>();
        try (Heap heap = Heap.create(HeapOptions.defaults())) {
            Thread thread = new Thread(null, () -> overflows[0] = overflowCloses(heap), "deep", 256 << 10);
            thread.setUncaughtExceptionHandler((ended, failure) -> failures.add(failure));
            thread.start();
            thread.join();
            assertThat(failures).isEmpty();
            assertThat(heap.statistics().liveBlocks()).isZero();
        }
        assertThat(overflows[0]).isPositive();
    }

    private static int overflowCloses(Heap heap) {
        int overflows = 0;
        for (int round = 0; round < 4; round++) {
            StackAllocator stacks = StackAllocator.ofHeap(heap, 4096);
            Frame outer = stacks.push();
            Frame inner = stacks.push();
            MemorySegment ofInner = round % 2 == 0 ? stacks.allocate(16, 16) : inner.allocate(16, 16);
            Region region = Region.ofHeap(heap, 4096);
            MemorySegment ofRegion = region.allocate(16, 16);
            BlockPool pool = BlockPool.ofSize(16).confined(heap);
            MemorySegment ofPool = pool.allocate(16, 16);
            AutoCloseable[] all = {inner, region, pool};
            for (AutoCloseable each : all) {
                overflows -= overflow(each, 0) + 1;
            }
            inner.close();
            outer.close();
            stacks.verify();
            stacks.close();
            region.close();
            pool.close();
            assertThat(ofInner.scope().isAlive()).isFalse();
            assertThat(ofRegion.scope().isAlive()).isFalse();
            assertThat(ofPool.scope().isAlive()).isFalse();
        }
        return overflows;
    }

    /// Closes it at the deepest level that can do it, and at all that cannot. Returns how many these were.
    @SuppressWarnings("InfiniteRecursion") // until the stack overflows
    private static int overflow(AutoCloseable closed, int level) {
        int ended;
        try {
            ended = overflow(closed, level + 1);
        } catch (StackOverflowError deepest) {
            ended = 0;
        }
        if (ended < 0) {
            return ended;
        }
        try {
            closed.close();
        } catch (StackOverflowError overflow) {
            return ended + 1;
        } catch (Exception impossible) {
            throw new AssertionError(impossible);
        }
        return -ended - 1;
    }
}
