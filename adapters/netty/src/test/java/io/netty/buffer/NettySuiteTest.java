package io.netty.buffer;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.util.ResourceLeakTracker;
import java.util.concurrent.atomic.AtomicLong;
import malloc4j.Heap;
import malloc4j.HeapOptions;
import malloc4j.netty.Malloc4jByteBufAllocator;
import malloc4j.observe.HeapStatistics;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Disabled;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;

/// Netty's own tests of buffers and allocators, on a heap. In Netty's package, for they use what others cannot see.
class NettySuiteTest {
    private static final Heap HEAP =
            Heap.create(HeapOptions.builder().name("suite").build());
    private static final Malloc4jByteBufAllocator ALLOCATOR = new Malloc4jByteBufAllocator(HEAP);

    /// Netty's tests that leave buffers live, with Netty's own allocators too, and how many.
    private static final long LEFT_LIVE = 25;

    private static final AtomicLong MADE = new AtomicLong();

    private static ByteBuf direct(int capacity, int maxCapacity) {
        ByteBuf buffer = ALLOCATOR.directBuffer(capacity, maxCapacity);
        if (buffer instanceof SimpleLeakAwareByteBuf) { // now and then; the tests look into what they make
            buffer.release();
            return direct(capacity, maxCapacity);
        }
        assertThat(HEAP.usableSize(buffer.memoryAddress())).isGreaterThanOrEqualTo(capacity);
        MADE.incrementAndGet();
        return buffer;
    }

    /// A buffer in place of an empty array of Netty's.
    private static ByteBuf insteadOf(ByteBuf array) {
        ByteBuf buffer = direct(array.capacity(), array.maxCapacity());
        array.release();
        return buffer;
    }

    /// What a leak-aware buffer of Netty's tests wraps: one of this heap, unless the tracker knows the other one
    /// already, or something was written to it.
    private static ByteBuf watched(ByteBuf buffer, ResourceLeakTracker<ByteBuf> tracker) {
        boolean isNew = tracker instanceof NoopResourceLeakTracker && buffer instanceof UnpooledHeapByteBuf;
        return isNew ? insteadOf(buffer) : buffer;
    }

    @AfterAll
    static void theBuffersCameFromTheHeap() {
        HeapStatistics statistics = HEAP.statistics();
        assertThat(MADE.get()).isGreaterThan(50_000);
        assertThat(statistics.allocatedBlocks()).isGreaterThanOrEqualTo(MADE.get());
        assertThat(statistics.liveBlocks()).isLessThanOrEqualTo(LEFT_LIVE);
        HEAP.verify();
        HEAP.close();
    }

    @Nested
    class BigEndian extends BigEndianDirectByteBufTest {
        @Override
        protected ByteBuf newDirectBuffer(int length, int maxCapacity) {
            return direct(length, maxCapacity);
        }
    }

    @Nested
    class LittleEndian extends LittleEndianDirectByteBufTest {
        @Override
        protected ByteBuf newDirectBuffer(int length, int maxCapacity) {
            return direct(length, maxCapacity);
        }
    }

    @Nested
    class Duplicated extends DuplicatedByteBufTest {
        @Override
        @SuppressWarnings("deprecation")
        protected ByteBuf newBuffer(int length, int maxCapacity) {
            return new DuplicatedByteBuf(direct(length, maxCapacity));
        }
    }

    @Nested
    class RetainedDuplicated extends DuplicatedByteBufTest {
        @Override
        protected ByteBuf newBuffer(int length, int maxCapacity) {
            ByteBuf whole = direct(length, maxCapacity);
            ByteBuf buffer = whole.retainedDuplicate();
            whole.release();
            return buffer;
        }
    }

    @Nested
    class Sliced extends SlicedByteBufTest {
        @Override
        protected ByteBuf newSlice(ByteBuf array, int offset, int length) {
            return insteadOf(array).slice(offset, length);
        }
    }

    @Nested
    class RetainedSliced extends SlicedByteBufTest {
        @Override
        protected ByteBuf newSlice(ByteBuf array, int offset, int length) {
            ByteBuf whole = insteadOf(array);
            ByteBuf slice = whole.retainedSlice(offset, length);
            whole.release();
            return slice;
        }
    }

    @Nested
    class SimpleLeakAware extends SimpleLeakAwareByteBufTest {
        @Override
        protected SimpleLeakAwareByteBuf wrap(ByteBuf buffer, ResourceLeakTracker<ByteBuf> tracker) {
            return new SimpleLeakAwareByteBuf(watched(buffer, tracker), tracker);
        }
    }

    @Nested
    class AdvancedLeakAware extends AdvancedLeakAwareByteBufTest {
        @Override
        protected SimpleLeakAwareByteBuf wrap(ByteBuf buffer, ResourceLeakTracker<ByteBuf> tracker) {
            return new AdvancedLeakAwareByteBuf(watched(buffer, tracker), tracker);
        }
    }

    @Nested
    class Composite extends BigEndianCompositeByteBufTest {
        @Override
        protected ByteBuf newBuffer(int length, int maxCapacity) {
            Assumptions.assumeTrue(maxCapacity == Integer.MAX_VALUE); // as Netty's
            CompositeByteBuf buffer = ALLOCATOR.compositeDirectBuffer(Integer.MAX_VALUE);
            for (int partLength = 1; buffer.capacity() < length; partLength = partLength % 199 + 3) {
                buffer.addComponent(true, direct(0, partLength));
                buffer.addComponent(true, direct(partLength, partLength).writeZero(partLength));
            }
            return buffer.capacity(length).setIndex(0, 0);
        }

        @Override
        protected CompositeByteBuf newCompositeBuffer() {
            return ALLOCATOR.compositeDirectBuffer();
        }
    }

    @Nested
    class Allocator extends AbstractByteBufAllocatorTest<Malloc4jByteBufAllocator> {
        @Override
        protected Malloc4jByteBufAllocator newAllocator(boolean preferDirect) {
            return new Malloc4jByteBufAllocator(HEAP, preferDirect);
        }

        @Override
        protected Malloc4jByteBufAllocator newUnpooledAllocator() {
            return newAllocator(false);
        }

        @Override
        protected boolean isDirectExpected(boolean preferDirect) {
            return preferDirect;
        }

        /// Netty's asks for its own classes.
        @Test
        @Override
        public void testUnsafeHeapBufferAndUnsafeDirectBuffer() {
            ByteBuf direct = ALLOCATOR.directBuffer();
            assertThat(direct.getClass().getSimpleName()).isEqualTo("Malloc4jByteBuf");
            direct.release();
            ByteBuf array = ALLOCATOR.heapBuffer();
            assertThat(array).isInstanceOf(UnpooledHeapByteBuf.class);
            array.release();
        }

        @Test
        @Override
        @Disabled("arrays are not pooled: disabled for Netty's unpooled allocator too")
        public void shouldReuseChunks() {}
    }
}
