package malloc4j.netty;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.CompositeByteBuf;
import io.netty.util.IllegalReferenceCountException;
import io.netty.util.ResourceLeakDetector;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import malloc4j.BlockMisuseException;
import malloc4j.Heap;
import malloc4j.HeapOptions;
import malloc4j.OutOfNativeMemoryError;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/// What Netty's own tests do not ask: whose memory it is, and what happens where there is none.
class BuffersTest {
    private static final int KIB = 1 << 10;
    private static final int MIB = 1 << 20;

    private final Heap heap = Heap.create(
            HeapOptions.builder().name("buffers").hardLimitBytes(64L * MIB).build());
    private final Malloc4jByteBufAllocator allocator = new Malloc4jByteBufAllocator(heap);

    @AfterEach
    void closeHeap() {
        heap.close();
    }

    private long liveBlocks() {
        return heap.statistics().liveBlocks();
    }

    @Test
    void aDirectBufferIsOneBlockUntilItsLastRelease() {
        for (int capacity : new int[] {0, 1, 64, 100 * KIB, 33 * MIB}) {
            ByteBuf buffer = allocator.directBuffer(capacity, Integer.MAX_VALUE);
            assertThat(buffer.capacity()).isEqualTo(capacity);
            assertThat(heap.usableSize(buffer.memoryAddress())).isGreaterThanOrEqualTo(capacity);
            assertThat(allocator.metric().usedDirectMemory()).isEqualTo(capacity);
            ByteBuf slice = buffer.retainedSlice();
            assertThat(buffer.release()).isFalse();
            assertThat(liveBlocks()).isEqualTo(1);
            assertThat(slice.release()).isTrue();
            assertThat(liveBlocks()).isZero();
            assertThat(allocator.metric().usedDirectMemory()).isZero();
        }
    }

    @Test
    void growingWhereThereIsRoomLeavesTheBlockInPlace() {
        ByteBuf buffer = allocator.directBuffer(100 * KIB);
        long address = buffer.memoryAddress();
        buffer.writeZero(100 * KIB).setLong(0, 42);
        buffer.capacity(200 * KIB);
        assertThat(buffer.memoryAddress()).isEqualTo(address);
        assertThat(buffer.getLong(0)).isEqualTo(42);
        assertThat(allocator.metric().usedDirectMemory()).isEqualTo(200 * KIB);
        buffer.capacity(4);
        assertThat(buffer.writerIndex()).isEqualTo(4);
        assertThat(allocator.metric().usedDirectMemory()).isEqualTo(4);
        assertThatThrownBy(() -> buffer.getLong(0)).isInstanceOf(IndexOutOfBoundsException.class);
        buffer.release();
        assertThat(liveBlocks()).isZero();
    }

    @Test
    void growingByteByByteKeepsEveryByte() {
        ByteBuf buffer = allocator.directBuffer(0);
        for (int index = 0; index < 300 * KIB; index++) {
            buffer.writeByte(index * 31);
        }
        for (int index = 0; index < 300 * KIB; index++) {
            assertThat(buffer.getByte(index)).isEqualTo((byte) (index * 31));
        }
        assertThat(liveBlocks()).isEqualTo(1);
        buffer.release();
    }

    @Test
    void buffersAreDirectWhereNoKindIsAskedFor() {
        for (ByteBuf buffer : List.of(
                allocator.buffer(),
                allocator.buffer(1),
                allocator.buffer(1, 2),
                allocator.ioBuffer(),
                allocator.ioBuffer(1),
                allocator.ioBuffer(1, 2))) {
            assertThat(buffer.isDirect()).isTrue();
            buffer.release();
        }
        assertThat(allocator.isDirectBufferPooled()).isTrue();
        CompositeByteBuf composite = allocator.compositeBuffer().capacity(10);
        assertThat(liveBlocks()).isEqualTo(1);
        composite.release();

        var arrays = new Malloc4jByteBufAllocator(heap, false);
        ByteBuf array = arrays.buffer(1);
        assertThat(array.hasArray()).isTrue();
        array.release();
        assertThat(arrays).hasToString("Malloc4jByteBufAllocator(heap: buffers, directByDefault: false)");
    }

    @Test
    void aFullHeapRefusesAndLeavesTheBufferAsItWas() {
        ByteBuf buffer = allocator.directBuffer(8).writeLong(42);
        assertThatThrownBy(() -> allocator.directBuffer(65 * MIB))
                .isInstanceOf(OutOfMemoryError.class)
                .isInstanceOf(OutOfNativeMemoryError.class)
                .hasMessageContaining("malloc(byteSize=68157440)")
                .hasMessageContaining("buffers");
        assertThatThrownBy(() -> buffer.capacity(65 * MIB)).isInstanceOf(OutOfNativeMemoryError.class);
        assertThat(buffer.capacity()).isEqualTo(8);
        assertThat(buffer.readLong()).isEqualTo(42);
        assertThat(allocator.metric().usedDirectMemory()).isEqualTo(8);
        buffer.capacity(MIB);
        buffer.release();
        assertThat(liveBlocks()).isZero();
    }

    @Test
    void aSecondReleaseIsRefusedByTheCount() {
        ByteBuf buffer = allocator.directBuffer(8);
        buffer.release();
        ByteBuf other = allocator.directBuffer(8);
        assertThatThrownBy(buffer::release).isInstanceOf(IllegalReferenceCountException.class);
        assertThatThrownBy(() -> buffer.getByte(0)).isInstanceOf(IllegalReferenceCountException.class);
        assertThatThrownBy(() -> buffer.capacity(16)).isInstanceOf(IllegalReferenceCountException.class);
        assertThat(other.refCnt()).isEqualTo(1);
        assertThat(liveBlocks()).isEqualTo(1);
        other.release();
    }

    @Test
    void buffersOfAClosedHeapThrow() {
        Heap own = Heap.create(HeapOptions.builder().name("gone").build());
        var buffers = new Malloc4jByteBufAllocator(own);
        ByteBuf used = buffers.directBuffer(8).writeLong(1);
        ByteBuffer view = used.nioBuffer();
        ByteBuf unused = buffers.directBuffer(8);
        own.close();
        assertThatThrownBy(() -> buffers.directBuffer(8))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("heap 'gone': the heap is closed");
        assertThatThrownBy(used::readLong).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> view.get(0)).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> unused.setLong(0, 1))
                .isInstanceOf(BlockMisuseException.class)
                .hasMessageContaining("the heap is closed");
        assertThatThrownBy(used::release)
                .isInstanceOf(BlockMisuseException.class)
                .hasMessageContaining("the heap is closed");
        assertThatThrownBy(unused::release).isInstanceOf(BlockMisuseException.class);
        assertThat(used.refCnt()).isZero();
        assertThat(buffers.metric().usedDirectMemory()).isZero();
    }

    @Test
    void theLeakDetectorWatches() {
        ResourceLeakDetector.Level level = ResourceLeakDetector.getLevel();
        ResourceLeakDetector.setLevel(ResourceLeakDetector.Level.PARANOID);
        try {
            ByteBuf buffer = allocator.directBuffer(8);
            assertThat(buffer.getClass().getSimpleName()).isEqualTo("AdvancedLeakAwareByteBuf");
            assertThat(buffer.unwrap()).isInstanceOf(Malloc4jByteBuf.class);
            buffer.release();
        } finally {
            ResourceLeakDetector.setLevel(level);
        }
        assertThat(liveBlocks()).isZero();
    }

    @Test
    void bytesAreCountedWhoeverTakesAndGivesThem() throws InterruptedException {
        var onTheWay = new ConcurrentLinkedQueue<ByteBuf>();
        List<Thread> threads = new ArrayList<>();
        for (int number = 0; number < 600; number++) { // more than rows
            Thread.Builder builder = number % 3 == 0 ? Thread.ofVirtual() : Thread.ofPlatform();
            threads.add(builder.start(() -> {
                for (int count = 0; count < 50; count++) {
                    onTheWay.add(allocator.directBuffer(100));
                    if (count % 2 == 0) {
                        onTheWay.remove().release();
                    }
                }
            }));
        }
        for (Thread thread : threads) {
            thread.join();
        }
        assertThat(onTheWay).hasSize(600 * 25);
        assertThat(allocator.metric().usedDirectMemory()).isEqualTo(600 * 25 * 100);
        onTheWay.forEach(ByteBuf::release);
        assertThat(allocator.metric().usedDirectMemory()).isZero();
        assertThat(liveBlocks()).isZero();
    }

    @Test
    void arraysAreCounted() {
        ByteBuf array = allocator.heapBuffer(100);
        array.capacity(200);
        assertThat(allocator.metric().usedHeapMemory()).isEqualTo(200);
        array.release();
        assertThat(allocator.metric().usedHeapMemory()).isZero();
        assertThat(liveBlocks()).isZero();
    }
}
