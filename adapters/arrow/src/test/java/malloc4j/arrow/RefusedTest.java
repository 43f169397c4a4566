package malloc4j.arrow;

import static malloc4j.arrow.Malloc4jAllocationManagerTest.rootOn;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.util.ArrayList;
import java.util.List;
import java.util.logging.Handler;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import java.util.logging.SimpleFormatter;
import malloc4j.Heap;
import malloc4j.HeapOptions;
import malloc4j.OutOfNativeMemoryError;
import org.apache.arrow.memory.AllocationReservation;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.OutOfMemoryException;
import org.apache.arrow.memory.RootAllocator;
import org.assertj.core.api.InstanceOfAssertFactories;
import org.junit.jupiter.api.Test;

/// What Arrow's users see where the heap is full or gone, and that Arrow's books are right afterwards.
class RefusedTest {
    private static final int MIB = 1 << 20;

    private static Heap heapOf(int limitMib) {
        return Heap.create(HeapOptions.builder()
                .name("arrow")
                .hardLimitBytes((long) limitMib * MIB)
                .build());
    }

    private static List<ArrowBuf> fill(BufferAllocator allocator, long byteSize) {
        List<ArrowBuf> buffers = new ArrayList<>();
        try {
            while (true) {
                buffers.add(allocator.buffer(byteSize));
            }
        } catch (OutOfMemoryException full) {
            return buffers;
        }
    }

    @Test
    void fullHeapIsArrowsOutOfMemoryAndNothingIsLost() {
        try (Heap heap = heapOf(16);
                RootAllocator root = rootOn(heap);
                BufferAllocator child = root.newChildAllocator("query 7", 0, Long.MAX_VALUE)) {
            List<ArrowBuf> buffers = fill(child, MIB);
            assertThat(buffers).hasSizeBetween(10, 16);
            long counted = child.getAllocatedMemory();
            OutOfMemoryException refused =
                    catchThrowableOfType(OutOfMemoryException.class, () -> child.buffer(4 * MIB));
            assertThat(refused)
                    .hasMessageStartingWith(
                            "Unable to allocate buffer of size 4194304 for allocator 'query 7': malloc(")
                    .hasMessageContainingAll("of heap 'arrow' failed", "hard limit", "limit 16.0 MiB");
            assertThat(refused).message().doesNotContain("\n");
            assertThat(refused)
                    .cause()
                    .asInstanceOf(InstanceOfAssertFactories.type(OutOfNativeMemoryError.class))
                    .returns(OutOfNativeMemoryError.Limit.HEAP, OutOfNativeMemoryError::limit);
            assertThat(child.getAllocatedMemory()).isEqualTo(counted).isEqualTo((long) buffers.size() * MIB);
            assertThat(heap.statistics().liveBlocks()).isEqualTo(buffers.size());

            buffers.removeLast().close();
            buffers.add(child.buffer(MIB)); // goes on as before
            buffers.forEach(ArrowBuf::close);
            assertThat(root.getAllocatedMemory()).isZero();
            heap.verify();
        }
    }

    @Test
    void fullHeapOfSmallBuffersAndAReservation() {
        try (Heap heap = heapOf(4);
                RootAllocator root = rootOn(heap)) {
            List<ArrowBuf> buffers = fill(root, 64);
            long counted = root.getAllocatedMemory();
            AllocationReservation reservation = root.newReservation();
            assertThat(reservation.add((long) MIB)).isTrue(); // Arrow's count alone
            assertThatExceptionOfType(OutOfMemoryException.class)
                    .isThrownBy(reservation::allocateBuffer)
                    .withMessageContaining("of heap 'arrow'");
            assertThat(root.getAllocatedMemory())
                    .isEqualTo(counted); // closing it would give it back once more, in Arrow 19
            buffers.forEach(ArrowBuf::close);
        }
    }

    @Test
    void limitOfAParentIsTold() {
        try (Heap all = Heap.create(HeapOptions.builder()
                        .name("all")
                        .hardLimitBytes(8 * MIB)
                        .build());
                Heap heap = Heap.create(
                        HeapOptions.builder().name("arrow").parent(all).build());
                RootAllocator root = rootOn(heap)) {
            List<ArrowBuf> buffers = fill(root, MIB);
            assertThat(buffers).hasSizeBetween(3, 8);
            assertThatExceptionOfType(OutOfMemoryException.class)
                    .isThrownBy(() -> root.buffer(4 * MIB))
                    .withMessageContaining("limit 8.0 MiB");
            buffers.forEach(ArrowBuf::close);
        }
    }

    @Test
    void sizeThatCannotBe() {
        try (Heap heap = heapOf(16);
                RootAllocator root = rootOn(heap)) {
            assertThatExceptionOfType(OutOfMemoryException.class)
                    .isThrownBy(() -> root.buffer(1L << 47))
                    .withMessageContaining("no address space is that large");
            assertThatThrownBy(() -> root.buffer(-1)).isInstanceOf(IllegalArgumentException.class);
            assertThat(root.getAllocatedMemory()).isZero();
        }
    }

    @Test
    void hookOfTheHeapMakesRoom() {
        List<ArrowBuf> cache = new ArrayList<>();
        HeapOptions options = HeapOptions.builder()
                .hardLimitBytes(8 * MIB)
                .onHardLimit(byteSize -> {
                    boolean any = !cache.isEmpty();
                    if (any) {
                        cache.removeLast().close();
                    }
                    return any;
                })
                .build();
        try (Heap heap = Heap.create(options);
                RootAllocator root = rootOn(heap)) {
            for (int made = 0; made < 100; made++) {
                cache.add(root.buffer(MIB));
            }
            assertThat(cache).hasSizeBetween(3, 8);
            cache.forEach(ArrowBuf::close);
        }
    }

    @Test
    void closedHeapRefusesInOneLineAndLetsItsBuffersGo() {
        List<String> told = new ArrayList<>();
        Logger logger = Logger.getLogger("malloc4j");
        Handler handler = handlerInto(told);
        logger.addHandler(handler);
        logger.setUseParentHandlers(false);
        try {
            Heap heap = heapOf(64);
            try (RootAllocator root = rootOn(heap)) {
                List<ArrowBuf> buffers = List.of(root.buffer(100), root.buffer(100_000), root.buffer(40 * MIB));
                heap.close();
                assertThatThrownBy(() -> root.buffer(100))
                        .isInstanceOf(IllegalStateException.class)
                        .hasMessage("malloc(byteSize=128) of heap 'arrow': the heap is closed");
                buffers.forEach(ArrowBuf::close);
                assertThat(root.getAllocatedMemory()).isZero();
            }
        } finally {
            logger.removeHandler(handler);
            logger.setUseParentHandlers(true);
        }
        assertThat(told)
                .containsExactly(
                        "heap 'arrow' was closed before Arrow buffers on it: close allocators before their heap");
    }

    private static Handler handlerInto(List<String> told) {
        return new Handler() {
            @Override
            public void publish(LogRecord entry) {
                told.add(new SimpleFormatter().formatMessage(entry));
            }

            @Override
            public void flush() {}

            @Override
            public void close() {}
        };
    }

    @Test
    void freedByOthersIsTheHeapsError() {
        try (Heap heap = heapOf(16);
                RootAllocator root = rootOn(heap)) {
            ArrowBuf buffer = root.buffer(100);
            heap.free(buffer.memoryAddress()); // a bug of the program's
            assertThatThrownBy(buffer::close).hasMessageContaining("double free");
        }
    }
}
