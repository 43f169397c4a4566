package malloc4j.arrow;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import malloc4j.Heap;
import malloc4j.HeapOptions;
import malloc4j.observe.HeapStatistics;
import org.apache.arrow.memory.AllocationReservation;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.BufferLedger;
import org.apache.arrow.memory.OutOfMemoryException;
import org.apache.arrow.memory.RootAllocator;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/// Arrow's allocators as their users have them, on a heap that is looked at beside them.
class Malloc4jAllocationManagerTest {
    private static final int MIB = 1 << 20;

    private final Heap heap = Heap.create(HeapOptions.builder().name("arrow").build());
    private final RootAllocator root = rootOn(heap);

    static RootAllocator rootOn(Heap heap) {
        return new RootAllocator(RootAllocator.configBuilder()
                .allocationManagerFactory(Malloc4jAllocationManager.factory(heap))
                .build());
    }

    @AfterEach
    void nothingIsLeft() {
        root.close();
        HeapStatistics end = heap.statistics();
        assertThat(end.allocatedBlocks()).isEqualTo(end.freedBlocks());
        assertThat(end.liveBytes()).isZero();
        heap.verify();
        heap.close();
    }

    @Test
    void bufferIsOneBlockOfTheHeap() {
        try (ArrowBuf buffer = root.buffer(5_000)) {
            assertThat(buffer.capacity()).isEqualTo(8_192); // Arrow's rounding
            assertThat(heap.usableSize(buffer.memoryAddress())).isGreaterThanOrEqualTo(8_192);
            assertThat(heap.statistics().liveBlocks()).isEqualTo(1);
            assertThat(root.getAllocatedMemory()).isEqualTo(8_192);
            BufferLedger ledger = (BufferLedger) buffer.getReferenceManager();
            assertThat(ledger.getAllocationManager())
                    .isInstanceOf(Malloc4jAllocationManager.class)
                    .returns(8_192L, manager -> manager.getSize());
            buffer.setLong(8_184, Long.MIN_VALUE);
            assertThat(buffer.getLong(8_184)).isEqualTo(Long.MIN_VALUE);
            assertThat(buffer.nioBuffer(0, 8_192).getLong(8_184)).isEqualTo(Long.reverseBytes(Long.MIN_VALUE));
        }
    }

    @Test
    void factoryWithoutHeapUsesTheCommonOne() {
        long before = Heap.common().statistics().allocatedBlocks();
        try (RootAllocator other = new RootAllocator(RootAllocator.configBuilder()
                        .allocationManagerFactory(Malloc4jAllocationManager.FACTORY)
                        .build());
                ArrowBuf buffer = other.buffer(100)) {
            assertThat(Heap.common().usableSize(buffer.memoryAddress())).isGreaterThanOrEqualTo(128);
            assertThat(Heap.common().statistics().allocatedBlocks()).isEqualTo(before + 1);
        }
        assertThat(Malloc4jAllocationManager.FACTORY).hasToString("Malloc4jAllocationManager.Factory[the common heap]");
        assertThat(Malloc4jAllocationManager.factory(heap).toString()).contains("Heap[arrow");
    }

    @Test
    void emptyBufferIsNoBlock() {
        try (ArrowBuf empty = root.buffer(0)) {
            assertThat(empty.capacity()).isZero();
            assertThat(root.getEmpty()).isSameAs(empty);
        }
        assertThat(heap.statistics().allocatedBlocks()).isZero();
    }

    @Test
    void reservationOfNothingIsABlockOfNoBytes() {
        try (AllocationReservation reservation = root.newReservation();
                ArrowBuf buffer = reservation.allocateBuffer()) {
            assertThat(buffer.capacity()).isZero();
        }
    }

    @Test
    void contentsStayApart() {
        SplittableRandom random = new SplittableRandom(7);
        Deque<ArrowBuf> live = new ArrayDeque<>();
        for (int turn = 0; turn < 2_000; turn++) {
            ArrowBuf buffer = root.buffer(1L << random.nextInt(22));
            buffer.setOne(0, buffer.capacity());
            buffer.setByte(0, turn);
            buffer.setByte(buffer.capacity() - 1, turn);
            live.add(buffer);
            if (live.size() > 50) {
                checkAndClose(live.remove());
            }
        }
        live.forEach(Malloc4jAllocationManagerTest::checkAndClose);
    }

    private static void checkAndClose(ArrowBuf buffer) {
        assertThat(buffer.getByte(0)).isEqualTo(buffer.getByte(buffer.capacity() - 1));
        for (long at = 1; at < buffer.capacity() - 1; at += 61) {
            assertThat(buffer.getByte(at)).isEqualTo((byte) -1);
        }
        buffer.close();
    }

    @Test
    void transferAndRetainFreeOnce() {
        try (BufferAllocator reader = root.newChildAllocator("reader", 0, MIB);
                BufferAllocator writer = root.newChildAllocator("writer", 0, MIB)) {
            ArrowBuf made = reader.buffer(1_000);
            ArrowBuf slice = made.slice(10, 100);
            slice.getReferenceManager().retain();
            ArrowBuf moved =
                    made.getReferenceManager().transferOwnership(made, writer).getTransferredBuffer();
            made.close();
            slice.close();
            assertThat(reader.getAllocatedMemory()).isZero();
            assertThat(writer.getAllocatedMemory()).isEqualTo(1_024);
            assertThat(heap.statistics().freedBlocks()).isZero();
            moved.close();
            assertThat(heap.statistics().freedBlocks()).isEqualTo(1);
            assertThatThrownBy(moved::close).isInstanceOf(IllegalStateException.class); // Arrow's own word
        }
    }

    @Test
    void blockIsFreedWhereArrowRefusesItsOwner() {
        BufferAllocator closed = root.newChildAllocator("closed", 0, MIB);
        closed.close();
        var factory = Malloc4jAllocationManager.factory(heap);
        assertThatThrownBy(() -> factory.create(closed, 100))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("closed");
        assertThat(heap.statistics().allocatedBlocks()).isEqualTo(1); // and freed, as is looked at in the end
    }

    @Test
    void buffersGoFromThreadToThread() throws Exception {
        BlockingQueue<ArrowBuf> queue = new ArrayBlockingQueue<>(64);
        try (ExecutorService threads = Executors.newFixedThreadPool(4);
                BufferAllocator child = root.newChildAllocator("child", 0, Long.MAX_VALUE)) {
            Future<?> one = threads.submit(() -> make(child, queue));
            Future<?> two = threads.submit(() -> make(child, queue));
            Future<?> three = threads.submit(() -> end(queue));
            Future<?> four = threads.submit(() -> end(queue));
            for (Future<?> each : new Future<?>[] {one, two, three, four}) {
                each.get();
            }
        }
        assertThat(heap.statistics().allocatedBlocks()).isEqualTo(10_000);
    }

    private static @Nullable Void make(BufferAllocator allocator, BlockingQueue<ArrowBuf> queue)
            throws InterruptedException {
        for (int made = 0; made < 5_000; made++) {
            ArrowBuf buffer = allocator.buffer(8 + made * 13L % 100_000);
            buffer.setLong(0, buffer.memoryAddress());
            assertThat(queue.offer(buffer, 1, TimeUnit.MINUTES)).isTrue();
        }
        return null;
    }

    private static @Nullable Void end(BlockingQueue<ArrowBuf> queue) throws InterruptedException {
        for (int ended = 0; ended < 5_000; ended++) {
            ArrowBuf buffer = Objects.requireNonNull(queue.poll(1, TimeUnit.MINUTES));
            assertThat(buffer.getLong(0)).isEqualTo(buffer.memoryAddress());
            buffer.close();
        }
        return null;
    }

    @Test
    void whatArrowItselfRefusesTakesNoBlock() {
        try (BufferAllocator small = root.newChildAllocator("small", 0, 4_096)) {
            assertThatExceptionOfType(OutOfMemoryException.class)
                    .isThrownBy(() -> small.buffer(8_192))
                    .withMessageContaining("due to memory limit");
        }
        assertThat(heap.statistics().allocatedBlocks()).isZero();
    }
}
