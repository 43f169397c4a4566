package malloc4j.callbacks;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Random;
import java.util.function.Consumer;
import malloc4j.Heap;
import malloc4j.HeapOptions;
import malloc4j.observe.HeapStatistics;

/// Runs of a library on a heap of its own, and what it is fed with.
final class LibraryRun {
    /// A hard limit that nothing meets.
    static final long PLENTY = 256 << 20;

    private LibraryRun() {}

    /// Runs something on a heap with a hard limit; afterwards nothing may be live, and the heap is whole.
    static HeapStatistics on(long hardLimitBytes, Consumer<HeapCallbacks> work) {
        HeapOptions options = HeapOptions.builder()
                .name("library")
                .hardLimitBytes(hardLimitBytes)
                .build();
        try (Heap heap = Heap.create(options)) {
            try (Arena arena = Arena.ofConfined()) {
                HeapCallbacks callbacks = HeapCallbacks.of(heap, arena);
                work.accept(callbacks);
                assertThat(callbacks.misuseCount()).isZero();
                boolean mayRefuse = hardLimitBytes < PLENTY;
                assertThat(callbacks.refusalCount()).matches(count -> mayRefuse ? count > 0 : count == 0);
            }
            HeapStatistics statistics = heap.statistics();
            assertThat(statistics.liveBlocks()).as("live blocks").isZero();
            assertThat(statistics.freedBlocks()).isEqualTo(statistics.allocatedBlocks());
            heap.verify();
            return statistics;
        }
    }

    static MemorySegment bytes(byte[] bytes) {
        MemorySegment copy = Arena.ofAuto().allocate(bytes.length + 1);
        MemorySegment.copy(bytes, 0, copy, JAVA_BYTE, 0, bytes.length);
        return copy.asSlice(0, bytes.length);
    }

    static byte[] sample(int byteSize) {
        byte[] sample = new byte[byteSize];
        Random random = new Random(7);
        for (int index = 0; index < byteSize; index++) {
            sample[index] = (byte) ('a' + random.nextInt(6));
        }
        return sample;
    }
}
