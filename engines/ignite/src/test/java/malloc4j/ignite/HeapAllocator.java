package malloc4j.ignite;

import java.io.Serializable;
import malloc4j.Heap;
import malloc4j.HeapOptions;
import org.apache.ignite.mem.MemoryAllocator;

/// What docs/engines.md gives Ignite for its data regions.
final class HeapAllocator implements MemoryAllocator, Serializable { // Ignite copies its configuration
    private static final long serialVersionUID = 1;
    private static final Heap HEAP =
            Heap.create(HeapOptions.builder().name("ignite").build());

    @Override
    public long allocateMemory(long size) {
        return HEAP.malloc(size);
    }

    @Override
    public void freeMemory(long address) {
        HEAP.free(address);
    }
}
