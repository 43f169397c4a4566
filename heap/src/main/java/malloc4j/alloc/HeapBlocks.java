package malloc4j.alloc;

import java.util.ArrayList;
import java.util.List;
import malloc4j.Heap;
import org.jspecify.annotations.Nullable;

/// The blocks of a heap that an allocator hands out parts of. Not safe for use by several threads at once.
final class HeapBlocks {
    private final Heap heap;
    private final List<Long> addresses = new ArrayList<>();

    HeapBlocks(Heap heap) {
        this.heap = heap;
    }

    /// Allocates a block; when the heap refuses, nothing has changed.
    long add(long byteSize, long byteAlignment) {
        long address = heap.alignedAlloc(byteAlignment, byteSize);
        addresses.add(address);
        return address;
    }

    void remove(long address) {
        heap.free(address);
        addresses.remove(address);
    }

    /// Gives all of them back. The heap may refuse some, for instance because it has been closed before: then the
    /// others are freed all the same, none is tried again, and the first refusal is thrown.
    void freeAll() {
        @Nullable RuntimeException refused = null;
        for (long address : addresses) {
            try {
                heap.free(address);
            } catch (IllegalStateException refusal) {
                refused = refused == null ? refusal : refused;
            }
        }
        addresses.clear();
        if (refused != null) {
            throw refused;
        }
    }

    @Override
    public String toString() {
        return "heap '" + heap.options().name() + "'";
    }
}
