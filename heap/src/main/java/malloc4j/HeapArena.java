package malloc4j;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.lang.foreign.ValueLayout;
import java.lang.ref.Reference;
import java.nio.charset.Charset;
import malloc4j.bytes.Bytes;
import malloc4j.internal.memory.Bits;
import malloc4j.internal.memory.FaultingRanges;
import malloc4j.internal.memory.RawMemory;
import malloc4j.internal.memory.StackProbe;
import malloc4j.internal.os.Mutex;
import malloc4j.internal.region.PageGeometry;
import malloc4j.internal.route.Tenants;
import malloc4j.internal.slab.SizeClasses;
import malloc4j.internal.trace.Recorder;
import org.jspecify.annotations.Nullable;

/// An arena on a heap, with the contract of the JDK's [Arena]: [Heap#ofConfined], [Heap#ofShared], [Heap#ofAuto], and
/// [Heap#ofUnscoped], which keeps all of it but that its segments end with it. Each point of the contract is listed,
/// and tried, in docs/arena-contract.md.
///
/// ```java
/// import java.lang.foreign.MemorySegment;
/// import malloc4j.Heap;
/// import malloc4j.HeapArena;
///
/// void main() {
///     try (HeapArena arena = Heap.common().ofConfined()) {
///         MemorySegment counts = arena.allocate(1 << 20); // zero
///         MemorySegment input = arena.allocateUnzeroed(1 << 20, 8); // for what is about to be written over
///         MemorySegment name = arena.unzeroed().allocateFrom("as any SegmentAllocator");
///     }
/// }
/// ```
///
/// What is [allocated from][java.lang.foreign.SegmentAllocator#allocateFrom(String)] an array, a segment or a string is
/// not zeroed before it is written.
///
/// **How.** The scope, and with it the thread rules and exceptions, is that of a JDK arena which allocates nothing
/// itself; the memory is blocks of the heap, freed when that arena has closed.
///
/// ```
/// chunk     |##|##|###|#|      of the thread, see ArenaChunks; then, and in other arenas than confined ones:
/// pieces   1 KiB   2 KiB   4 KiB ... 64 KiB      each filled from its start; what is larger than an eighth of the next
///          |##|##| |###|-- cursor   limit        piece gets a block of its own
/// ```
///
/// A confined arena that is opened, used and closed in one method costs little more than the zeroing: it is made of
/// few fields and small methods, so that the JIT can do without the object.
///
/// An unscoped arena has the scope of its heap, for the common heap the global one: nothing has to be told to other
/// threads when it closes. An automatic one has the scope of an automatic arena of the JDK, whose end frees the blocks,
/// after what the program has attached to it. Only where the heap can be closed it has that of a shared arena, which
/// ends with the heap, and keeps the automatic one reachable.
///
/// The heap counts the arenas that are open on it, and is not closed before them; but for automatic ones, which nobody
/// can close.
///
/// Concurrency: a confined arena is checked to be used by its thread; the others allocate under a lock, which is given
/// up while the heap is asked for a block, because it may ask the program and the collector for room. So after that the
/// arena may have been closed, or have got a block meanwhile; in a confined arena too, by the program's own call.
///
/// @since 0.1.0
public final class HeapArena implements Arena {
    private static final long FIRST_PIECE_BYTES = 1 << 10;
    private static final long LAST_PIECE_BYTES = 64 << 10;
    private static final int PIECE_SHARE_SHIFT = 3;

    /// How much of the begin of a block in a slab, and of a chunk, is never handed out.
    static final int LEAD_BYTES = 16;

    /// The largest block that is in a slab: what has a page is pages, whose begin the heap refuses as well.
    private static final long MAX_SLAB_BYTES = Math.min(PageGeometry.PAGE_BYTES - 1, SizeClasses.MAX_SMALL_BYTES);

    private static final int MAX_TURNS = 64; // of the collector, each of which has freed what others may have taken
    private static final int MAX_IN_VAIN = 3; // other threads may be about to drop what they have just been given

    private final Arena scope;
    private final ArenaBlockList blocks;
    private final @Nullable Thread owner;
    private final @Nullable Mutex lock;
    private final Closing closing;
    private final ArenaChunk chunk;
    private long cursor;
    private long limit;
    private long nextPieceBytes = FIRST_PIECE_BYTES;
    private boolean closed; // under the lock

    private enum Closing {
        WITH_SCOPE,
        WITHOUT_SCOPE,
        BY_COLLECTOR
    }

    private HeapArena(ArenaBlockList blocks, Arena scope, @Nullable Thread owner, ArenaChunk chunk, Closing closing) {
        this.scope = scope;
        this.blocks = blocks;
        this.owner = owner;
        this.lock = owner == null ? new Mutex() : null;
        this.closing = closing;
        this.chunk = chunk;
        this.cursor = chunk.begin;
        this.limit = chunk.limit;
    }

    static HeapArena ofConfined(ArenaBlocks heap, ArenaChunks chunks) {
        StackProbe.requireForCall();
        Thread owner = Thread.currentThread();
        ArenaChunk chunk = chunks.take(owner);
        try {
            return new HeapArena(new ArenaBlockList(heap, null), Arena.ofConfined(), owner, chunk, Closing.WITH_SCOPE);
        } catch (OutOfMemoryError full) { // of the Java heap
            chunk.release();
            throw full;
        }
    }

    static HeapArena ofShared(ArenaBlocks heap) {
        ArenaChunk count = new ArenaChunk(heap.count(Tenants.Kind.SHARED_ARENA));
        count.enter();
        try {
            return new HeapArena(new ArenaBlockList(heap, null), Arena.ofShared(), null, count, Closing.WITH_SCOPE);
        } catch (OutOfMemoryError full) {
            count.release();
            throw full;
        }
    }

    static HeapArena ofUnscoped(ArenaBlocks heap) {
        ArenaChunk count = new ArenaChunk(heap.count(Tenants.Kind.UNSCOPED_ARENA));
        count.enter();
        try {
            return new HeapArena(new ArenaBlockList(heap, null), heap.scope(), null, count, Closing.WITHOUT_SCOPE);
        } catch (OutOfMemoryError full) {
            count.release();
            throw full;
        }
    }

    /// This arena, just opened, which tells a recorder from now on.
    HeapArena recordedBy(Recorder recorder) {
        try {
            blocks.record = new ArenaRecord(recorder);
        } catch (OutOfMemoryError full) {
            recorder.failFull();
        }
        return this;
    }

    static HeapArena ofAuto(ArenaBlocks heap, AutomaticArenas automatic) {
        Arena reachable = Arena.ofAuto();
        Arena scope = heap.isCloseable() ? endingWithHeap(reachable) : reachable;
        // All that the cleanup knows: it must not keep the scope reachable.
        ArenaBlockList blocks = new ArenaBlockList(heap, automatic);
        HeapArena arena = new HeapArena(blocks, scope, null, ArenaChunk.NONE, Closing.BY_COLLECTOR);
        automatic.open(scope, reachable, blocks::freeUnlessClosed);
        return arena;
    }

    /// A scope as long as `reachable`, unless the heap ends it before.
    @SuppressWarnings("ReachabilityFenceUsage") // the lambda holds what it captures, for who has but a segment
    private static Arena endingWithHeap(Arena reachable) {
        Arena scope = Arena.ofShared();
        RawMemory.onClose(scope, () -> {
            Reference.reachabilityFence(reachable); // freed when it is not
            Reference.reachabilityFence(scope); // found by the heap while it is
        });
        return scope;
    }

    /// Allocates a segment that is zero and lives until this arena ends.
    ///
    /// @param byteSize 0 to [Heap#MAX_BYTE_SIZE]
    /// @param byteAlignment a power of two
    /// @throws IllegalArgumentException if an argument is outside its range
    /// @throws OutOfNativeMemoryError if there is no memory, or no address with that alignment
    /// @throws IllegalStateException if this arena is closed
    /// @throws WrongThreadException if this arena is confined to another thread
    @Override
    public MemorySegment allocate(long byteSize, long byteAlignment) {
        return allocate(byteSize, byteAlignment, true);
    }

    /// As [#allocate(long, long)], but the contents are unspecified: for what is written over before it is read.
    ///
    /// @param byteSize 0 to [Heap#MAX_BYTE_SIZE]
    /// @param byteAlignment a power of two
    /// @throws IllegalArgumentException if an argument is outside its range
    /// @throws OutOfNativeMemoryError if there is no memory, or no address with that alignment
    /// @throws IllegalStateException if this arena is closed
    /// @throws WrongThreadException if this arena is confined to another thread
    public MemorySegment allocateUnzeroed(long byteSize, long byteAlignment) {
        return allocate(byteSize, byteAlignment, false);
    }

    /// This arena as an allocator whose segments are [not zeroed][#allocateUnzeroed].
    public SegmentAllocator unzeroed() {
        return new Unzeroed();
    }

    /// Not a lambda: nothing has to be linked, and so nothing can fail, at the first call.
    private final class Unzeroed implements SegmentAllocator {
        @Override
        public MemorySegment allocate(long byteSize, long byteAlignment) {
            return allocateUnzeroed(byteSize, byteAlignment);
        }
    }

    @Override
    public MemorySegment allocateFrom(String string, Charset charset) {
        return unzeroed().allocateFrom(string, charset);
    }

    @Override
    public MemorySegment allocateFrom(
            ValueLayout elementLayout,
            MemorySegment source,
            ValueLayout sourceElementLayout,
            long sourceOffset,
            long elementCount) {
        return unzeroed().allocateFrom(elementLayout, source, sourceElementLayout, sourceOffset, elementCount);
    }

    private MemorySegment allocate(long byteSize, long byteAlignment, boolean isZeroed) {
        if (byteSize < 0 || !Bits.isPowerOfTwo(byteAlignment)) {
            throw badArguments(byteSize, byteAlignment, isZeroed);
        }
        if (lock == null) {
            if (owner != Thread.currentThread()) {
                return RawMemory.segment(1, 0, scope); // throws what the JDK throws then, in its words
            }
            return allocateOwned(byteSize, byteAlignment, isZeroed);
        }
        StackProbe.requireForCall(); // what is locked must be unlocked
        lock.lock();
        try {
            return allocateOwned(byteSize, byteAlignment, isZeroed);
        } finally {
            lock.unlock();
        }
    }

    private MemorySegment allocateOwned(long byteSize, long byteAlignment, boolean isZeroed) {
        ArenaRecord record = blocks.record;
        if (record == null) {
            return allocateUnrecorded(byteSize, byteAlignment, isZeroed);
        }
        StackProbe.requireForWhole();
        MemorySegment segment = allocateUnrecorded(byteSize, byteAlignment, isZeroed);
        record.add(byteSize, byteAlignment, isZeroed);
        return segment;
    }

    private MemorySegment allocateUnrecorded(long byteSize, long byteAlignment, boolean isZeroed) {
        requireOpen();
        long room = Math.max(1, byteSize); // segments of no bytes have addresses of their own, as the JDK's
        long address = Bits.alignUp(cursor, byteAlignment);
        if (room > limit - address) {
            StackProbe.requireForCall();
            if (Math.max(room, byteAlignment) > nextPieceBytes >>> PIECE_SHARE_SHIFT) {
                return RawMemory.segment(allocateAlone(room, byteAlignment, isZeroed), byteSize, scope);
            }
            address = Bits.alignUp(allocatePiece(), byteAlignment);
        }
        if (isZeroed) {
            zero(address, byteSize);
        }
        cursor = address + room; // after what may throw
        return RawMemory.segment(address, byteSize, scope);
    }

    private void requireOpen() {
        if (closed || !scope.scope().isAlive()) {
            throw alreadyClosed();
        }
    }

    /// By the C library, which is the fastest, unless the pages may vanish under it.
    private static void zero(long address, long byteSize) {
        if (FaultingRanges.overlap(address, byteSize)) {
            RawMemory.fill(address, byteSize, (byte) 0);
            FaultingRanges.await(address, byteSize);
        } else {
            Bytes.memset(address, 0, byteSize);
        }
    }

    /// Begins another piece. Returns where it can be filled from.
    ///
    /// Not from the start of a block in a slab, nor is anything else here handed out from there: so the heap, which
    /// knows the blocks of a warm free by nothing else, refuses what an arena has handed out.
    private long allocatePiece() {
        long byteSize = nextPieceBytes;
        long piece = take(byteSize, 1, false);
        long begin = piece & -SizeClasses.QUANTUM_BYTES;
        nextPieceBytes = Math.min(2 * byteSize, LAST_PIECE_BYTES);
        cursor = begin == piece ? begin + LEAD_BYTES : begin; // no call between the two: they belong together
        limit = begin + byteSize;
        return cursor;
    }

    /// Allocates a block of its own.
    private long allocateAlone(long byteSize, long byteAlignment, boolean isZeroed) {
        long lead = Math.max(LEAD_BYTES, byteAlignment);
        if (byteSize > MAX_SLAB_BYTES - lead) {
            long pages = take(Math.max(byteSize, MAX_SLAB_BYTES + 1), byteAlignment, isZeroed) - ArenaBlockList.HELD;
            nextPieceBytes = Math.min(2 * nextPieceBytes, LAST_PIECE_BYTES);
            return pages;
        }
        return take(byteSize + lead, lead, isZeroed) + lead;
    }

    /// Gets a block from the heap, without the lock, and adds it to those of this arena.
    private long take(long byteSize, long byteAlignment, boolean isZeroed) {
        if (lock != null) {
            lock.unlock();
        }
        long block = 0;
        try {
            block = newBlock(byteSize, byteAlignment, isZeroed);
        } finally {
            if (lock != null) {
                lock.lock();
            }
        }
        try {
            requireOpen();
            blocks.add(block, byteSize);
        } catch (Throwable closedOrFullJavaHeap) {
            blocks.free(block);
            throw closedOrFullJavaHeap;
        }
        return block;
    }

    /// As [#newBlockOnce], asking the collector where an automatic arena was refused.
    private long newBlock(long byteSize, long byteAlignment, boolean isZeroed) {
        if (closing != Closing.BY_COLLECTOR) {
            return newBlockOnce(byteSize, byteAlignment, isZeroed);
        }
        int inVain = 0;
        for (int turns = 0; ; turns++) {
            long begun = CollectorTurns.begun();
            try {
                return newBlockOnce(byteSize, byteAlignment, isZeroed);
            } catch (OutOfNativeMemoryError refused) {
                inVain += blocks.heap.awaitCollector(refused.limit(), byteSize, begun) ? 0 : 1;
                if (turns == MAX_TURNS || inVain == MAX_IN_VAIN) {
                    throw refused;
                }
            }
        }
    }

    /// A block that is in no list yet, [ArenaBlockList#HELD] added where the heap knows it as an arena's.
    private long newBlockOnce(long byteSize, long byteAlignment, boolean isZeroed) {
        ArenaBlocks heap = blocks.heap;
        if (byteSize > MAX_SLAB_BYTES) {
            long pages = heap.pages(byteSize, byteAlignment);
            boolean isDone = !isZeroed || (heap.isZeroed(pages) && !FaultingRanges.overlap(pages, byteSize));
            return isDone ? pages | ArenaBlockList.HELD : zeroed(pages | ArenaBlockList.HELD, byteSize);
        }
        long block = heap.malloc(byteSize, byteAlignment);
        return isZeroed ? zeroed(block, byteSize) : block;
    }

    private long zeroed(long block, long byteSize) {
        try {
            zero(block & -SizeClasses.QUANTUM_BYTES, byteSize);
        } catch (Throwable vanished) {
            blocks.free(block);
            throw vanished;
        }
        return block;
    }

    private static IllegalArgumentException badArguments(long byteSize, long byteAlignment, boolean isZeroed) {
        return new IllegalArgumentException((isZeroed ? "allocate" : "allocateUnzeroed") + "(byteSize=" + byteSize
                + ", byteAlignment=" + byteAlignment + "): the size must be 0 or more, the alignment a power of two");
    }

    private static IllegalStateException alreadyClosed() {
        return new IllegalStateException("Already closed");
    }

    @Override
    public MemorySegment.Scope scope() {
        return scope.scope();
    }

    @Override
    public void close() {
        blocks.requireStackToFree();
        if (closing == Closing.BY_COLLECTOR) {
            Arena.global().close(); // throws what the JDK throws for a scope that nobody closes
        }
        if (lock == null) {
            closeOwned();
            return;
        }
        beginToClose(lock);
        try {
            if (closing == Closing.WITH_SCOPE) {
                scope.close();
            }
        } finally {
            endOfClose(lock);
        }
    }

    /// Of a confined arena. What the program has attached to it runs within, and may call this again.
    private void closeOwned() {
        if (closed || owner != Thread.currentThread()) {
            scope.close(); // throws what the JDK throws then
        }
        closed = true;
        try {
            scope.close();
        } catch (Throwable failed) {
            giveBackIfEnded();
            throw failed;
        }
        release();
    }

    /// After the scope's close has thrown: what the program has attached to it did, the Java heap is full, or it is in
    /// use.
    private void giveBackIfEnded() {
        if (scope.scope().isAlive()) {
            closed = false;
        } else {
            release();
        }
    }

    private void release() {
        closed = true;
        blocks.free();
        chunk.release();
    }

    /// One thread at a time closes the scope: so when that throws and the scope has ended, no access is under way.
    private void beginToClose(Mutex held) {
        held.lock(); // waits for an allocation that found the arena open
        try {
            if (closed) {
                throw alreadyClosed();
            }
            closed = true;
        } finally {
            held.unlock();
        }
    }

    /// Gives the blocks back, unless the scope could not be closed: then the arena stays open.
    private void endOfClose(Mutex held) {
        held.lock();
        try {
            if (closing == Closing.WITH_SCOPE && scope.scope().isAlive()) {
                closed = false;
            } else {
                release();
            }
        } finally {
            held.unlock();
        }
    }
}
