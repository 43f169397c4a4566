package malloc4j;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.lang.invoke.VarHandle;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.LongAdder;
import malloc4j.internal.cache.CacheRegistry;
import malloc4j.internal.cache.CacheTable;
import malloc4j.internal.cache.Reclaimer;
import malloc4j.internal.cache.ThreadCache;
import malloc4j.internal.cache.ThreadTable;
import malloc4j.internal.memory.Bits;
import malloc4j.internal.memory.RawMemory;
import malloc4j.internal.memory.StackProbe;
import malloc4j.internal.os.Errno;
import malloc4j.internal.os.LinuxCalls;
import malloc4j.internal.os.SystemCalls;
import malloc4j.internal.region.Budget;
import malloc4j.internal.region.Ground;
import malloc4j.internal.region.HugeBlocks;
import malloc4j.internal.region.ProbeCalls;
import malloc4j.internal.region.RangeVisitor;
import malloc4j.internal.region.Residency;
import malloc4j.internal.route.Route;
import malloc4j.internal.route.Tenants;
import malloc4j.internal.sample.Quarantine;
import malloc4j.internal.sample.Sampler;
import malloc4j.internal.slab.SizeClasses;
import malloc4j.internal.span.Spans;
import malloc4j.internal.trace.Recorder;
import malloc4j.observe.AllocationProfile;
import malloc4j.observe.HeapFootprint;
import malloc4j.observe.HeapSnapshot;
import malloc4j.observe.HeapStatistics;
import malloc4j.observe.HeldPages;
import malloc4j.observe.LeakReport;
import malloc4j.observe.MisuseReport;
import malloc4j.observe.Probe;
import org.jspecify.annotations.Nullable;

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
/// Closing a heap gives everything back at once, whatever is still allocated: no other thread may be using it then. It
/// ends the segments that the heap itself has handed out, and automatic arenas; it is refused while arenas of other
/// kinds, pools, regions, stacks or heaps below it are open. So only a block's bare address, and a segment of a block
/// that was freed, can reach memory that is gone.
///
/// @since 0.1.0
public final class Heap implements SegmentAllocator, AutoCloseable {
    /// The alignment that every block has, 16 bytes.
    public static final long MIN_BYTE_ALIGNMENT = SizeClasses.QUANTUM_BYTES;

    /// The largest size, 2^46: half of what Linux gives a process on x86-64.
    public static final long MAX_BYTE_SIZE = Route.MAX_BYTE_SIZE;

    private static final int SPARE_BYTES = 4096;
    private static final long DENSE_BELOW_BYTES = 16 << 10; // between samples: then a page for each would be too much

    private static volatile @Nullable Heap common; // and nothing that would need a class initialiser: see HeapMaker

    private final CacheTable table;
    private final char rowMask; // of the table, as the next: not the table itself, which the JIT would have to load
    private long rows; // these three of a table that has nothing while a recording runs: see switchRecording
    private ThreadTable<ThreadCache> displaced;
    private long heapKey;
    private @Nullable CacheTable emptyTable; // made once: who still calls with its rows must find them
    private @Nullable Recorder recorder; // of the recording that runs
    private boolean isHooked; // whether something sees every call
    private final BlockCalls calls;
    private final BlockCalls unrecorded;
    private final BlockCalls plain; // that nothing sees
    private final @Nullable DebugHeap debug;
    private @Nullable ProfiledCalls profiled; // while a dense profile is taken
    private final Object switching = new Object(); // held while what sees the calls changes
    private final StatisticsMaker statistics;
    private final FootprintMaker footprints;
    private final HeapErrors errors;
    private final ProbeCalls probe;
    private final CFamily throwingFamily;
    private final Tenants tenants = new Tenants(new OwnedBlocks());
    private final Arena scope;
    private final AutomaticArenas automaticArenas = new AutomaticArenas();
    private final ArenaBlocks arenaBlocks = new BlocksOfArenas();
    private final ArenaChunks arenaChunks;
    private final CacheRegistry caches;
    private final Route route;
    private final Spans spans;
    private final HugeBlocks huge;
    private final Reclaimer reclaimer;
    private final Budget budget;
    private final Sampler sampler;
    private final Ground ground;
    private final HeapOptions options;
    private final HeapLimits limits;
    private final int heapId;
    private final Runnable stopPurging;
    private final Recordings recordings;
    private final boolean closeable;

    private Heap(HeapAssembly parts, HeapOptions options, boolean closeable) {
        Tenants.findBy(heap -> ((Heap) heap).tenants);
        this.closeable = closeable;
        this.caches = parts.caches();
        this.table = parts.caches().table();
        this.rows = table.rows();
        this.rowMask = table.rowMask();
        this.displaced = table.displaced();
        this.heapKey = table.heapKey();
        this.scope = closeable ? Arena.ofShared() : Arena.global();
        this.arenaChunks = new ArenaChunks(arenaBlocks);
        this.spans = parts.spans();
        this.huge = parts.huge();
        this.reclaimer = parts.reclaimer();
        this.budget = parts.budget();
        this.sampler = parts.sampler();
        this.ground = parts.ground();
        this.options = options;
        this.limits = new HeapLimits(this, options.limits());
        this.heapId = parts.heapId();
        this.stopPurging = parts.stopPurging();
        boolean ownMappings = options.memory().source() != MemorySource.SHARED_MEMORY
                && options.memory().source() != MemorySource.FILE;
        long threshold = ownMappings ? options.memory().mmapThresholdBytes() : Long.MAX_VALUE;
        this.route = new Route(caches, spans, huge, sampler, heapId, threshold, limits::makeRoom, limits::giveBack);
        this.calls = new BlockCalls(table, route, limits);
        this.unrecorded = new BlockCalls(table, route, limits);
        this.plain = new BlockCalls(table, route, limits);
        this.probe = spans.events().calls();
        this.debug = debugHeap();
        this.errors = new HeapErrors(options.name(), calls, limits, probe);
        this.throwingFamily = cFamily(MisusePolicy.THROW);
        this.recordings = new Recordings(options.name(), ground, this::switchRecording);
        Quarantine quarantine = debug == null ? null : debug.quarantine();
        this.statistics = new StatisticsMaker(parts, route, arenaChunks, quarantine);
        this.footprints = new FootprintMaker(parts, quarantine);
        HeapRegistry.add(this);
        spans.events().begin(); // who is told of it finds it
        enter();
    }

    /// What makes it a debug heap, null where it is none.
    private @Nullable DebugHeap debugHeap() {
        boolean isDebug = options.observing().debug() != DebugMode.OFF;
        return isDebug ? new DebugHeap(options, plain, sampler, probe) : null;
    }

    /// At last: what is not made must not stand on its parent, nor be recorded.
    private void enter() {
        long sampleBytes = HeapLeaks.sampleBytes(options.observing());
        if (debug != null) {
            switchProfile(1);
        } else if (sampleBytes != 0) {
            switchProfile(sampleBytes);
        }
        String record = options.observing().record();
        if (record != null) {
            recordings.start(Path.of(GuardFiles.withPid(record)));
        }
        try {
            limits.enter();
        } catch (Throwable failed) {
            Recorder unused = recordings.stop();
            throw failed;
        }
        if (options.limits().parent() != null) {
            options.limits().parent().tenants.count(Tenants.Kind.CHILD).increment();
        }
        if (debug != null) {
            debug.watch(ground);
        }
    }

    /// The heap that [Malloc] works on, made at the first call; it is never closed.
    ///
    /// @throws UnsupportedOperationException if this is not Linux on x86-64 or aarch64
    /// @throws IllegalCallerException if native access is not granted; it names the flag
    /// @throws IllegalArgumentException if a system property is out of its range
    /// @throws malloc4j.linux.SystemCallException if the file or memory file of its source cannot be opened
    /// @throws OutOfMemoryError if the addresses that every heap needs cannot be had
    public static Heap common() {
        Heap heap = common;
        return heap != null ? heap : openCommon();
    }

    /// As [#common], but null where that throws.
    static @Nullable Heap commonOrNull() {
        try {
            return common();
        } catch (RuntimeException | OutOfMemoryError | LinkageError failed) {
            return null;
        }
    }

    /// Not by a class initialiser: of those the first failure alone is told.
    private static synchronized Heap openCommon() {
        Heap heap = common;
        if (heap == null) {
            heap = HeapMaker.make(null);
            common = heap;
        }
        return heap;
    }

    /// The common heap, for [#openCommon].
    static Heap makeCommon() {
        HeapOptions options = HeapOptions.fromProperties(System.getProperties());
        Heap heap = open(assemble(Ground.process(), LinuxCalls.instance(), options, true), options, false);
        if (options.observing().hasGuards()) {
            explainUncaught(); // the program does not know of guards
        }
        HeapLeaks.tellAtExit(heap);
        return heap;
    }

    private static HeapAssembly assemble(Ground ground, SystemCalls files, HeapOptions options, boolean isCommon) {
        Heap parent = options.limits().parent();
        if (parent != null && parent.isClosed()) {
            throw new IllegalStateException(
                    "heap '" + options.name() + "': its parent '" + parent.options.name() + "' is closed");
        }
        try {
            return HeapAssembly.assemble(ground, files, options, isCommon);
        } catch (NoClassDefFoundError again) { // what this library stands on in a process failed before
            Throwable first = again.getCause() == null ? again : again.getCause();
            OutOfMemoryError error = new OutOfMemoryError("heap '" + options.name() + "': " + first.getMessage());
            error.initCause(again);
            throw error;
        }
    }

    /// A heap of its own.
    ///
    /// @throws IllegalStateException if its parent is closed
    /// @throws malloc4j.linux.SystemCallException if the file or memory file of its source cannot be opened
    /// @throws UnsupportedOperationException if this is not Linux on x86-64 or aarch64
    /// @throws IllegalCallerException if native access is not granted; it names the flag
    public static Heap create(HeapOptions options) {
        return HeapMaker.isUsed(options.memory().source()) ? makeOwn(options) : HeapMaker.make(options);
    }

    /// As [#create], on this thread.
    static Heap makeOwn(HeapOptions options) {
        StackProbe.requireForWhole();
        return open(assemble(Ground.process(), LinuxCalls.instance(), options, false), options, true);
    }

    private static Heap open(HeapAssembly parts, HeapOptions options, boolean closeable) {
        try {
            Heap heap = new Heap(parts, options, closeable);
            GuardReport.logRefusals(heap, parts.guardFileRefusal());
            return heap;
        } catch (Throwable failed) {
            HeapRegistry.remove(parts.heapId());
            parts.discard();
            throw failed;
        }
    }

    /// A heap whose every call goes to `calls`.
    static Heap create(SystemCalls calls, HeapOptions options) {
        StackProbe.requireForWhole();
        return open(assemble(Ground.process().with(calls), calls, options, false), options, true);
    }

    /// The options that this heap was made with.
    public HeapOptions options() {
        return options;
    }

    /// The heaps of this process that are open and that somebody refers to, the oldest first; their names are in their
    /// [#options].
    public static List<Heap> all() {
        return HeapRegistry.open();
    }

    /// The number of this heap in its process, by which heaps of one name differ: what a [Probe] is told has it too.
    public int heapId() {
        return heapId;
    }

    void noteLimitMet(long byteSize) {
        spans.events().note(Probe.Kind.LIMIT_MET, 0, byteSize, 0);
    }

    CacheTable table() {
        return table;
    }

    ArenaBlocks arenaBlocks() {
        return arenaBlocks;
    }

    ArenaChunks arenaChunks() {
        return arenaChunks;
    }

    Budget budget() {
        return budget;
    }

    Ground ground() {
        return ground;
    }

    Tenants tenants() {
        return tenants;
    }

    AutomaticArenas automaticArenas() {
        return automaticArenas;
    }

    boolean isClosed() {
        return calls.isClosed();
    }

    HeapLimits limits() {
        return limits;
    }

    Reclaimer reclaimer() {
        return reclaimer;
    }

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
        long address = takeAtHand(byteSize);
        return address >= 0 ? address : mallocSlow(byteSize);
    }

    /// A block of the current thread's cache, or a negative number: see [CacheTable#allocateBlock(long)].
    long takeAtHand(long byteSize) {
        return CacheTable.allocateBlock(rows, rowMask, displaced, byteSize);
    }

    /// Whether something sees every call: a recording, a dense profile, or a debug heap's checks.
    boolean isHooked() {
        return isHooked;
    }

    /// Frees a block of the current thread's. Returns false, and has done nothing, when it is anything else.
    boolean putAtHand(long address) {
        return CacheTable.freeBlock(heapKey, address);
    }

    private long mallocSlow(long byteSize) {
        long address = calls.mallocSlow(byteSize);
        return address > 0 ? address : errors.fail("malloc(byteSize=" + byteSize + ")", address);
    }

    /// As [#malloc], for a caller to whom want of memory is no error: returns 0 then.
    ///
    /// @param byteSize 0 or more
    /// @return the address, a multiple of 16, or 0 when there is no memory, or the size is above [#MAX_BYTE_SIZE]
    /// @throws IllegalArgumentException if `byteSize` is negative
    /// @throws IllegalStateException if this heap is closed
    public long tryMalloc(long byteSize) {
        long address = calls.malloc(byteSize);
        return address > 0 ? address : errors.zeroOrFail("tryMalloc(byteSize=" + byteSize + ")", address);
    }

    /// Allocates a block of `count * byteSize` bytes, all zero.
    ///
    /// @param count 0 or more
    /// @param byteSize 0 or more
    /// @return the address, a multiple of 16, never 0
    /// @throws IllegalArgumentException if an argument is negative, also where the other one is 0
    /// @throws OutOfNativeMemoryError if the product is above [#MAX_BYTE_SIZE], or there is no memory
    /// @throws IllegalStateException if this heap is closed
    /// @throws InternalError if the heap's file was cut short under the block; nothing is allocated then
    /// @implNote Pages that the kernel has just zeroed are not zeroed again.
    /// @source C23 7.24.3.2 `calloc`
    public long calloc(long count, long byteSize) {
        long address = calls.calloc(count, byteSize);
        return address > 0 ? address : errors.fail("calloc(count=" + count + ", byteSize=" + byteSize + ")", address);
    }

    /// As [#calloc], but returns 0 when there is no memory.
    ///
    /// @param count 0 or more
    /// @param byteSize 0 or more
    /// @return the address, or 0 when there is no memory, or the product is above [#MAX_BYTE_SIZE]
    /// @throws IllegalArgumentException if an argument is negative
    /// @throws IllegalStateException if this heap is closed
    public long tryCalloc(long count, long byteSize) {
        long address = calls.calloc(count, byteSize);
        return address > 0
                ? address
                : errors.zeroOrFail("tryCalloc(count=" + count + ", byteSize=" + byteSize + ")", address);
    }

    /// Allocates a block whose address is a multiple of `byteAlignment`. Its contents are unspecified.
    ///
    /// @param byteAlignment a power of two
    /// @param byteSize 0 to [#MAX_BYTE_SIZE]; need not be a multiple of the alignment
    /// @throws IllegalArgumentException if an argument is outside its range
    /// @throws OutOfNativeMemoryError if there is no memory, or no address with that alignment
    /// @throws IllegalStateException if this heap is closed
    /// @source C23 7.24.3.1 `aligned_alloc`
    public long alignedAlloc(long byteAlignment, long byteSize) {
        long address = calls.alignedAlloc(byteAlignment, byteSize);
        return address > 0
                ? address
                : errors.fail("alignedAlloc(byteAlignment=" + byteAlignment + ", byteSize=" + byteSize + ")", address);
    }

    /// As [#alignedAlloc], but returns 0 when there is no memory.
    ///
    /// @param byteAlignment a power of two
    /// @param byteSize 0 or more
    /// @return the address, or 0 when there is no memory, or no address with that alignment
    /// @throws IllegalArgumentException if `byteSize` is negative, or `byteAlignment` no power of two
    /// @throws IllegalStateException if this heap is closed
    public long tryAlignedAlloc(long byteAlignment, long byteSize) {
        long address = calls.alignedAlloc(byteAlignment, byteSize);
        return address > 0
                ? address
                : errors.zeroOrFail(
                        "tryAlignedAlloc(byteAlignment=" + byteAlignment + ", byteSize=" + byteSize + ")", address);
    }

    /// Frees a block. 0 is allowed and does nothing.
    ///
    /// @param address what this heap gave out, and not freed since
    /// @throws BlockMisuseException if no live block of this heap begins at `address`
    /// @implNote A block of the current thread's slabs costs one bit test and set; another thread's one atomic
    /// operation.
    /// @source C23 7.24.3.3 `free`
    public void free(long address) {
        if (!putAtHand(address)) {
            freeSlow(address);
        }
    }

    private void freeSlow(long address) {
        if (address != 0) {
            errors.requireFreed(address, calls.freeSlow(address));
        }
    }

    /// Blocks of arenas, which no recording has: it has what is allocated from the arena.
    private final class BlocksOfArenas extends ArenaBlocks {
        @Override
        long malloc(long byteSize, long byteAlignment) {
            long address = byteAlignment > MIN_BYTE_ALIGNMENT
                    ? unrecorded.alignedAlloc(byteAlignment, byteSize)
                    : unrecorded.malloc(byteSize);
            return address > 0 ? address : failed(byteSize, byteAlignment, address);
        }

        private long failed(long byteSize, long byteAlignment, long result) {
            return errors.fail("allocate(byteSize=" + byteSize + ", byteAlignment=" + byteAlignment + ")", result);
        }

        @Override
        void free(long address) {
            boolean isSeen = profiled != null || debug != null;
            if (isSeen || !table.freeBlock(address)) {
                errors.requireFreed(address, unrecorded.freeSlow(address));
            }
        }

        @Override
        long pages(long byteSize, long byteAlignment) {
            long address = pagesResult(byteSize, byteAlignment);
            return address > 0 ? address : failed(byteSize, byteAlignment, address);
        }

        @Override
        long pagesResult(long byteSize, long byteAlignment) {
            return unrecorded.allocateHeld(byteSize, byteAlignment);
        }

        @Override
        void freePages(long address) {
            errors.requireFreed(address, unrecorded.freeHeld(address));
        }

        @Override
        boolean isZeroed(long address) {
            return calls.isZeroed(address);
        }

        @Override
        boolean isCloseable() {
            return closeable;
        }

        @Override
        boolean isClosed() {
            return calls.isClosed();
        }

        @Override
        Arena scope() {
            return scope;
        }

        @Override
        LongAdder count(Tenants.Kind kind) {
            return tenants.count(kind);
        }

        @Override
        boolean awaitCollector(OutOfNativeMemoryError.Limit limit, long byteSize, long begun) {
            return limits.awaitCollector(limit, byteSize, begun);
        }
    }

    /// Blocks of pools, regions and stacks.
    private final class OwnedBlocks implements Tenants.Chunks {
        @Override
        public long allocate(long byteSize, long byteAlignment, Tenants.Kind owner) {
            long address = calls.allocateOwned(byteSize, byteAlignment, owner);
            return address > 0
                    ? address
                    : errors.fail(
                            "alignedAlloc(byteAlignment=" + byteAlignment + ", byteSize=" + byteSize + ")", address);
        }

        @Override
        public void misused(MisuseReport report) {
            probe.misused(report);
        }

        @Override
        public boolean makeRoom(OutOfMemoryError refused, long byteSize) {
            return refused instanceof OutOfNativeMemoryError error && limits.ask(error.limit(), byteSize);
        }

        @Override
        public void free(long address) {
            errors.requireFreed(address, calls.freeOwned(address));
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
    /// @throws InternalError if the heap's file was cut short under the block; it is as it was
    /// @implNote In place where the block's slab or the pages behind it allow; a mapping of its own moves by
    ///     `mremap`, without copying.
    /// @source C23 7.24.3.7 `realloc`
    public long realloc(long address, long byteSize) {
        long moved = reallocated("realloc", address, byteSize);
        return moved > 0
                ? moved
                : errors.fail("realloc(address=0x" + Long.toHexString(address) + ", byteSize=" + byteSize + ")", moved);
    }

    /// As [#realloc], to `count * byteSize` bytes.
    ///
    /// @param count 0 or more
    /// @param byteSize 0 or more
    /// @return the block's address now
    /// @throws IllegalArgumentException if a number is negative, also where the other one is 0
    /// @throws BlockMisuseException if no live block of this heap begins at `address`
    /// @throws OutOfNativeMemoryError if the product is above [#MAX_BYTE_SIZE], or there is no memory; the block is as
    ///     it was
    /// @throws IllegalStateException if this heap is closed
    /// @source POSIX.1-2024 `reallocarray`
    public long reallocArray(long address, long count, long byteSize) {
        String call = "reallocArray(address=0x" + Long.toHexString(address) + ", count=" + count + ", byteSize="
                + byteSize + ")";
        if (count < 0 || byteSize < 0) {
            return errors.fail(call, -Errno.EINVAL);
        }
        boolean fits = Math.multiplyHigh(count, byteSize) == 0 && count * byteSize >= 0;
        long moved = reallocated("reallocArray", address, fits ? count * byteSize : Long.MAX_VALUE);
        return moved > 0 ? moved : errors.fail(call, moved);
    }

    /// As [#realloc], but returns 0 when there is no memory; the block is as it was then.
    ///
    /// @param byteSize 0 or more
    /// @return the block's address now, or 0 when there is no memory, or the size is above [#MAX_BYTE_SIZE]
    /// @throws IllegalArgumentException if `byteSize` is negative
    /// @throws BlockMisuseException if no live block of this heap begins at `address`
    /// @throws IllegalStateException if this heap is closed
    public long tryRealloc(long address, long byteSize) {
        long moved = reallocated("tryRealloc", address, byteSize);
        return moved > 0
                ? moved
                : errors.zeroOrFail(
                        "tryRealloc(address=0x" + Long.toHexString(address) + ", byteSize=" + byteSize + ")", moved);
    }

    /// The block's address now, or minus errno.
    private long reallocated(String call, long address, long byteSize) {
        long moved = calls.realloc(address, byteSize);
        if (moved == 0) {
            throw errors.misuse(call, address);
        }
        return moved;
    }

    /// Changes a block's size where it is, or not at all: for whoever has its address in many places. What it no
    /// longer needs is free, in whole pages; a block of up to 32 KiB that shrinks stays as large as it is.
    ///
    /// @param byteSize 0 or more
    /// @return whether the block has room for `byteSize` bytes now; if not, it is as it was
    /// @throws IllegalArgumentException if `byteSize` is negative
    /// @throws BlockMisuseException if no live block of this heap begins at `address`
    public boolean resizeInPlace(long address, long byteSize) {
        long usable = usableSize("resizeInPlace", address);
        if (byteSize < 0) {
            errors.fail(
                    "resizeInPlace(address=0x" + Long.toHexString(address) + ", byteSize=" + byteSize + ")",
                    -Errno.EINVAL);
        }
        boolean resized = byteSize <= MAX_BYTE_SIZE && calls.resizeInPlace(address, byteSize) > 0;
        return resized || byteSize <= usable; // the kernel may refuse even to take something back
    }

    /// How many bytes of a block may be used: its size, rounded up to what it really has.
    ///
    /// @throws BlockMisuseException if no live block of this heap begins at `address`
    /// @source [malloc_usable_size(3)](https://man7.org/linux/man-pages/man3/malloc_usable_size.3.html)
    public long usableSize(long address) {
        return usableSize("usableSize", address);
    }

    private long usableSize(String call, long address) {
        long byteSize = calls.usableSize(address);
        if (byteSize == 0) {
            throw errors.misuse(call, address);
        }
        return byteSize;
    }

    /// The C family over this heap: addresses and `errno` in place of exceptions, for the hooks of C libraries.
    ///
    /// @param policy what is done with an address at which no live block begins
    public CFamily cFamily(MisusePolicy policy) {
        return new CFamily(this, calls, errors, policy);
    }

    /// The one for [Malloc]: made with the heap, so that no class is loaded for a first call where the stack ends.
    CFamily throwingFamily() {
        return throwingFamily;
    }

    /// Sets how many bytes of free spans the purger leaves; `Long.MAX_VALUE` turns it off.
    void setTrimThreshold(long byteSize) {
        reclaimer.keep(byteSize);
    }

    /// Sets from which size a block is a mapping of its own. Returns false where there are none in this heap.
    boolean setMmapThreshold(long byteSize) {
        return route.setThreshold(byteSize);
    }

    // --------------------------------------------------------------------------------------------------- for the JDK

    /// Allocates a block as a segment that lives until [#free(MemorySegment)]. Its contents are unspecified.
    ///
    /// @param byteSize 0 to [#MAX_BYTE_SIZE]
    /// @param byteAlignment a power of two
    /// @throws IllegalArgumentException if an argument is outside its range
    /// @throws OutOfNativeMemoryError if there is no memory
    /// @throws IllegalStateException if this heap is closed
    @Override
    public MemorySegment allocate(long byteSize, long byteAlignment) {
        return handOut(alignedAlloc(byteAlignment, byteSize), byteSize);
    }

    /// A new block as a segment; where the Java heap has no room for that, the block is freed.
    private MemorySegment handOut(long address, long byteSize) {
        try {
            return RawMemory.segment(address, byteSize, scope);
        } catch (OutOfMemoryError full) {
            free(address);
            throw full;
        }
    }

    /// Allocates a block as a segment that is zero and lives until [#free(MemorySegment)].
    ///
    /// @param byteSize 0 to [#MAX_BYTE_SIZE]
    /// @param byteAlignment a power of two
    /// @throws IllegalArgumentException if an argument is outside its range
    /// @throws OutOfNativeMemoryError if there is no memory
    /// @throws IllegalStateException if this heap is closed
    public MemorySegment allocateZeroed(long byteSize, long byteAlignment) {
        String call = "allocateZeroed(byteSize=" + byteSize + ", byteAlignment=" + byteAlignment + ")";
        if (byteSize < 0 || !Bits.isPowerOfTwo(byteAlignment)) {
            errors.fail(call, -Errno.EINVAL);
        }
        long address = calls.zeroed(byteSize, byteAlignment);
        return handOut(address > 0 ? address : errors.fail(call, address), byteSize);
    }

    /// This heap as an allocator whose segments are zero.
    public SegmentAllocator zeroed() {
        return this::allocateZeroed;
    }

    /// The live block at `address` as a segment of all its [usable][#usableSize] bytes: for addresses that this heap
    /// gave out, without a restricted method. It lives until the block is freed or moved; nothing tells when it is
    /// used after that.
    ///
    /// @throws BlockMisuseException if no live block of this heap begins at `address`
    public MemorySegment segment(long address) {
        return RawMemory.segment(address, usableSize("segment", address), scope);
    }

    /// Frees the block that `block` begins at; [MemorySegment#NULL] does nothing.
    ///
    /// @throws BlockMisuseException if no live block of this heap begins there
    public void free(MemorySegment block) {
        free(address("free", block));
    }

    /// Changes the size of the block that `block` begins at, as [#realloc(long, long)] does; [MemorySegment#NULL]
    /// allocates.
    ///
    /// @param byteSize 0 to [#MAX_BYTE_SIZE]
    /// @return the block now, `byteSize` bytes of it; `block` must not be used any more
    /// @throws IllegalArgumentException if `byteSize` is negative
    /// @throws BlockMisuseException if no live block of this heap begins there
    /// @throws OutOfNativeMemoryError if there is no memory; the block is as it was
    /// @throws IllegalStateException if this heap is closed
    public MemorySegment realloc(MemorySegment block, long byteSize) {
        long address = address("realloc", block);
        if (address == 0) {
            return handOut(malloc(byteSize), byteSize);
        }
        byte[] spare = new byte[SPARE_BYTES]; // of the Java heap, for the segment: the block may have moved before
        MemorySegment here = byteSize < 0 ? block : RawMemory.segment(address, byteSize, scope);
        long moved = realloc(address, byteSize);
        if (moved == address) {
            return here;
        }
        return segmentWithSpare(moved, byteSize, spare);
    }

    /// A segment; where the Java heap has no room for it, once more without the spare bytes.
    private MemorySegment segmentWithSpare(long address, long byteSize, byte[] spare) {
        try {
            return RawMemory.segment(address, byteSize, scope);
        } catch (OutOfMemoryError full) {
            if (spare.length == 0) {
                throw full;
            }
        }
        return RawMemory.segment(address, byteSize, scope);
    }

    private long address(String call, MemorySegment block) {
        if (!block.isNative()) {
            throw errors.notNative(call, block.address(), block.toString());
        }
        return block.address();
    }

    /// An arena for the current thread alone, with the contract of [Arena#ofConfined]: its segments are zeroed, and
    /// their blocks are freed when it is closed.
    public HeapArena ofConfined() {
        return opened(HeapArena.ofConfined(arenaBlocks, arenaChunks));
    }

    /// An arena for all threads, with the contract of [Arena#ofShared].
    public HeapArena ofShared() {
        return opened(HeapArena.ofShared(arenaBlocks));
    }

    /// An arena for all threads that costs no handshake of threads to close. **Not the JDK's contract**: its
    /// segments are zeroed and bounded, but in a scope that ends with the heap. Touching one after the arena has closed
    /// is what touching a freed block is, and no exception tells. Closing it twice, and allocating from it after that,
    /// throws. What the program attaches to it (a cleanup action, a mapped file, an upcall stub) ends with the heap, of
    /// the [#common] heap never.
    ///
    /// @implNote The JDK closes a shared arena in some 20 microseconds, because every thread must be asked whether
    ///     it is inside an access; this one takes as long as its frees.
    public HeapArena ofUnscoped() {
        return opened(HeapArena.ofUnscoped(arenaBlocks));
    }

    /// An arena that the garbage collector closes, with the contract of [Arena#ofAuto]; closing the heap ends it too.
    ///
    /// What the program attaches to the arena (a cleanup action, a mapped file, an upcall stub) ends with it, in the
    /// [#common] heap as in the JDK's arena. In a heap that can be closed it ends when that is closed, also where the
    /// collector has freed the arena's memory before.
    ///
    /// Where a request is refused that the memory of such arenas would do for, the collector is asked (`System.gc()`)
    /// before the refusal is final, as the JDK does for its direct memory: so a program that drops its segments goes
    /// on at a [hard limit][HeapOptions.Limits#hardLimitBytes]. Collections that free nothing take a tenth of the time
    /// at most: so long an allocation from an automatic arena waits, up to a second or so; any other request is refused
    /// at once. With `-XX:+DisableExplicitGC` nothing is collected.
    public HeapArena ofAuto() {
        return opened(HeapArena.ofAuto(arenaBlocks, automaticArenas));
    }

    private HeapArena opened(HeapArena arena) {
        Recorder running = recorder;
        return running == null ? arena : arena.recordedBy(running);
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

    /// Changes the soft limit: [HeapOptions.Builder#onSoftLimit] is called by the next request that needs memory while
    /// more is committed.
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
        long byteSize = reclaimer.visit(keepBytes, true);
        spans.events().note(Probe.Kind.TRIM, 0, byteSize, 0);
        return byteSize > 0;
    }

    /// What this heap holds and what it has done, from counts that are kept as things happen: microseconds, and a
    /// fraction of one more for each thread that uses the heap, whatever its size. Stops nobody.
    ///
    /// @throws IllegalStateException if this heap is closed
    public HeapStatistics statistics() {
        requireOpen("statistics");
        return statistics.make();
    }

    /// What this heap's memory is, chunk by chunk, by one walk over its records: some milliseconds a GiB at most. Stops
    /// nobody.
    ///
    /// @throws IllegalStateException if this heap is closed
    public HeapSnapshot snapshot() {
        requireOpen("snapshot");
        List<HeapSnapshot.Budget> budgets = new ArrayList<>();
        for (Budget each = budget; each != null; each = each.parent()) {
            budgets.add(new HeapSnapshot.Budget(each.usedBytes(), each.softBytes(), each.hardBytes()));
        }
        long confined = arenaChunks.openCount();
        Map<String, Long> openOnIt = new HashMap<>();
        tenants.open(confined).forEach((kind, count) -> {
            if (count > 0) {
                openOnIt.put(kind.toString(), count);
            }
        });
        HeapSnapshot.Arenas arenas = new HeapSnapshot.Arenas(confined, arenaChunks.idleCount());
        return new SnapshotMaker(spans, heapId).make(options.name(), caches, huge, arenas, openOnIt, budgets);
    }

    /// Where this heap's memory is, in parts that add up to what is mapped: a [#snapshot], and a look of the kernel at
    /// each page ([#residentBytes]). Some milliseconds a GiB; stops nobody.
    ///
    /// @throws IllegalStateException if this heap is closed
    public HeapFootprint footprint() {
        return footprints.make(snapshot(), residentBytes());
    }

    /// Takes samples of what is allocated from now on, or with another mean if some are taken: see [#profile]. Who is
    /// allocating already notices after about 1 MiB of a size class, or 256 blocks; for blocks above 32 KiB at once.
    ///
    /// Below 16 KiB the profile is dense: every call is looked at, at once and for a fraction of a microsecond and
    /// more, and samples lie where any block does; with 1 each block is one. A debug heap takes each block always.
    ///
    /// @param sampleBytes mean bytes between two samples, 1 to 2^40; 512 KiB suits programs in use
    /// @throws IllegalArgumentException if it is not
    /// @throws IllegalStateException if this heap is closed
    public void startProfile(long sampleBytes) {
        requireOpen("startProfile");
        if (sampleBytes <= 0 || sampleBytes > HeapOption.MAX_SAMPLE_BYTES) {
            throw new IllegalArgumentException(
                    "startProfile(sampleBytes=" + sampleBytes + "): must be from 1 to " + HeapOption.MAX_SAMPLE_BYTES);
        }
        switchProfile(debug == null ? sampleBytes : 1);
    }

    /// Takes samples as densely as that from now on, or none for 0.
    private void switchProfile(long sampleBytes) {
        boolean isDense = debug != null || (sampleBytes != 0 && sampleBytes < DENSE_BELOW_BYTES);
        synchronized (switching) {
            ProfiledCalls calls = isDense && debug == null ? new ProfiledCalls(plain, sampler) : null;
            sampler.setSeesEveryCall(isDense);
            if (sampleBytes == 0) {
                sampler.stop();
            } else {
                sampler.start(sampleBytes);
            }
            profiled = calls;
            switchCalls(recorder);
        }
        caches.lookAgain();
    }

    /// Takes no samples from now on, and forgets what they have told; a debug heap goes on.
    ///
    /// @throws IllegalStateException if this heap is closed
    public void stopProfile() {
        requireOpen("stopProfile");
        if (debug == null) {
            switchProfile(0);
        }
    }

    /// Who has allocated what since [#startProfile], or since this heap was made where the option `profileBytes` says
    /// so: live and total bytes and blocks by Java stack, estimated from samples. Empty, with 0 for its
    /// [AllocationProfile#sampleBytes], while none are taken. Pages that arenas, pools, regions and stacks have are
    /// not in it.
    ///
    /// While samples come so fast that they would cost more than about a hundredth of a processor's time, the way
    /// between them gets longer; the estimates stay unbiased.
    ///
    /// @throws IllegalStateException if this heap is closed
    public AllocationProfile profile() {
        requireOpen("profile");
        return sampler.profile(options.name(), 0);
    }

    /// As [#profile()], with those live blocks alone that are at least that old.
    ///
    /// @throws IllegalStateException if this heap is closed
    public AllocationProfile profile(Duration youngestAge) {
        requireOpen("profile");
        return sampler.profile(options.name(), youngestAge.toNanos());
    }

    /// What is live now and was sampled, by the stacks that have allocated it: for a moment at which nothing should be.
    ///
    /// @throws IllegalStateException if this heap is closed
    public LeakReport leaks() {
        return LeakReport.live(profile());
    }

    /// Why memory does not go back: which blocks hold pages of slabs that are nearly empty, and whose they are, as far
    /// as samples tell. Walks all slabs, some milliseconds a GiB, and stops nobody.
    ///
    /// Who has allocated a block is known while a dense profile is taken, with less than 16 KiB between samples, from
    /// when on the blocks were allocated: with `profileBytes=1`, of each. What is free and only waits for the purger is
    /// not in it; [#trim] gives that back.
    ///
    /// @throws IllegalStateException if this heap is closed
    public HeldPages heldPages() {
        requireOpen("heldPages");
        return new HeldPagesMaker(spans, heapId).make(options.name(), sampler);
    }

    /// Which stacks keep allocating what is not freed, by two snapshots: waits for `window` and looks at what is at
    /// least a quarter of that old, at half time and at the end. Takes samples meanwhile, one for each 64 KiB, if none
    /// are taken.
    ///
    /// @param window 30 seconds and more find what grows by half a MiB in that time
    /// @throws IllegalArgumentException if `window` is not above 0
    /// @throws IllegalStateException if this heap is closed, also meanwhile
    /// @throws InterruptedException if the thread is interrupted while it waits
    public LeakReport findGrowth(Duration window) throws InterruptedException {
        if (window.isNegative() || window.isZero()) {
            throw new IllegalArgumentException("findGrowth(window=" + window + "): must be above 0");
        }
        boolean isOwn = profile().sampleBytes() == 0;
        if (isOwn) {
            startProfile(HeapLeaks.SAMPLE_BYTES);
        }
        try {
            Duration age = window.dividedBy(4);
            Thread.sleep(window.dividedBy(2));
            AllocationProfile earlier = profile(age);
            Thread.sleep(window.dividedBy(2));
            return LeakReport.growing(earlier, profile(age), profile(age.plus(window.dividedBy(2))));
        } finally {
            if (isOwn && !isClosed()) {
                stopProfile();
            }
        }
    }

    /// What an error was about that the JVM throws when Java touches a guard: where the option `guardEvery` says so,
    /// some blocks lie between pages that nobody may touch, and after they are freed nobody may touch theirs. The JVM
    /// does not say which address that was.
    ///
    /// @param thrown a "fault in an unsafe memory access operation", or what it is the cause of
    /// @return the blocks that it may have been about, with the stacks that have allocated and freed them; empty when
    ///     it is no such error, or no heap has had such blocks
    public static Optional<String> explain(Throwable thrown) {
        return GuardReport.of(thrown, all());
    }

    /// What was written to beside blocks, or after they were freed: looks at every block that lies between guards or
    /// red zones, and at what is in quarantine. In a debug heap that is all; there a thread looks every second too,
    /// whose findings are in the log and here. A block is told of once.
    ///
    /// @return what was found since this was asked last, oldest first; the latest 1,024 of it
    /// @throws IllegalStateException if this heap is closed
    public List<MisuseReport> findDamage() {
        requireOpen("findDamage");
        if (debug != null) {
            return debug.findAll();
        }
        DebugFindings findings = new DebugFindings(options.name(), sampler);
        sampler.restartSearch();
        boolean unused = sampler.search(Long.MAX_VALUE, findings::note);
        return findings.take();
    }

    /// Lets errors that nobody catches be [explained][#explain] in the log, by the logger `malloc4j`, before whatever
    /// handles uncaught exceptions by default is told of them, or the JDK prints them. Done for programs that were
    /// started with `-Dmalloc4j.guardEvery`.
    public static void explainUncaught() {
        GuardReport.explainUncaught();
    }

    ProbeCalls probe() {
        return probe;
    }

    Sampler sampler() {
        return sampler;
    }

    /// Gives back what a debug heap keeps in quarantine. Returns whether it was anything; calls nobody of the
    /// program's.
    boolean giveBackQuarantine() {
        return debug != null && debug.calls().giveBack();
    }

    /// Writes what the program does with this heap from now on into a file, created or emptied, as a trace that
    /// `./malloc4j replay` replays; compressed by gzip where its name ends in `.gz`. Each malloc and free then takes
    /// the slow way, and a fraction of a microsecond to write down, one thread at a time.
    ///
    /// Blocks that are live already are left out, and with them what happens to them later; so are arenas that are open
    /// already. An allocation from an arena is one of the trace, freed when the arena is closed; of pools, regions and
    /// stacks the trace has the blocks that they take.
    ///
    /// What was done 20 ms ago is with the kernel, and in the file even if the process is killed. Where the file cannot
    /// be written any more, or the Java heap has no room for the addresses of live blocks, the recording ends: a line
    /// in the log says so (`System.Logger` `malloc4j`), and the program goes on. It ends with the heap too, and with
    /// the JVM.
    ///
    /// @throws java.io.UncheckedIOException if the file cannot be written, or another recording goes into it
    /// @throws IllegalStateException if this heap is closed, or is being recorded already, or the JVM is ending
    public void startRecording(Path file) {
        requireOpen("startRecording");
        recordings.start(file);
    }

    /// Ends the recording: when this returns, the file is whole.
    ///
    /// @throws java.io.UncheckedIOException if the last of it could not be written
    /// @throws IllegalStateException if this heap is closed, or none is going on; it may have ended by itself
    public void stopRecording() {
        requireOpen("stopRecording");
        Recorder ended = recordings.stop();
        if (ended == null) {
            throw new IllegalStateException("stopRecording of heap '" + options.name() + "': no recording is going on");
        }
        String failure = ended.failure();
        if (failure != null) {
            throw new UncheckedIOException(
                    new IOException("stopRecording of heap '" + options.name() + "': " + failure));
        }
    }

    private void switchRecording(@Nullable Recorder telling) {
        synchronized (switching) {
            switchCalls(telling);
        }
    }

    /// Sends every call the slow way where something is to see it, by leading the warm one to a table that has nothing
    /// and a key that no block has; or back. Who is in a call, or has loaded what leads there, goes on as it was: what
    /// sees the calls may miss that one, and the heap does not care.
    ///
    /// @param telling the recorder that is told, null for none
    private void switchCalls(@Nullable Recorder telling) {
        CallHook seen = debug != null ? debug.calls() : profiled;
        CallHook recorded = telling == null ? seen : new RecordedCalls(unrecorded, telling);
        CacheTable below = seen == null ? table : emptyTable();
        CacheTable atHand = recorded == null ? table : emptyTable();
        heapKey = atHand.heapKey(); // first the frees: what is to be seen must not be freed unseen
        VarHandle.releaseFence();
        unrecorded.hook(seen, below); // nothing is made here, nor below
        calls.hook(recorded, atHand);
        VarHandle.releaseFence();
        rows = atHand.rows();
        displaced = atHand.displaced();
        recorder = telling;
        isHooked = recorded != null;
    }

    private CacheTable emptyTable() {
        CacheTable empty = emptyTable;
        if (empty == null) {
            empty = table.empty();
            emptyTable = empty;
        }
        return empty;
    }

    /// Bytes of live blocks that are no huge ones, those included that other threads have freed shortly before. Walks
    /// no slab.
    long liveBytes() {
        return caches.liveBytes() + spans.largeBytes() - caches.stockedBytes();
    }

    /// Bytes of pages of slabs and large blocks that the limits count.
    long chargedSpanBytes() {
        return spans.chargedBytes();
    }

    /// Bytes of this heap's extents and huge blocks that the kernel holds memory for, by `mincore`; 0 when this heap is
    /// closed. The kernel looks at each page: some milliseconds a GiB.
    public long residentBytes() {
        if (isClosed()) {
            return 0;
        }
        Resident resident = new Resident();
        spans.forEachExtent(resident);
        huge.forEachBlock(resident);
        return resident.residentBytes;
    }

    /// Adds up what is resident.
    private final class Resident implements RangeVisitor {
        long residentBytes;

        @Override
        public void visit(long address, long byteSize) {
            residentBytes += Math.max(0, Residency.residentBytes(ground.calls(), address, byteSize));
        }
    }

    /// Checks every invariant of this heap, while no thread of the program uses it; the collector's, which frees what
    /// automatic arenas have had, waits.
    ///
    /// @throws AssertionError naming the first that does not hold
    /// @throws IllegalStateException if this heap is closed
    public void verify() {
        requireOpen("verify");
        automaticArenas.whileNothingIsFreed(this::verifyParts);
    }

    private void verifyParts() {
        arenaChunks.verify();
        reclaimer.verify();
        huge.verify();
        route.verify();
        if (debug != null) {
            debug.quarantine().verify();
        }
    }

    /// Of this heap, and of the stack for what is done with it whole.
    private void requireOpen(String call) {
        StackProbe.requireForWhole();
        if (isClosed()) {
            throw errors.closed(call);
        }
    }

    /// Gives everything back at once, live blocks too; segments of this heap and of its automatic arenas throw from now
    /// on. No other thread may be using this heap, or any memory of it. Closing a closed heap does nothing.
    ///
    /// A confined arena, region or pool of a thread that has ended does not count; one of a virtual thread does: nobody
    /// is left to close it, and the heap stays.
    ///
    /// @throws IllegalStateException if arenas, pools, regions, stacks or child heaps are open on this heap, counted by
    ///     kind in the message, or a native call is using a segment: nothing has changed. Or if the kernel refused to
    ///     take something back; closing again tries again
    /// @throws UnsupportedOperationException if this is the common heap
    @Override
    public void close() {
        if (!closeable) {
            throw new UnsupportedOperationException("the common heap is never closed");
        }
        StackProbe.requireForWhole();
        if (!isClosed()) {
            endScopes();
            HeapLeaks.tellAtClose(this);
            if (debug != null) {
                debug.close();
            }
            automaticArenas.whileNothingIsFreed(this::refuseCalls);
            Recorder unused = recordings.stop();
            limits.close();
            if (options.limits().parent() != null) {
                options.limits().parent().tenants.count(Tenants.Kind.CHILD).decrement();
            }
        }
        arenaChunks.clear();
        stopPurging.run();
        long hugeResult = huge.close();
        long guardResult = sampler.close();
        long result = reclaimer.close();
        long failure = hugeResult < 0 ? hugeResult : guardResult < 0 ? guardResult : result;
        if (failure < 0) {
            throw new IllegalStateException("close of heap '" + options.name()
                    + "': the kernel did not take everything back: " + Errno.name(failure) + "; close it again");
        }
        spans.events().close();
        HeapRegistry.remove(heapId);
        ground.memory().removeHeap(heapId);
    }

    private void refuseCalls() {
        calls.close();
        unrecorded.close();
        plain.close();
    }

    private void endScopes() {
        String open = tenants.describe(arenaChunks.openCount());
        if (!open.isEmpty()) {
            throw new IllegalStateException(
                    "close of heap '" + options.name() + "': open on it: " + open + "; close them first");
        }
        if (scope.scope().isAlive()) { // it is not when a native call was using an automatic arena's segment
            scope.close();
        }
        automaticArenas.close();
    }

    @Override
    public String toString() {
        return "Heap[" + options.name() + ", " + options.memory().source() + (isClosed() ? ", closed]" : "]");
    }
}
