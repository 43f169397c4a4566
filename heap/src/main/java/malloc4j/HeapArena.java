package malloc4j;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.concurrent.locks.ReentrantLock;
import malloc4j.internal.memory.Bits;
import malloc4j.internal.memory.RawMemory;
import malloc4j.internal.os.Errno;
import org.jspecify.annotations.Nullable;

/// An arena of the JDK's contract on a heap's memory: the scope, and with it the thread rules and exceptions, is
/// that of a JDK arena which allocates nothing itself; the memory is a list of blocks of the heap, freed when that
/// arena has closed.
///
/// ```
/// pieces   1 KiB   2 KiB   4 KiB ... 32 KiB      each filled from its start; what is larger than an eighth of the next
///          |##|##| |###|-- cursor   limit        piece gets a block of its own
/// ```
///
/// Concurrency: a confined arena is checked to be used by its thread; the others allocate under a lock.
final class HeapArena implements Arena {
    private static final long FIRST_PIECE_BYTES = 1 << 10;
    private static final long LAST_PIECE_BYTES = 32 << 10;

    private final Arena scope;
    private final Blocks blocks;
    private final @Nullable Thread owner;
    private final @Nullable ReentrantLock lock;
    private final boolean closeable;
    private long cursor;
    private long limit;
    private long nextPieceBytes = FIRST_PIECE_BYTES;

    private HeapArena(Heap heap, Arena scope, @Nullable Thread owner, boolean closeable) {
        this.scope = scope;
        this.blocks = new Blocks(heap);
        this.owner = owner;
        this.lock = owner == null ? new ReentrantLock() : null;
        this.closeable = closeable;
    }

    static HeapArena ofConfined(Heap heap) {
        return new HeapArena(heap, Arena.ofConfined(), Thread.currentThread(), true);
    }

    static HeapArena ofShared(Heap heap) {
        return new HeapArena(heap, Arena.ofShared(), null, true);
    }

    static HeapArena ofAuto(Heap heap) {
        HeapArena arena = new HeapArena(heap, Arena.ofAuto(), null, false);
        Blocks blocks = arena.blocks; // not the arena: the cleanup must not keep the scope reachable
        RawMemory.onClose(arena.scope, blocks::free);
        return arena;
    }

    @Override
    public MemorySegment allocate(long byteSize, long byteAlignment) {
        if (byteSize < 0 || !Bits.isPowerOfTwo(byteAlignment)) {
            throw new IllegalArgumentException("allocate(byteSize=" + byteSize + ", byteAlignment=" + byteAlignment
                    + "): the size must be 0 or more, the alignment a power of two");
        }
        if (lock == null) {
            if (owner != Thread.currentThread()) {
                throw new WrongThreadException(
                        "allocate by " + Thread.currentThread() + ", the arena belongs to " + owner);
            }
            return allocateOwned(byteSize, byteAlignment);
        }
        lock.lock();
        try {
            return allocateOwned(byteSize, byteAlignment);
        } finally {
            lock.unlock();
        }
    }

    private MemorySegment allocateOwned(long byteSize, long byteAlignment) {
        if (!scope.scope().isAlive()) {
            throw new IllegalStateException("Already closed");
        }
        long address = Bits.alignUp(cursor, byteAlignment);
        if (cursor == 0 || byteSize > limit - address) {
            return allocateSlow(byteSize, byteAlignment);
        }
        cursor = address + byteSize;
        RawMemory.fill(address, byteSize, (byte) 0);
        return RawMemory.segment(address, byteSize, scope);
    }

    private MemorySegment allocateSlow(long byteSize, long byteAlignment) {
        if (Math.max(byteSize, byteAlignment) <= nextPieceBytes >>> 3) {
            long piece = blocks.add(blocks.heap.malloc(nextPieceBytes));
            cursor = piece;
            limit = piece + nextPieceBytes;
            nextPieceBytes = Math.min(2 * nextPieceBytes, LAST_PIECE_BYTES);
            return allocateOwned(byteSize, byteAlignment);
        }
        if (byteAlignment > Heap.MAX_BYTE_ALIGNMENT) {
            throw OutOfNativeMemoryError.of(
                    "allocate(byteSize=" + byteSize + ", byteAlignment=" + byteAlignment + ")",
                    blocks.heap.options().name(),
                    -Errno.EOVERFLOW);
        }
        long address;
        if (byteAlignment <= 16) {
            address = blocks.add(blocks.heap.calloc(1, byteSize));
        } else {
            address = blocks.add(blocks.heap.alignedAlloc(byteAlignment, byteSize));
            RawMemory.fill(address, byteSize, (byte) 0);
        }
        return RawMemory.segment(address, byteSize, scope);
    }

    @Override
    public MemorySegment.Scope scope() {
        return scope.scope();
    }

    @Override
    public void close() {
        scope.close();
        if (lock == null) {
            blocks.free();
        } else if (closeable) {
            lock.lock(); // waits for an allocation that found the scope alive
            try {
                blocks.free();
            } finally {
                lock.unlock();
            }
        }
    }

    /// The blocks of an arena.
    private static final class Blocks {
        final Heap heap;
        private long[] addresses = new long[8];
        private int count;

        Blocks(Heap heap) {
            this.heap = heap;
        }

        long add(long address) {
            if (count == addresses.length) {
                addresses = Arrays.copyOf(addresses, count * 2);
            }
            addresses[count++] = address;
            return address;
        }

        void free() {
            for (int index = 0; index < count; index++) {
                heap.free(addresses[index]);
            }
            count = 0;
        }
    }
}
