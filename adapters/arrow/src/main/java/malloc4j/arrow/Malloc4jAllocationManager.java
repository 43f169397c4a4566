package malloc4j.arrow;

import java.util.concurrent.atomic.AtomicBoolean;
import malloc4j.Heap;
import malloc4j.OutOfNativeMemoryError;
import org.apache.arrow.memory.AllocationManager;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.ReferenceManager;
import org.jspecify.annotations.Nullable;

/// A buffer of Arrow's that is a block of a heap. Arrow makes one for each buffer, by a factory that its root was
/// given:
///
/// ```java
/// new RootAllocator(RootAllocator.configBuilder()
///         .allocationManagerFactory(Malloc4jAllocationManager.FACTORY)
///         .build())
/// ```
///
/// Children of a root have its factory. A request that the heap refuses is an
/// [org.apache.arrow.memory.OutOfMemoryException], as one is that Arrow's own limit refuses: Arrow then has counted
/// nothing, and the allocator can be used and closed as before. The heap's error, which says which limit was met, is
/// its cause.
///
/// A heap must not be closed before the buffers that are on it. Their memory is gone then, and reading it may end the
/// JVM; closing them is safe, and a line in the log tells of it.
///
/// @since 0.1.0
public final class Malloc4jAllocationManager extends AllocationManager {
    /// Makes buffers of the common heap, which is made when the first of them is.
    public static final AllocationManager.Factory FACTORY;

    static {
        ArrowVersion.requireUsable();
        FACTORY = new HeapFactory(null);
    }

    private final HeapFactory factory;
    private final Heap heap;
    private final long address;
    private final long byteSize;

    /// @param address a block of `heap`, which is freed if this throws
    private Malloc4jAllocationManager(
            BufferAllocator allocator, HeapFactory factory, Heap heap, long address, long byteSize) {
        this.factory = factory;
        this.heap = heap;
        this.address = address;
        this.byteSize = byteSize;
        super(allocator);
    }

    /// A factory of buffers of one heap, for any number of roots.
    public static AllocationManager.Factory factory(Heap heap) {
        return new HeapFactory(heap);
    }

    /// What Arrow has asked for, and counts; the heap may have rounded it up.
    @Override
    public long getSize() {
        return byteSize;
    }

    @Override
    protected long memoryAddress() {
        return address;
    }

    /// Arrow has counted the buffer as released before: whoever closes many should not be kept from the others where
    /// the heap is gone, and the memory with it.
    @Override
    protected void release0() {
        try {
            heap.free(address);
        } catch (IllegalStateException failed) {
            if (Heap.all().contains(heap)) {
                throw failed;
            }
            factory.tellOfClosed(heap);
        }
    }

    /// Makes the managers of one heap's buffers.
    private static final class HeapFactory implements AllocationManager.Factory {
        private final @Nullable Heap heap; // null for the common one
        private final AtomicBoolean isClosedTold = new AtomicBoolean();

        HeapFactory(@Nullable Heap heap) {
            this.heap = heap;
        }

        /// The block comes first: Arrow's constructor enters the manager into its books, and a failed `malloc` after
        /// it would leave it there for good.
        @Override
        public AllocationManager create(BufferAllocator allocator, long byteSize) {
            Heap used = heap == null ? Heap.common() : heap;
            long address = allocate(used, allocator, byteSize);
            try {
                return new Malloc4jAllocationManager(allocator, this, used, address, byteSize);
            } catch (Throwable failed) {
                used.free(address);
                throw failed;
            }
        }

        private static long allocate(Heap heap, BufferAllocator allocator, long byteSize) {
            try {
                return heap.malloc(byteSize);
            } catch (OutOfNativeMemoryError refused) {
                throw new RefusedException(allocator, byteSize, refused);
            }
        }

        /// Of no bytes, and of no heap: Arrow asks for it once for each root, and never frees it.
        @Override
        public ArrowBuf empty() {
            return new ArrowBuf(ReferenceManager.NO_OP, null, 0, 0);
        }

        void tellOfClosed(Heap closed) {
            if (isClosedTold.compareAndSet(false, true)) {
                System.getLogger("malloc4j")
                        .log(
                                System.Logger.Level.ERROR,
                                "heap ''{0}'' was closed before Arrow buffers on it: close allocators before their heap",
                                closed.options().name());
            }
        }

        @Override
        public String toString() {
            return "Malloc4jAllocationManager.Factory[" + (heap == null ? "the common heap" : heap) + "]";
        }
    }
}
