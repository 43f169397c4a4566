package malloc4j.peers;

import malloc4j.Heap;

/// Several heaps of this project's, each block in the heap that its ID chooses.
public final class HeapsAllocator implements Allocator {
    private final Heap[] heaps;

    /// A block's heap is that of the remainder of its ID.
    public HeapsAllocator(Heap... heaps) {
        this.heaps = heaps.clone();
    }

    @Override
    public String version() {
        return Malloc4jAllocator.VERSION;
    }

    @Override
    public long malloc(int id, long byteSize) {
        return of(id).malloc(byteSize);
    }

    @Override
    public long calloc(int id, long byteSize) {
        return of(id).calloc(1, byteSize);
    }

    @Override
    public long memalign(int id, long byteAlignment, long byteSize) {
        return of(id).alignedAlloc(byteAlignment, byteSize);
    }

    @Override
    public long realloc(int id, long address, long byteSize) {
        return of(id).realloc(address, byteSize);
    }

    @Override
    public void free(int id, long address) {
        of(id).free(address);
    }

    @Override
    public boolean trim() {
        boolean any = false;
        for (Heap heap : heaps) {
            any |= heap.trim(0);
        }
        return any;
    }

    private Heap of(int id) {
        Heap[] all = heaps;
        return all[id % all.length];
    }
}
