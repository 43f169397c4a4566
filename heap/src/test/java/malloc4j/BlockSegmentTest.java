package malloc4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// A block as a segment, whatever was done with it: what an adapter builds its buffers on.
class BlockSegmentTest {
    private final Heap heap = Heap.create(
            HeapOptions.builder().name("segments").mmapThresholdBytes(1 << 20).build());

    @AfterEach
    void closeHeap() {
        heap.verify();
        assertThat(heap.statistics().liveBlocks()).isZero();
        heap.close();
    }

    @ParameterizedTest
    @ValueSource(longs = {16, 1_000, 40_000, 500_000, 3 << 20})
    void aBlockIsASegmentOfAllThatMayBeUsed(long byteSize) {
        long address = heap.malloc(byteSize);
        MemorySegment segment = heap.segment(address);
        assertThat(segment.address()).isEqualTo(address);
        assertThat(segment.byteSize()).isEqualTo(heap.usableSize(address)).isGreaterThanOrEqualTo(byteSize);
        segment.fill((byte) 1);
        heap.free(segment);
    }

    @ParameterizedTest
    @ValueSource(longs = {16, 1_000, 40_000, 500_000, 3 << 20})
    void aResizedBlockIsASegmentOfItsNewSize(long byteSize) {
        MemorySegment first = heap.allocate(byteSize, 16);
        first.set(ValueLayout.JAVA_LONG, 0, 42);
        long address = first.address();
        for (long next : new long[] {Math.max(16, byteSize / 2), byteSize, 3 * byteSize, 16}) {
            if (heap.resizeInPlace(address, next)) {
                assertThat(heap.segment(address).byteSize()).isGreaterThanOrEqualTo(next);
                assertThat(heap.segment(address).byteSize()).isEqualTo(heap.usableSize(address));
            } else {
                long old = address;
                address = heap.realloc(address, next);
                assertGoneUnlessThere(old, address);
            }
            MemorySegment now = heap.segment(address);
            assertThat(now.get(ValueLayout.JAVA_LONG, 0)).isEqualTo(42);
            now.set(ValueLayout.JAVA_BYTE, next - 1, (byte) 1);
        }
        heap.free(heap.segment(address));
    }

    private void assertGoneUnlessThere(long old, long now) {
        if (old != now) {
            assertThatThrownBy(() -> heap.segment(old)).isInstanceOf(BlockMisuseException.class);
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {0, 16, 1_000, 40_000, 500_000, 3 << 20})
    void aReallocatedSegmentHasTheNewSizeExactly(long byteSize) {
        MemorySegment segment = heap.allocate(byteSize, 16);
        for (long next : new long[] {byteSize + 100, 5 << 20, 10, 0}) {
            segment = heap.realloc(segment, next);
            assertThat(segment.byteSize()).isEqualTo(next);
            assertThat(heap.segment(segment.address()).scope()).isEqualTo(segment.scope());
            segment.fill((byte) 3);
        }
        heap.free(segment);
    }
}
