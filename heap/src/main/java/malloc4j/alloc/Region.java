package malloc4j.alloc;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.util.ArrayList;
import java.util.List;
import malloc4j.Heap;
import malloc4j.OutOfNativeMemoryError;
import malloc4j.internal.memory.Bits;
import malloc4j.internal.memory.RawMemory;
import malloc4j.internal.memory.Sizes;
import malloc4j.internal.memory.StackProbe;
import malloc4j.internal.route.Tenants;
import org.jspecify.annotations.Nullable;

/// Memory that is given out by moving a cursor, and taken back all at once, or back to a mark.
///
/// ```
///   chunks    |######|########..|   |#####|####|          |    |                      |
///                  ^        wasted        ^    ^ cursor   ^ limit     kept, empty
///                  mark 1                 mark 2
///   scopes    |- region's own ------------| mark 2's |     blocks given out after a mark have that mark's scope
///                  |- mark 1's -----------|
/// ```
///
/// ```java
/// import java.lang.foreign.MemorySegment;
/// import java.lang.foreign.ValueLayout;
/// import malloc4j.Heap;
/// import malloc4j.alloc.Region;
///
/// void main() {
///     try (Region region = Region.ofHeap(Heap.common(), 64 << 10)) {
///         MemorySegment kept = region.allocateFrom("as long as the region");
///         Region.Mark mark = region.mark();
///         MemorySegment scratch = region.allocate(ValueLayout.JAVA_INT, 1_000);
///         region.rewind(mark); // scratch is gone: using it throws
///         if (scratch.scope().isAlive() || !kept.getString(0).startsWith("as")) {
///             throw new AssertionError(region);
///         }
///     }
/// }
/// ```
///
/// **What is checked.** A region belongs to the thread that made it, like a confined arena: another that uses it or
/// one of its blocks is refused by [WrongThreadException]. A block's segment throws [IllegalStateException] once
/// the region is rewound past it or closed. [#rewind] refuses a mark of another region, and one that was rewound to
/// or past already. Nothing is checked for a block used by its raw address, nor can a block know that the segment
/// below a bounded region was closed before the region: close them in the other order, as try-with-resources does.
///
/// **Memory.** From a heap the region takes chunks of one size, and larger ones for what does not fit; the heap gives
/// whole pages for each, which nobody else can free. The end of a
/// chunk that is too small for the next block is wasted until the region is rewound. Chunks stay with the region
/// when it is rewound, and are used again; [#trim] gives back those that hold nothing. A region on a given segment
/// does not grow; when it is full it throws [AllocatorOverflowException].
///
/// The contents of a block are unspecified, unless it comes from [#allocateZeroed]; [#zeroed] is the region as an
/// allocator of zeroed blocks. A block of zero bytes takes no room.
///
/// Invariants, each checked by [#verify]:
/// 1. `cursor <= limit`, and both lie in the current chunk; the chunks after it hold nothing.
/// 2. Marks lie in the order in which they were made: `mark.chunk <= next.chunk`, and in one chunk `mark.cursor <=
///    next.cursor <= cursor`.
/// 3. Each mark that was not rewound to or past has a scope that is alive, and so has the region.
///
/// @since 0.1.0
public final class Region implements SegmentAllocator, AutoCloseable {
    private static final int MIN_CHUNK_BYTES = 64;

    /// A range that blocks come from.
    private record Chunk(long address, long byteSize) {}

    private final Thread owner = Thread.currentThread();
    private final @Nullable MemorySegment backing; // null: the heap
    private final @Nullable HeapBlocks heapBlocks; // null: the segment
    private final long chunkBytes;

    private final List<Chunk> chunks = new ArrayList<>();
    private int current = -1; // the chunk of the cursor; -1: none yet
    private long cursor = 1; // above the limit: the first request, and any after close, goes the slow way
    private long limit;

    private Arena scope = Arena.ofConfined(); // of what is allocated now: the latest mark's, or the region's own
    private @Nullable Mark latest;
    private boolean closed;

    private Region(@Nullable MemorySegment backing, @Nullable HeapBlocks heapBlocks, long chunkBytes) {
        this.backing = backing;
        this.heapBlocks = heapBlocks;
        this.chunkBytes = chunkBytes;
    }

    /// A region that grows by chunks from `heap`, for the current thread.
    ///
    /// @param chunkBytes the size of a chunk in bytes, 64 to 2^30; the first is taken when it is needed
    /// @throws IllegalArgumentException if `chunkBytes` is outside its range
    public static Region ofHeap(Heap heap, long chunkBytes) {
        if (chunkBytes < MIN_CHUNK_BYTES || chunkBytes > 1L << 30) {
            throw new IllegalArgumentException("chunkBytes=" + chunkBytes + ": must be 64 to 2^30");
        }
        HeapBlocks blocks = new HeapBlocks(heap, Tenants.Kind.REGION, Thread.currentThread());
        Region region = new Region(null, blocks, chunkBytes);
        blocks.enter();
        return region;
    }

    /// A region in `segment`, such as a mapping's, for the current thread.
    ///
    /// @throws IllegalArgumentException if the segment is not native, or is read-only
    /// @throws IllegalStateException if the segment is closed
    /// @throws WrongThreadException if it is confined to another thread
    public static Region ofSegment(MemorySegment segment) {
        Requests.checkBacking(segment);
        Region region = new Region(segment, null, segment.byteSize());
        region.chunks.add(new Chunk(segment.address(), segment.byteSize()));
        region.enter(0);
        return region;
    }

    /// A place in a region that it can be rewound to, once.
    public static final class Mark {
        private final Region region;
        private final @Nullable Mark previous;
        private final Arena previousScope;
        private final int chunk;
        private final long cursor;
        private final long limit;
        private boolean passed;

        private Mark(Region region) {
            this.region = region;
            this.previous = region.latest;
            this.previousScope = region.scope;
            this.chunk = region.current;
            this.cursor = region.cursor;
            this.limit = region.limit;
        }
    }

    // ---------------------------------------------------------------------------------------------------- allocating

    /// Allocates a block. Its contents are unspecified.
    ///
    /// @param byteSize 0 or more
    /// @param byteAlignment a power of two
    /// @throws IllegalArgumentException if an argument is outside its range
    /// @throws AllocatorOverflowException if the region is on a segment and has no room
    /// @throws malloc4j.OutOfNativeMemoryError if the heap has no more memory
    /// @throws WrongThreadException if the current thread is not the one that made the region
    /// @throws IllegalStateException if the region or its segment is closed
    /// @implNote The cursor is rounded up, compared with the limit, and stored.
    @Override
    public MemorySegment allocate(long byteSize, long byteAlignment) {
        return RawMemory.segment(allocateAddress(byteSize, byteAlignment), byteSize, scope);
    }

    /// Allocates a block that is zero.
    ///
    /// @param byteSize 0 or more
    /// @param byteAlignment a power of two
    /// @throws IllegalArgumentException if an argument is outside its range
    /// @throws AllocatorOverflowException if the region is on a segment and has no room
    /// @throws malloc4j.OutOfNativeMemoryError if the heap has no more memory
    /// @throws WrongThreadException if the current thread is not the one that made the region
    /// @throws IllegalStateException if the region or its segment is closed
    public MemorySegment allocateZeroed(long byteSize, long byteAlignment) {
        return allocate(byteSize, byteAlignment).fill((byte) 0);
    }

    /// This region as an allocator whose segments are zero.
    public SegmentAllocator zeroed() {
        return this::allocateZeroed;
    }

    /// Allocates a block, as [#allocate], and returns its address: nothing tells when it is used too late.
    ///
    /// @param byteSize 0 or more
    /// @param byteAlignment a power of two
    /// @throws IllegalArgumentException if an argument is outside its range
    /// @throws AllocatorOverflowException if the region is on a segment and has no room
    /// @throws malloc4j.OutOfNativeMemoryError if the heap has no more memory
    /// @throws WrongThreadException if the current thread is not the one that made the region
    /// @throws IllegalStateException if the region or its segment is closed
    public long allocateAddress(long byteSize, long byteAlignment) {
        Requests.check(byteSize, byteAlignment);
        requireOwner();
        if (backing != null && !backing.scope().isAlive()) {
            throw new IllegalStateException("allocate of " + this + ": its segment is closed");
        }
        long address = Bits.alignUp(cursor, byteAlignment);
        if (byteSize > limit - address) {
            address = findRoom(byteSize, byteAlignment);
        }
        cursor = address + byteSize;
        return address;
    }

    /// Goes on to a chunk that has room for a block. Returns the block's address.
    private long findRoom(long byteSize, long byteAlignment) {
        StackProbe.requireForCall();
        requireOpen("allocate");
        if (heapBlocks == null) {
            throw new AllocatorOverflowException(
                    "allocate(byteSize=" + byteSize + ", byteAlignment=" + byteAlignment + ")",
                    toString(),
                    byteSize,
                    usedBytes(),
                    chunkBytes,
                    "rewind it, or give it a larger segment");
        }
        long bytes = Math.max(chunkBytes, byteSize);
        while (!enterNext(heapBlocks, bytes, byteSize, byteAlignment)) {
            requireOpen("allocate"); // the program may have closed it to make room
        }
        return Bits.alignUp(cursor, byteAlignment);
    }

    /// Goes on to the next chunk, or a new one of `bytes` bytes. Returns false when the heap has refused that, and it
    /// is worth trying again.
    private boolean enterNext(HeapBlocks heap, long bytes, long byteSize, long byteAlignment) {
        int next = current + 1;
        if (next == chunks.size() || !hasRoom(chunks.get(next), byteSize, byteAlignment)) {
            long address;
            try {
                address = heap.add(bytes, byteAlignment);
            } catch (OutOfNativeMemoryError refused) {
                if (heap.makeRoom(refused, bytes)) {
                    return false;
                }
                throw refused;
            }
            try {
                chunks.add(next, new Chunk(address, bytes));
            } catch (OutOfMemoryError ofJava) {
                heap.remove(address);
                throw ofJava;
            }
        }
        enter(next);
        return true;
    }

    private static boolean hasRoom(Chunk chunk, long byteSize, long byteAlignment) {
        return byteSize <= chunk.address + chunk.byteSize - Bits.alignUp(chunk.address, byteAlignment);
    }

    private void enter(int chunk) {
        current = chunk;
        cursor = chunks.get(chunk).address;
        limit = cursor + chunks.get(chunk).byteSize;
    }

    // ------------------------------------------------------------------------------------------------ marks and close

    /// Remembers how far the region is filled. Blocks allocated from now on have a scope of their own, which ends
    /// when the region is rewound to this mark, or to one before it.
    ///
    /// A mark that is never rewound to stays until the region is rewound to one before it, or closed.
    ///
    /// @throws WrongThreadException if the current thread is not the one that made the region
    /// @throws IllegalStateException if the region is closed
    public Mark mark() {
        requireOwner();
        requireOpen("mark");
        Mark mark = new Mark(this);
        Arena opened = Arena.ofConfined(); // before anything changes: the Java heap may be full
        latest = mark;
        scope = opened;
        return mark;
    }

    /// Frees what was allocated since `mark` was made. It and later marks cannot be used again.
    ///
    /// @throws IllegalArgumentException if the mark is of another region
    /// @throws WrongThreadException if the current thread is not the one that made the region
    /// @throws IllegalStateException if the region was already rewound to this mark, or past it, or is closed;
    ///     nothing has changed. Or if a native call is using a block: the region is rewound as far as that allows
    public void rewind(Mark mark) {
        requireOwner();
        if (mark.region != this) {
            throw new IllegalArgumentException("rewind of " + this + ": the mark is one of " + mark.region);
        }
        requireOpen("rewind");
        if (mark.passed) {
            throw new IllegalStateException("rewind of " + this + ": it was rewound to this mark or past it already");
        }
        while (!mark.passed) {
            rewindToLatest();
        }
    }

    private void rewindToLatest() {
        Mark mark = latest;
        if (mark == null) {
            throw new AssertionError("a mark is not among the marks of its region");
        }
        Stack.end(scope);
        scope = mark.previousScope;
        latest = mark.previous;
        mark.passed = true;
        current = mark.chunk;
        cursor = mark.cursor;
        limit = mark.limit;
    }

    /// Gives the chunks that hold nothing back to the heap.
    ///
    /// @throws WrongThreadException if the current thread is not the one that made the region
    /// @throws IllegalStateException if the region is closed
    public void trim() {
        requireOwner();
        requireOpen("trim");
        if (heapBlocks != null) {
            while (chunks.size() > current + 1) {
                heapBlocks.remove(chunks.getLast().address);
                chunks.removeLast();
            }
        }
    }

    /// Frees everything at once and gives all chunks back to the heap; segments of this region throw from now on.
    /// Closing a closed region does nothing.
    ///
    /// @throws IllegalStateException if a native call is using a block: the region is rewound as far as that
    ///     allows
    /// @throws WrongThreadException if the current thread is not the one that made the region
    @Override
    public void close() {
        requireOwner();
        if (closed) {
            freeChunks();
            return;
        }
        while (latest != null) {
            rewindToLatest();
        }
        Stack.end(scope);
        closed = true;
        chunks.clear();
        current = -1;
        cursor = 1;
        limit = 0;
        freeChunks();
    }

    /// Gives back what an earlier close, which an error has ended, may have left too.
    private void freeChunks() {
        if (heapBlocks != null) {
            heapBlocks.freeAll();
        }
    }

    // ---------------------------------------------------------------------------------------------------- the region

    /// How many bytes of the chunks are filled, with what is wasted between blocks and at the ends of chunks; 0
    /// when the region is closed.
    public long usedBytes() {
        long used = 0;
        for (int chunk = 0; chunk < current; chunk++) {
            used += chunks.get(chunk).byteSize;
        }
        return current < 0 ? 0 : used + cursor - chunks.get(current).address;
    }

    /// How many bytes the chunks have; 0 when the region is closed.
    public long capacityBytes() {
        return chunks.stream().mapToLong(Chunk::byteSize).sum();
    }

    /// Checks every invariant of this region.
    ///
    /// @throws AssertionError naming the first that does not hold
    public void verify() {
        check(closed || scope.scope().isAlive(), "the scope of what is allocated now is closed");
        check(current >= -1 && current < chunks.size(), "the current chunk is none of the chunks");
        int chunk = current;
        long upper = cursor;
        for (Mark mark = latest; mark != null; mark = mark.previous) {
            check(mark.region == this && !mark.passed, "a mark is not one of this region's");
            check(mark.previousScope.scope().isAlive(), "the scope before a mark is closed");
            check(mark.chunk < chunk || (mark.chunk == chunk && mark.cursor <= upper), "marks are out of order");
            checkPlace(mark.chunk, mark.cursor, mark.limit);
            chunk = mark.chunk;
            upper = mark.cursor;
        }
        checkPlace(current, cursor, limit);
    }

    private void checkPlace(int chunk, long cursor, long limit) {
        if (chunk < 0) {
            check(cursor > limit, "no chunk has room");
            return;
        }
        long start = chunks.get(chunk).address;
        check(limit == start + chunks.get(chunk).byteSize, "a limit is not the end of its chunk");
        check(start <= cursor && cursor <= limit, "a cursor lies outside of its chunk");
    }

    private void check(boolean condition, String message) {
        if (!condition) {
            throw new AssertionError(this + ": " + message);
        }
    }

    private void requireOwner() {
        if (owner != Thread.currentThread()) {
            throw Requests.wrongThread(toString(), owner);
        }
    }

    private void requireOpen(String call) {
        if (closed) {
            throw new IllegalStateException(call + " of " + this + ": the region is closed");
        }
    }

    @Override
    public String toString() {
        return "Region[" + (heapBlocks == null ? "segment of " : heapBlocks + ", chunks of ") + Sizes.exact(chunkBytes)
                + (closed ? ", closed]" : "]");
    }
}
