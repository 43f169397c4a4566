package malloc4j.peers;

import java.lang.foreign.MemorySegment;
import java.util.BitSet;
import malloc4j.Heap;
import org.jspecify.annotations.Nullable;

/// This project's allocator by `Heap.allocate`, each block kept as a `MemorySegment` and freed by its address. The
/// segments, some 40 bytes a block, are garbage on the Java heap once the block is freed.
final class Malloc4jSegmentAllocator implements Allocator {
    private static final long NATURAL_ALIGNMENT = 16; // what malloc gives on a 64-bit machine

    private final Heap heap;
    private @Nullable MemorySegment[] segments = new MemorySegment[0];

    Malloc4jSegmentAllocator(Heap heap) {
        this.heap = heap;
    }

    @Override
    public String version() {
        return Malloc4jAllocator.VERSION;
    }

    @Override
    public void prepare(int blockCount, BitSet crossing) {
        segments = new MemorySegment[blockCount];
    }

    @Override
    public long malloc(int id, long byteSize) {
        return memalign(id, NATURAL_ALIGNMENT, byteSize);
    }

    @Override
    public long calloc(int id, long byteSize) {
        long address = memalign(id, NATURAL_ALIGNMENT, byteSize);
        segments[id].fill((byte) 0);
        return address;
    }

    @Override
    public long memalign(int id, long byteAlignment, long byteSize) {
        MemorySegment segment = heap.allocate(byteSize, byteAlignment);
        segments[id] = segment;
        return segment.address();
    }

    @Override
    public long realloc(int id, long address, long byteSize) {
        MemorySegment old = segments[id];
        long newAddress = malloc(id, byteSize);
        MemorySegment.copy(old, 0, segments[id], 0, Math.min(old.byteSize(), byteSize));
        heap.free(old.address());
        return newAddress;
    }

    @Override
    public void free(int id, long address) {
        MemorySegment segment = segments[id];
        segments[id] = null;
        heap.free(segment.address());
    }

    @Override
    public boolean trim() {
        heap.trim(0);
        return true;
    }
}
