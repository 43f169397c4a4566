package malloc4j.alloc;

import java.util.ArrayList;
import java.util.List;
import malloc4j.Heap;
import malloc4j.internal.route.Tenants;
import org.jspecify.annotations.Nullable;

/// The blocks of a heap that an allocator hands out parts of: whole pages, which only this class frees. Not safe for
/// use by several threads at once.
final class HeapBlocks implements Tenants.Tenant {
    private final Tenants.Kind kind;
    private final @Nullable Thread owner;
    private final Heap heap;
    private final Tenants.Chunks chunks;
    private final List<Long> addresses = new ArrayList<>();

    /// @param owner the thread that has the allocator to itself, or null
    HeapBlocks(Heap heap, Tenants.Kind kind, @Nullable Thread owner) {
        this.heap = heap;
        this.kind = kind;
        this.owner = owner;
        this.chunks = Tenants.of(heap).chunks();
        Tenants.of(heap).enter(this);
    }

    @Override
    public Tenants.Kind kind() {
        return kind;
    }

    @Override
    public @Nullable Thread owner() {
        return owner;
    }

    /// Allocates a block; when the heap refuses, nothing has changed. It asks nobody else for room: a lock may be held.
    long add(long byteSize, long byteAlignment) {
        long address = chunks.allocate(byteSize, byteAlignment, "a " + kind);
        try {
            addresses.add(address);
        } catch (OutOfMemoryError fullJavaHeap) {
            chunks.free(address);
            throw fullJavaHeap;
        }
        return address;
    }

    /// Asks the program and the collector, because [#add] has thrown `refused`. Returns whether it is worth trying
    /// again. Without a lock held.
    boolean makeRoom(OutOfMemoryError refused, long byteSize) {
        return chunks.makeRoom(refused, byteSize);
    }

    void remove(long address) {
        chunks.free(address);
        addresses.remove(address);
    }

    /// Gives all of them back, because their allocator is closed. The heap may refuse some, when somebody else has
    /// freed them: then the others are freed all the same, none is tried again, and the first refusal is thrown.
    void freeAll() {
        Tenants.of(heap).leave(this);
        @Nullable RuntimeException refused = null;
        for (long address : addresses) {
            try {
                chunks.free(address);
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
