package malloc4j.alloc;

import java.util.Arrays;
import malloc4j.Heap;
import malloc4j.internal.route.Tenants;
import malloc4j.observe.MisuseReport;
import org.jspecify.annotations.Nullable;

/// The blocks of a heap that an allocator hands out parts of: whole pages, which only this class frees. Not safe for
/// use by several threads at once.
///
/// Invariant: each of the first `count` addresses is a block that nobody else frees. Room for an address is made before
/// the block is taken, so that no error of Java loses one.
final class HeapBlocks implements Tenants.Tenant {
    private final Tenants.Kind kind;
    private final @Nullable Thread owner;
    private final Heap heap;
    private final Tenants.Chunks chunks;
    private long[] addresses = new long[4];
    private int count;

    /// @param owner the thread that has the allocator to itself, or null
    HeapBlocks(Heap heap, Tenants.Kind kind, @Nullable Thread owner) {
        this.heap = heap;
        this.kind = kind;
        this.owner = owner;
        this.chunks = Tenants.of(heap).chunks();
    }

    /// Tells the heap that the allocator stands on it: when all of the allocator is made.
    void enter() {
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
        if (count == addresses.length) {
            addresses = Arrays.copyOf(addresses, 2 * count);
        }
        long address = chunks.allocate(byteSize, byteAlignment, kind);
        addresses[count++] = address;
        return address;
    }

    /// Asks the program and the collector, because [#add] has thrown `refused`. Returns whether it is worth trying
    /// again. Without a lock held.
    boolean makeRoom(OutOfMemoryError refused, long byteSize) {
        return chunks.makeRoom(refused, byteSize);
    }

    /// Tells the heap's probe of a misused part of a block. Without a lock held.
    void misused(MisuseReport report) {
        chunks.misused(report);
    }

    void remove(long address) {
        int index = count - 1;
        while (addresses[index] != address) {
            index--;
        }
        chunks.free(address);
        addresses[index] = addresses[--count];
    }

    /// Gives all of them back, because their allocator is closed. The heap may refuse some, when somebody else has
    /// freed them: then the others are freed all the same, none is tried again, and the first refusal is thrown.
    void freeAll() {
        Tenants.of(heap).leave(this);
        @Nullable RuntimeException refused = null;
        for (; count > 0; count--) {
            try {
                chunks.free(addresses[count - 1]);
            } catch (IllegalStateException refusal) {
                refused = refused == null ? refusal : refused;
            }
        }
        if (refused != null) {
            throw refused;
        }
    }

    @Override
    public String toString() {
        return "heap '" + heap.options().name() + "'";
    }
}
