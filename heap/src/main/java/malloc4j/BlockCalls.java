package malloc4j;

import java.util.List;
import malloc4j.internal.cache.CacheTable;
import malloc4j.internal.cache.Sampling;
import malloc4j.internal.cache.ThreadCache;
import malloc4j.internal.cache.ThreadTable;
import malloc4j.internal.memory.Bits;
import malloc4j.internal.memory.StackProbe;
import malloc4j.internal.os.Errno;
import malloc4j.internal.route.Misuse;
import malloc4j.internal.route.Route;
import malloc4j.internal.route.Tenants;
import malloc4j.internal.slab.SizeClasses;
import malloc4j.observe.MisuseReport.Finding;
import org.jspecify.annotations.Nullable;

/// What a heap's blocks are asked for, answered as the levels below answer: an address, or minus errno. [Heap] makes
/// exceptions of that, and [CFamily] `errno`.
///
/// ```
///   Heap:    malloc, free ...   exceptions  \                /---> CacheTable, ThreadCache    what is at hand
///   CFamily: malloc, free ...   errno        > BlockCalls --<----> Route                      all else
///   arenas, pools, regions, stacks          /                \---> HeapLimits                 the soft limit
/// ```
///
/// Where something must see every call, each goes on to a [CallHook], which does it by another object of this class.
/// What [CacheTable] has at hand is none of its business: so the fields that lead there lead to nothing then.
///
/// Of a block that is given, 0 says that no live block of the heap begins there, and nothing has changed. After the
/// heap was closed a request that is right in itself is answered by `EBADF`, and no block is live.
final class BlockCalls {
    private static final int MAX_SMALL_BYTES = SizeClasses.MAX_SMALL_BYTES;

    private final CacheTable table;
    private final char rowMask; // of the table, as the next two: not the table itself, which the JIT would have to load
    private long rows;
    private ThreadTable<ThreadCache> displaced;
    private final Route route;
    private final HeapLimits limits;
    private volatile boolean closed;
    private volatile @Nullable CallHook hook;

    BlockCalls(CacheTable table, Route route, HeapLimits limits) {
        this.table = table;
        this.rows = table.rows();
        this.rowMask = table.rowMask();
        this.displaced = table.displaced();
        this.route = route;
        this.limits = limits;
    }

    /// Has every call go on to somebody from now on, or none.
    ///
    /// @param calls does them, null for the latter
    /// @param atHand what is taken from in place of the table: nothing, or the table again
    void hook(@Nullable CallHook calls, CacheTable atHand) {
        hook = calls;
        rows = atHand.rows();
        displaced = atHand.displaced();
    }

    /// Refuses everything from now on.
    void close() {
        closed = true;
    }

    boolean isClosed() {
        return closed;
    }

    long malloc(long byteSize) {
        long address = CacheTable.allocateBlock(rows, rowMask, displaced, byteSize);
        return address >= 0 ? address : mallocSlow(byteSize);
    }

    /// As [#malloc], for what [CacheTable#allocateBlock] has not at hand.
    long mallocSlow(long byteSize) {
        CallHook hooked = hook;
        if (hooked != null) {
            return hooked.malloc(byteSize);
        }
        if (byteSize > MAX_SMALL_BYTES) {
            long address = route.isHuge(byteSize) ? 0 : table.takeStocked(byteSize);
            if (address <= 0) {
                return allocate(byteSize, SizeClasses.QUANTUM_BYTES);
            }
            limits.noticeSoftLimit();
            return address;
        }
        ThreadCache cache = table.current();
        if (cache != null && byteSize >= 0) {
            StackProbe.requireForCall();
            long address = cache.allocateBlock(SizeClasses.of(byteSize));
            if (address > 0) {
                limits.noticeSoftLimit();
                return address;
            }
            if (Sampling.isDue(address)) {
                address = route.allocateSample(byteSize, address);
                if (address > 0) {
                    return noticed(address);
                }
            }
        }
        return allocate(byteSize, SizeClasses.QUANTUM_BYTES);
    }

    private long allocate(long byteSize, long byteAlignment) {
        return noticed(closed ? -Errno.EBADF : route.allocate(byteSize, byteAlignment));
    }

    private long noticed(long result) {
        limits.noticeSoftLimit();
        return result;
    }

    long calloc(long count, long byteSize) {
        if (count < 0 || byteSize < 0) {
            return -Errno.EINVAL;
        }
        long bytes = count * byteSize;
        return Math.multiplyHigh(count, byteSize) != 0 || bytes < 0
                ? -Errno.EOVERFLOW
                : zeroed(bytes, SizeClasses.QUANTUM_BYTES);
    }

    /// A block that is zero.
    ///
    /// @param byteAlignment a power of two
    long zeroed(long byteSize, long byteAlignment) {
        CallHook hooked = hook;
        if (hooked != null) {
            return hooked.zeroed(byteSize, byteAlignment);
        }
        if (byteSize <= MAX_SMALL_BYTES && byteAlignment <= SizeClasses.QUANTUM_BYTES) {
            long address = malloc(byteSize);
            return address > 0 ? route.zeroed(address, byteSize) : address;
        }
        return noticed(closed ? -Errno.EBADF : route.allocateZeroed(byteSize, byteAlignment));
    }

    long alignedAlloc(long byteAlignment, long byteSize) {
        if (!Bits.isPowerOfTwo(byteAlignment)) {
            return -Errno.EINVAL;
        }
        if (byteAlignment <= SizeClasses.QUANTUM_BYTES) {
            return malloc(byteSize);
        }
        CallHook hooked = hook;
        return hooked != null ? hooked.aligned(byteSize, byteAlignment) : allocate(byteSize, byteAlignment);
    }

    /// Frees a block. Returns as [#freeSlow].
    long free(long address) {
        CallHook hooked = hook;
        if (hooked != null) {
            return hooked.free(address);
        }
        return closed ? 0 : route.free(address);
    }

    /// Frees a block that [CacheTable#freeBlock] has refused. Returns a positive number, 0, or minus errno, and then it
    /// lives on.
    long freeSlow(long address) {
        CallHook hooked = hook;
        if (hooked != null) {
            return hooked.free(address);
        }
        return closed ? 0 : route.freeSlow(address);
    }

    /// Changes a block's size; address 0 is [#malloc]. Returns the address now, 0, or minus errno, and then it is as it
    /// was.
    long realloc(long address, long byteSize) {
        if (address == 0) {
            return malloc(byteSize);
        }
        CallHook hooked = hook;
        if (hooked != null) {
            return hooked.realloc(address, byteSize);
        }
        long moved = closed ? 0 : route.resize(address, byteSize);
        return moved == 0 ? 0 : noticed(moved);
    }

    /// Changes the size of a live block where it is. Returns a positive number if it has room for `byteSize` bytes now.
    long resizeInPlace(long address, long byteSize) {
        CallHook hooked = hook;
        return hooked != null ? hooked.resizeInPlace(address, byteSize) : route.resizeInPlace(address, byteSize);
    }

    /// How many bytes of a block may be used, or 0.
    long usableSize(long address) {
        CallHook hooked = hook;
        if (hooked != null) {
            return hooked.usableSize(address);
        }
        return closed ? 0 : route.byteSize(address);
    }

    /// What is wrong with an address at which no live block begins.
    Misuse explain(long address) {
        CallHook hooked = hook;
        if (hooked != null && !closed) {
            return hooked.explain(address);
        }
        return closed
                ? new Misuse(Finding.CLOSED, "the heap is closed, and its blocks with it", null, List.of())
                : route.explain(address);
    }

    // Blocks of arenas, which only freeHeld frees.

    long allocateHeld(long byteSize, long byteAlignment) {
        return noticed(closed ? -Errno.EBADF : route.allocateHeld(byteSize, byteAlignment));
    }

    long freeHeld(long address) {
        return closed ? 0 : route.freeHeld(address);
    }

    /// Whether every byte of a block is zero that was just allocated, and not written since.
    boolean isZeroed(long address) {
        return route.isZeroed(address);
    }

    // Blocks of pools, regions and stacks, which only freeOwned frees.

    long allocateOwned(long byteSize, long byteAlignment, Tenants.Kind owner) {
        CallHook hooked = hook;
        if (hooked != null) {
            return hooked.allocateOwned(byteSize, byteAlignment, owner);
        }
        return noticed(closed ? -Errno.EBADF : route.allocateOwned(byteSize, byteAlignment, owner));
    }

    long freeOwned(long address) {
        CallHook hooked = hook;
        if (hooked != null) {
            return hooked.freeOwned(address);
        }
        return closed ? 0 : route.freeOwned(address);
    }
}
