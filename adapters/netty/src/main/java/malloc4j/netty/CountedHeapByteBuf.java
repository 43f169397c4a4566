package malloc4j.netty;

import io.netty.buffer.UnpooledHeapByteBuf;

/// A buffer that is an array of the Java heap, as Netty's unpooled ones, counted.
final class CountedHeapByteBuf extends UnpooledHeapByteBuf {
    CountedHeapByteBuf(Malloc4jByteBufAllocator alloc, int initialCapacity, int maxCapacity) {
        super(alloc, initialCapacity, maxCapacity);
    }

    private BufferCounts counts() {
        return ((Malloc4jByteBufAllocator) alloc()).counts();
    }

    @Override
    protected byte[] allocateArray(int initialCapacity) {
        byte[] array = super.allocateArray(initialCapacity);
        counts().addHeap(array.length);
        return array;
    }

    @Override
    protected void freeArray(byte[] array) {
        counts().addHeap(-array.length);
        super.freeArray(array);
    }
}
