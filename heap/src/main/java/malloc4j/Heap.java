package malloc4j;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import malloc4j.internal.cache.CacheRegistry;
import malloc4j.internal.cache.CacheTable;
import malloc4j.internal.cache.Reclaimer;
import malloc4j.internal.cache.ThreadCache;
import malloc4j.internal.memory.Bits;
import malloc4j.internal.memory.RawMemory;
import malloc4j.internal.os.Errno;
import malloc4j.internal.os.LinuxCalls;
import malloc4j.internal.os.SystemCalls;
import malloc4j.internal.region.Budget;
import malloc4j.internal.region.HugeBlocks;
import malloc4j.internal.region.OwnMemory;
import malloc4j.internal.region.PageMap;
import malloc4j.internal.region.RangeVisitor;
import malloc4j.internal.region.Residency;
import malloc4j.internal.slab.SizeClasses;
import malloc4j.internal.slab.Slab;
import malloc4j.internal.span.Spans;
import malloc4j.observe.HeapStatistics;

/// A heap: blocks of native memory by absolute address, from a source of its own and within limits of its own.
///
/// ```
///   byteSize        0 ............ 32 KiB ............ mmapThresholdBytes (32 MiB) ............
///   served by       slab: a bit    span: a run of pages            mapping of its own
///   locks           none           one                             none, one system call
///   free            a bit          pages kept for a while          munmap at once
/// ```
///
/// Blocks may be freed by any thread. Every address handed to [#free], [#realloc] and [#usableSize] is checked,
/// always: one that is not exactly where a live block of this heap begins is refused with a [BlockMisuseException]
/// and nothing changes. Memory that has been freed must not be touched any more; like in C, nothing can prevent
/// that.
///
/// Addresses are multiples of 16. Sizes and alignments are in bytes.
///
/// Closing a heap gives everything back at once, whatever is still allocated: no other thread may be using it then.
public final class Heap implements SegmentAllocator, AutoCloseable {
    /// The alignment that every block has, 16 bytes.
    public static final long MIN_BYTE_ALIGNMENT = SizeClasses.QUANTUM_BYTES;

    /// The largest alignment, 2^30.
    public static final long MAX_BYTE_ALIGNMENT = 1L << 30;

    /// The largest size, 2^46: half of what Linux gives a process on x86-64.
    public static final long MAX_BYTE_SIZE = 1L << 46;

    private static final int MAX_SMALL_BYTES = SizeClasses.MAX_SMALL_BYTES;

    private final CacheTable table;
    private final ArenaChunks arenaChunks;
    private final CacheRegistry caches;
    private final Spans spans;
    private final HugeBlocks huge;
    private final Reclaimer reclaimer;
    private final Budget budget;
    private final SystemCalls calls;
    private final HeapOptions options;
    private final HeapLimits limits;
    private final int heapId;
    private final Runnable stopPurging;
    private volatile long hugeThreshold;
    private final boolean closeable;
    private volatile boolean closed;

    private Heap(HeapAssembly parts, HeapOptions options, boolean closeable) {
        this.closeable = closeable;
        this.caches = parts.caches();
        this.table = parts.caches().table();
        this.arenaChunks = new ArenaChunks(this);
        this.spans = parts.spans();
        this.huge = parts.huge();
        this.reclaimer = parts.caches().reclaimer();
        this.budget = parts.budget();
        this.calls = parts.calls();
        this.options = options;
        this.limits = new HeapLimits(this, options);
        this.heapId = parts.heapId();
        this.stopPurging = parts.stopPurging();
        boolean ownMappings = options.source() != MemorySource.SHARED_MEMORY && options.source() != MemorySource.FILE;
        this.hugeThreshold = ownMappings ? options.mmapThresholdBytes() : Long.MAX_VALUE;
    }

    /// The heap that [Malloc] works on; it is never closed.
    public static Heap common() {
        return Common.HEAP;
    }

    /// A heap of its own.
    ///
    /// @throws malloc4j.linux.SystemCallException if the file or memory file of its source cannot be opened
    /// @throws UnsupportedOperationException if this is not Linux on x86-64 or aarch64
    /// @throws IllegalCallerException if native access is not granted; it names the flag
    public static Heap create(HeapOptions options) {
        return create(LinuxCalls.instance(), options);
    }

    static Heap create(SystemCalls calls, HeapOptions options) {
        return new Heap(HeapAssembly.assemble(calls, options, false), options, true);
    }

    private static final class Common {
        static final Heap HEAP = open();

        private static Heap open() {
            HeapOptions options = HeapOptions.fromProperties(System.getProperties());
            return new Heap(HeapAssembly.assemble(LinuxCalls.instance(), options, true), options, false);
        }
    }

    /// The options that this heap was made with.
    public HeapOptions options() {
        return options;
    }

    CacheTable table() {
        return table;
    }

    ArenaChunks arenaChunks() {
        return arenaChunks;
    }

    Budget budget() {
        return budget;
    }

    HeapLimits limits() {
        return limits;
    }

    // Results on the way up are an address, or minus errno; only the methods without `try` make exceptions of them.

    /// Allocates a block. Its contents are unspecified. A block of zero bytes has an address of its own.
    ///
    /// @param byteSize 0 to [#MAX_BYTE_SIZE]
    /// @return the address, a multiple of 16, never 0
    /// @throws IllegalArgumentException if `byteSize` is negative
    /// @throws OutOfNativeMemoryError if there is no memory; it says which limit was met
    /// @throws IllegalStateException if this heap is closed
    /// @implNote Up to 32 KiB a hit in the thread's cache is one table load, one bit taken from a word, and no
    ///     lock, atomic write or system call.
    /// @source C23 7.24.3.6 `malloc`
    public long malloc(long byteSize) {
        long address = table.allocateBlock(byteSize);
        return address >= 0 ? address : mallocSlow(byteSize);
    }

    private long mallocSlow(long byteSize) {
        long address = tryMallocSlow(byteSize);
        return address > 0 ? address : fail("malloc(byteSize=" + byteSize + ")", address);
    }

    long tryMalloc(long byteSize) {
        long address = table.allocateBlock(byteSize);
        return address >= 0 ? address : tryMallocSlow(byteSize);
    }

    long tryMallocSlow(long byteSize) {
        ThreadCache cache = table.current();
        if (cache != null && Long.compareUnsigned(byteSize, MAX_SMALL_BYTES) <= 0) {
            long address = cache.allocateBlock(SizeClasses.of(byteSize));
            if (address > 0) {
                limits.noticeSoftLimit();
                return address;
            }
        }
        return withoutFlag(allocateSlow(byteSize, SizeClasses.QUANTUM_BYTES));
    }

    /// Allocates a block of `count * byteSize` bytes, all zero.
    ///
    /// @param count 0 or more
    /// @param byteSize 0 or more
    /// @return the address, a multiple of 16, never 0
    /// @throws IllegalArgumentException if an argument is negative
    /// @throws OutOfNativeMemoryError if the product is above [#MAX_BYTE_SIZE], or there is no memory
    /// @throws IllegalStateException if this heap is closed
    /// @implNote Pages that the kernel has just zeroed are not zeroed again.
    /// @source C23 7.24.3.2 `calloc`
    public long calloc(long count, long byteSize) {
        long address = tryCalloc(count, byteSize);
        return address > 0 ? address : fail("calloc(count=" + count + ", byteSize=" + byteSize + ")", address);
    }

    long tryCalloc(long count, long byteSize) {
        if (count < 0 || byteSize < 0) {
            return -Errno.EINVAL;
        }
        long bytes = count * byteSize;
        if (Math.multiplyHigh(count, byteSize) != 0 || bytes < 0) {
            return -Errno.EOVERFLOW;
        }
        if (bytes <= MAX_SMALL_BYTES) {
            long address = tryMalloc(bytes);
            if (address > 0) {
                RawMemory.fill(address, bytes, (byte) 0);
            }
            return address;
        }
        long flagged = allocateSlow(bytes, SizeClasses.QUANTUM_BYTES);
        if (flagged > 0 && (flagged & Spans.ZEROED) == 0) {
            RawMemory.fill(flagged, bytes, (byte) 0);
        }
        return withoutFlag(flagged);
    }

    /// Allocates a block whose address is a multiple of `byteAlignment`. Its contents are unspecified.
    ///
    /// @param byteAlignment a power of two, 1 to [#MAX_BYTE_ALIGNMENT]
    /// @param byteSize 0 to [#MAX_BYTE_SIZE]; need not be a multiple of the alignment
    /// @throws IllegalArgumentException if an argument is outside its range
    /// @throws OutOfNativeMemoryError if there is no memory
    /// @throws IllegalStateException if this heap is closed
    /// @source C23 7.24.3.1 `aligned_alloc`
    public long alignedAlloc(long byteAlignment, long byteSize) {
        long address = tryAlignedAlloc(byteAlignment, byteSize);
        return address > 0
                ? address
                : fail("alignedAlloc(byteAlignment=" + byteAlignment + ", byteSize=" + byteSize + ")", address);
    }

    long tryAlignedAlloc(long byteAlignment, long byteSize) {
        if (!Bits.isPowerOfTwo(byteAlignment) || byteAlignment > MAX_BYTE_ALIGNMENT) {
            return -Errno.EINVAL;
        }
        if (byteAlignment <= SizeClasses.QUANTUM_BYTES) {
            return tryMalloc(byteSize);
        }
        return withoutFlag(allocateSlow(byteSize, byteAlignment));
    }

    /// Frees a block. 0 is allowed and does nothing.
    ///
    /// @param address what this heap gave out, and not freed since
    /// @throws BlockMisuseException if no live block of this heap begins at `address`
    /// @implNote A block of the current thread's slabs costs one bit test and set; another thread's one atomic OR.
    /// @source C23 7.24.3.3 `free`
    public void free(long address) {
        if (!table.freeBlock(address)) {
            freeSlow(address);
        }
    }

    /// Changes a block's size, keeping its contents up to the smaller of the sizes; the block may move. Address 0
    /// is [#malloc]. When it fails, the block is as it was.
    ///
    /// @param byteSize 0 to [#MAX_BYTE_SIZE]
    /// @return the block's address now
    /// @throws IllegalArgumentException if `byteSize` is negative
    /// @throws BlockMisuseException if no live block of this heap begins at `address`
    /// @throws OutOfNativeMemoryError if there is no memory
    /// @throws IllegalStateException if this heap is closed
    /// @implNote In place where the block's slab or the pages behind it allow; a mapping of its own moves by
    ///     `mremap`, without copying.
    /// @source C23 7.24.3.7 `realloc`
    public long realloc(long address, long byteSize) {
        long moved = tryRealloc(address, byteSize);
        return moved > 0
                ? moved
                : fail("realloc(address=0x" + Long.toHexString(address) + ", byteSize=" + byteSize + ")", moved);
    }

    long tryRealloc(long address, long byteSize) {
        if (address == 0) {
            return tryMalloc(byteSize);
        }
        long usable = usableSize("realloc", address);
        if (byteSize < 0 || byteSize > MAX_BYTE_SIZE) {
            return byteSize < 0 ? -Errno.EINVAL : -Errno.EOVERFLOW;
        }
        long resized = resizeInPlace(address, usable, byteSize);
        if (resized != 0) {
            return resized;
        }
        long moved = tryMalloc(byteSize);
        if (moved > 0) {
            RawMemory.copy(address, moved, Math.min(usable, byteSize));
            if (PageMap.record(address) == 0) {
                return unmapMoved(address, moved, byteSize <= usable);
            }
            free(address);
        } else if (byteSize <= usable) {
            return address;
        }
        return moved;
    }

    /// Unmaps a block whose contents have moved; where the kernel refuses, the block stays, and what it moved to
    /// goes.
    private long unmapMoved(long address, long moved, boolean wasEnough) {
        long result = huge.freeBlock(address);
        if (result > 0) {
            return moved;
        }
        free(moved);
        if (result == 0) {
            throw misuse("realloc", address);
        }
        return wasEnough ? address : result;
    }

    /// Tries to keep the block, or its pages. Returns its address now, 0 when it has to be copied, or minus errno.
    private long resizeInPlace(long address, long usable, long byteSize) {
        if (usable <= MAX_SMALL_BYTES) {
            return byteSize <= usable && byteSize >= usable >>> 1 ? address : 0;
        }
        if (byteSize <= MAX_SMALL_BYTES) {
            return 0;
        }
        if (PageMap.record(address) != 0) {
            return byteSize < hugeThreshold && spans.resizeLarge(address, pageCount(byteSize)) ? address : 0;
        }
        return byteSize >= hugeThreshold >>> 1 ? huge.resizeBlock(address, byteSize) : 0;
    }

    /// How many bytes of a block may be used: its size, rounded up to what it really has.
    ///
    /// @throws BlockMisuseException if no live block of this heap begins at `address`
    /// @source [malloc_usable_size(3)](https://man7.org/linux/man-pages/man3/malloc_usable_size.3.html)
    public long usableSize(long address) {
        return usableSize("usableSize", address);
    }

    private long usableSize(String call, long address) {
        long record = PageMap.record(address);
        long byteSize = 0;
        if (record == 0) {
            byteSize = huge.byteSize(address);
        } else {
            int tag = Slab.tag(record);
            if (tag > 0) {
                long reciprocal = Slab.reciprocal(record);
                long product = Slab.product(address, reciprocal);
                boolean live = CacheRegistry.owner(tag) == caches
                        && Slab.isBlock(product, reciprocal)
                        && Slab.isLive(record, Slab.index(product));
                byteSize = live ? Slab.blockBytes(record) : 0;
            } else if (tag == PageMap.PAGES && Slab.heapId(record) == heapId) {
                byteSize = spans.byteSize(address);
            }
        }
        if (byteSize == 0 || closed) {
            throw misuse(call, address);
        }
        return byteSize;
    }

    /// Sets how many bytes of free spans the purger leaves. Returns whether the value is in range.
    boolean setTrimThreshold(long byteSize) {
        if (byteSize < 0) {
            return false;
        }
        reclaimer.keep(byteSize);
        return true;
    }

    /// Sets from which size a block is a mapping of its own. Returns whether the value is in range for this heap.
    boolean setMmapThreshold(long byteSize) {
        if (byteSize <= MAX_SMALL_BYTES || hugeThreshold == Long.MAX_VALUE) {
            return false;
        }
        hugeThreshold = byteSize;
        return true;
    }

    // ------------------------------------------------------------------------------------------------- the slow ways

    private static long withoutFlag(long result) {
        return result > 0 ? result & ~Spans.ZEROED : result;
    }

    private static int pageCount(long byteSize) {
        return (int) (Bits.alignUp(byteSize, PageMap.PAGE_BYTES) >>> PageMap.PAGE_SHIFT);
    }

    /// Allocates by any level; where that is refused, again as long as that is worth it. Returns the address, with
    /// [Spans#ZEROED] added where that holds, or minus errno.
    private long allocateSlow(long byteSize, long byteAlignment) {
        if (closed) {
            return -Errno.EBADF;
        }
        if (byteSize < 0 || byteSize > MAX_BYTE_SIZE) {
            return byteSize < 0 ? -Errno.EINVAL : -Errno.EOVERFLOW;
        }
        long address = allocateOnce(byteSize, byteAlignment);
        for (int attempt = 0; Errno.isError(address) && limits.makeRoom(address, byteSize, attempt); attempt++) {
            address = allocateOnce(byteSize, byteAlignment);
        }
        limits.noticeSoftLimit();
        return address;
    }

    /// Gives memory back to the kernel. Returns whether any went.
    boolean reclaim() {
        return reclaimer.visit(0, true) > 0;
    }

    private long allocateOnce(long byteSize, long byteAlignment) {
        int sizeClass = SizeClasses.ofAligned(byteSize, byteAlignment);
        if (sizeClass >= 0) {
            ThreadCache cache = caches.current();
            return cache != null ? cache.allocateBlock(sizeClass) : caches.allocateBlock(sizeClass);
        }
        if (byteSize >= hugeThreshold) {
            long address = huge.allocateBlock(byteSize, byteAlignment);
            return address > 0 ? address | Spans.ZEROED : address;
        }
        if (byteSize > (long) Integer.MAX_VALUE << PageMap.PAGE_SHIFT) {
            return -Errno.EOVERFLOW;
        }
        int pages = Math.max(1, pageCount(byteSize));
        int alignmentPages = (int) Math.max(1, byteAlignment >>> PageMap.PAGE_SHIFT);
        long span = spans.allocateLarge(pages, alignmentPages, false);
        if (span == -Errno.EAGAIN) {
            reclaimer.makeRoom();
            span = spans.allocateLarge(pages, alignmentPages, true);
        }
        return span;
    }

    void freeSlow(long address) {
        if (address == 0) {
            return;
        }
        if (closed || !tryFreeSlow(address)) {
            throw misuse("free", address);
        }
    }

    private boolean tryFreeSlow(long address) {
        long record = PageMap.record(address);
        if (record == 0) {
            long result = huge.freeBlock(address);
            if (Errno.isError(result)) {
                throw new IllegalStateException("free(0x" + Long.toHexString(address) + ") of heap '" + options.name()
                        + "': munmap failed: " + Errno.name(result) + "; the block lives on, free it again");
            }
            return result > 0;
        }
        int tag = Slab.tag(record);
        if (tag > 0) {
            if (CacheRegistry.owner(tag) != caches) {
                return false;
            }
            ThreadCache cache = caches.current();
            if (cache != null && cache.tag() == tag) {
                return cache.freeBlock(record, address);
            }
            return CacheRegistry.freeRemote(record, address);
        }
        return tag == PageMap.PAGES && Slab.heapId(record) == heapId && spans.freeLarge(address) > 0;
    }

    private BlockMisuseException misuse(String call, long address) {
        if (closed) {
            return new BlockMisuseException(
                    address,
                    call + "(0x" + Long.toHexString(address) + ") of heap '" + options.name()
                            + "': the heap is closed, and its blocks with it");
        }
        return Misuse.of(call, address, options.name(), caches, spans, huge, heapId);
    }

    private long fail(String call, long result) {
        switch ((int) -result) {
            case Errno.EBADF ->
                throw new IllegalStateException(call + " of heap '" + options.name() + "': the heap is closed");
            case Errno.EINVAL ->
                throw new IllegalArgumentException(call + " of heap '" + options.name()
                        + "': a size is 0 to 2^46 bytes, an alignment a power of two from 1 to 2^30");
            default -> throw OutOfNativeMemoryError.of(call, options.name(), result);
        }
    }

    // --------------------------------------------------------------------------------------------------- for the JDK

    /// Allocates a block as a segment that lives until `free(segment.address())`. Its contents are unspecified.
    ///
    /// @throws IllegalArgumentException if `byteSize` is negative or `byteAlignment` is not a power of two up to
    ///     2^30
    /// @throws OutOfNativeMemoryError if there is no memory
    /// @throws IllegalStateException if this heap is closed
    @Override
    public MemorySegment allocate(long byteSize, long byteAlignment) {
        return RawMemory.segment(alignedAlloc(byteAlignment, byteSize), byteSize);
    }

    /// An arena for the current thread alone, with the contract of [Arena#ofConfined]: its segments are zeroed, and
    /// their blocks are freed when it is closed.
    public Arena ofConfined() {
        return HeapArena.ofConfined(this);
    }

    /// An arena for all threads, with the contract of [Arena#ofShared].
    public Arena ofShared() {
        return HeapArena.ofShared(this);
    }

    /// An arena for all threads that costs no handshake of threads to close. **Not the JDK's contract**: its
    /// segments are zeroed and bounded, but in the global scope. Touching one after the arena has closed is what
    /// touching a freed block is, and no exception tells. Closing it twice, and allocating from it after that,
    /// throws.
    ///
    /// @implNote The JDK closes a shared arena in some 20 microseconds, because every thread must be asked whether
    ///     it is inside an access; this one takes as long as its frees.
    public Arena ofUnscoped() {
        return HeapArena.ofUnscoped(this);
    }

    /// An arena that the garbage collector closes, with the contract of [Arena#ofAuto].
    public Arena ofAuto() {
        return HeapArena.ofAuto(this);
    }

    // ----------------------------------------------------------------------------------------------------- the whole

    /// The hard limit now, in bytes of what [HeapStatistics#committedBytes] counts here and in the heaps below;
    /// `Long.MAX_VALUE` for none.
    public long hardLimitBytes() {
        return budget.hardBytes();
    }

    /// Changes the hard limit. What is committed stays, also where that is more: then requests that need more memory
    /// are refused until enough was freed and given back.
    ///
    /// @param byteSize 0 or more, `Long.MAX_VALUE` for none
    /// @throws IllegalArgumentException if `byteSize` is negative
    public void setHardLimitBytes(long byteSize) {
        requireLimit("setHardLimitBytes", byteSize);
        budget.putHardBytes(byteSize);
    }

    /// The soft limit now, in bytes of what [HeapStatistics#committedBytes] counts here and in the heaps below;
    /// `Long.MAX_VALUE` for none.
    public long softLimitBytes() {
        return budget.softBytes();
    }

    /// Changes the soft limit: [HeapOptions#onSoftLimit] is called by the next request that needs memory while more is
    /// committed.
    ///
    /// @param byteSize 0 or more, `Long.MAX_VALUE` for none
    /// @throws IllegalArgumentException if `byteSize` is negative
    public void setSoftLimitBytes(long byteSize) {
        requireLimit("setSoftLimitBytes", byteSize);
        budget.putSoftBytes(byteSize);
    }

    private static void requireLimit(String call, long byteSize) {
        if (byteSize < 0) {
            throw new IllegalArgumentException(call + "(byteSize=" + byteSize + "): must be 0 or more");
        }
    }

    /// Gives free memory back to the kernel now: empty slabs, free pages inside the others, and free spans, but for
    /// `keepBytes` of those; and before that what this thread and threads that have ended keep for confined arenas.
    ///
    /// @param keepBytes 0 or more
    /// @return whether anything went back
    /// @throws IllegalArgumentException if `keepBytes` is negative
    /// @throws IllegalStateException if this heap is closed
    /// @source [malloc_trim(3)](https://man7.org/linux/man-pages/man3/malloc_trim.3.html)
    public boolean trim(long keepBytes) {
        requireOpen("trim");
        if (keepBytes < 0) {
            throw new IllegalArgumentException("trim(keepBytes=" + keepBytes + "): must be 0 or more");
        }
        arenaChunks.trim();
        return reclaimer.visit(keepBytes, true) > 0;
    }

    /// Counts what this heap holds. Walks all its records and asks the kernel which pages are resident: some
    /// milliseconds a GiB.
    ///
    /// @throws IllegalStateException if this heap is closed
    public HeapStatistics statistics() {
        requireOpen("statistics");
        Reclaimer.Census slabs = reclaimer.census(SizeClasses.of(ArenaChunks.CHUNK_BYTES), arenaChunks.idleCount());
        Spans.Census pages = spans.census();
        long hugeBytes = huge.byteCount();
        int hugeBlocks = huge.blockCount();
        return new HeapStatistics(
                slabs.liveBlocks() + pages.largeBlocks() + hugeBlocks,
                slabs.liveBytes() + pages.largeBytes() + hugeBytes,
                slabs.sizeClasses(),
                pages.largeBlocks(),
                pages.largeBytes(),
                hugeBlocks,
                hugeBytes,
                pages.spanBytes(),
                pages.dirtyBytes(),
                pages.spanBytes() + pages.dirtyBytes() + hugeBytes,
                pages.regionBytes() + hugeBytes,
                residentBytes(),
                reclaimer.purgedBytes(),
                caches.cacheCount());
    }

    private long residentBytes() {
        long[] resident = new long[1];
        RangeVisitor count =
                (address, byteSize) -> resident[0] += Math.max(0, Residency.residentBytes(calls, address, byteSize));
        spans.forEachRegion(count);
        huge.forEachBlock(count);
        return resident[0];
    }

    /// Checks every invariant of this heap, while no thread uses it.
    ///
    /// @throws AssertionError naming the first that does not hold
    /// @throws IllegalStateException if this heap is closed
    public void verify() {
        requireOpen("verify");
        reclaimer.verify();
    }

    private void requireOpen(String call) {
        if (closed) {
            throw new IllegalStateException(call + " of heap '" + options.name() + "': the heap is closed");
        }
    }

    /// Gives everything back at once, live blocks too. No other thread may be using this heap, or any memory of it.
    /// Closing a closed heap does nothing.
    ///
    /// @throws IllegalStateException if the kernel refused to take something back; closing again tries again
    /// @throws UnsupportedOperationException if this is the common heap
    @Override
    public void close() {
        if (!closeable) {
            throw new UnsupportedOperationException("the common heap is never closed");
        }
        closed = true;
        arenaChunks.clear();
        stopPurging.run();
        long hugeResult = huge.close();
        long result = reclaimer.close();
        long failure = hugeResult < 0 ? hugeResult : result;
        if (failure < 0) {
            throw new IllegalStateException("close of heap '" + options.name()
                    + "': the kernel did not take everything back: " + Errno.name(failure) + "; close it again");
        }
        OwnMemory.removeHeap(heapId);
    }

    @Override
    public String toString() {
        return "Heap[" + options.name() + ", " + options.source() + (closed ? ", closed]" : "]");
    }
}
