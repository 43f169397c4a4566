package malloc4j.sources;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import malloc4j.Heap;
import malloc4j.HeapOptions;
import malloc4j.OutOfNativeMemoryError;
import malloc4j.TestHeaps;
import malloc4j.alloc.Region;
import malloc4j.internal.memory.RawMemory;
import malloc4j.internal.os.Errno;
import malloc4j.internal.os.RecordingCalls;
import malloc4j.internal.os.TestKernel;
import malloc4j.internal.region.ChunkMap;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// A large block that its home cannot have comes from the other: a mapping of its own, or an extent.
class OtherHomeTest {
    private static final long THRESHOLD = 32L << 20;

    private final RecordingCalls calls = new RecordingCalls(TestKernel.calls());

    private Heap heap() {
        return TestHeaps.create(
                calls,
                HeapOptions.builder()
                        .name("other")
                        .mmapThresholdBytes(THRESHOLD)
                        .build());
    }

    /// Refuses mappings of their own, or the memory of extents.
    private void refuse(boolean mappings) {
        if (mappings) {
            calls.failFrom(text -> text.startsWith("mmap(0x0, "), 1, Errno.ENOMEM);
        } else {
            calls.failFrom("mprotect", 1, Errno.ENOMEM);
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aBlockComesFromTheOtherHomeAndGoesBackThere(boolean mappingsAreRefused) {
        try (Heap heap = heap()) {
            long byteSize = mappingsAreRefused ? THRESHOLD + 1 : THRESHOLD - 1;
            refuse(mappingsAreRefused);
            for (int round = 0; round < 3; round++) {
                long address = heap.calloc(1, byteSize);
                assertThat(ChunkMap.record(address) != 0).as("in an extent").isEqualTo(mappingsAreRefused);
                assertThat(RawMemory.getByte(address + byteSize - 1)).isZero();
                RawMemory.fill(address, byteSize, (byte) 1);
                heap.verify();
                heap.free(address);
            }
            calls.stopFailing();
            long address = heap.malloc(byteSize);
            assertThat(ChunkMap.record(address) != 0).as("in an extent").isEqualTo(!mappingsAreRefused);
            heap.free(address);
        }
    }

    /// For which an extent's bit maps would be as large as a small Java heap.
    @ParameterizedTest
    @ValueSource(longs = {(1L << 32) + 1, 1L << 36, 1L << 39})
    void whatTheKernelDoesNotPromiseNoExtentIsMadeFor(long byteSize) {
        try (Heap heap = heap()) {
            refuse(true);
            assertThat(heap.tryMalloc(byteSize)).isZero();
            assertThat(heap.tryCalloc(1, byteSize)).isZero();
            assertThat(heap.tryRealloc(heap.malloc(100), byteSize)).isZero();
            assertThatThrownBy(() -> heap.malloc(byteSize))
                    .isInstanceOf(OutOfNativeMemoryError.class)
                    .hasMessageContaining("ENOMEM");
            assertThat(heap.statistics().reservedBytes()).isLessThan(1L << 32);
            long smaller = heap.malloc(THRESHOLD);
            heap.free(smaller);
            heap.verify();
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void soDoesWhatAnArenaStandsOn(boolean mappingsAreRefused) {
        try (Heap heap = heap()) {
            long byteSize = mappingsAreRefused ? THRESHOLD + 1 : THRESHOLD - (1 << 20);
            refuse(mappingsAreRefused);
            for (int round = 0; round < 3; round++) {
                try (Arena arena = heap.ofConfined()) {
                    long address = arena.allocate(byteSize).address();
                    assertThat(ChunkMap.record(address) != 0).as("in an extent").isEqualTo(mappingsAreRefused);
                    heap.verify();
                }
            }
            assertThat(heap.statistics().liveBytes()).isZero();
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void soDoesWhatARegionStandsOn(boolean mappingsAreRefused) {
        try (Heap heap = heap()) {
            long byteSize = mappingsAreRefused ? THRESHOLD + 1 : THRESHOLD - (1 << 20);
            refuse(mappingsAreRefused);
            for (int round = 0; round < 3; round++) {
                try (Region region = Region.ofHeap(heap, byteSize)) {
                    long address = region.allocate(byteSize / 2, 8).address();
                    assertThat(ChunkMap.record(address) != 0).as("in an extent").isEqualTo(mappingsAreRefused);
                    heap.verify();
                }
            }
            assertThat(heap.statistics().liveBytes()).isZero();
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aBlockThatNeitherHasIsRefusedOnceAndLeavesNothing(boolean withArena) {
        try (Heap heap = heap()) {
            calls.failFrom(text -> text.startsWith("mmap(0x0, ") || text.startsWith("mprotect("), 1, Errno.ENOMEM);
            for (long byteSize : new long[] {THRESHOLD - 1, THRESHOLD + 1}) {
                try (Arena arena = heap.ofConfined()) {
                    assertThatThrownBy(() -> {
                                long unused =
                                        withArena ? arena.allocate(byteSize).address() : heap.malloc(byteSize);
                            })
                            .isInstanceOf(OutOfNativeMemoryError.class)
                            .hasMessageContaining("ENOMEM");
                }
            }
            assertThat(TestHeaps.chargedBytes(heap)).isZero();
            heap.verify();
        }
    }
}
