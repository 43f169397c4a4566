package malloc4j.alloc;

import java.lang.foreign.Arena;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.util.Arrays;
import java.util.List;
import malloc4j.BlockMisuseException;
import malloc4j.Heap;
import malloc4j.OutOfNativeMemoryError;
import malloc4j.internal.memory.Bits;
import malloc4j.internal.memory.RawMemory;
import malloc4j.internal.memory.StackProbe;
import malloc4j.internal.os.Mutex;
import malloc4j.internal.route.Tenants;
import malloc4j.observe.MisuseReport;
import malloc4j.observe.MisuseReport.Block;
import malloc4j.observe.MisuseReport.Finding;
import org.jspecify.annotations.Nullable;

/// A pool of blocks of one size, each allocated and freed by itself: for many structures of one kind.
///
/// ```
///            first chunk     as many again    as many again, and so on
///   memory   |##|  |##|##|   |##|  |  |##|   |  |  |  |  |  |  |  |  |   from a heap, or one given segment
///   free      0  1  0  0      0  1  1  0      1  1  1  1  1  1  1  1   on the Java heap, out of reach
/// ```
///
/// ```java
/// import java.lang.foreign.MemoryLayout;
/// import java.lang.foreign.MemorySegment;
/// import java.lang.foreign.ValueLayout;
/// import malloc4j.Heap;
/// import malloc4j.alloc.BlockPool;
///
/// void main() {
///     MemoryLayout point = MemoryLayout.structLayout(ValueLayout.JAVA_DOUBLE, ValueLayout.JAVA_DOUBLE);
///     try (BlockPool points = BlockPool.ofLayout(point).confined(Heap.common())) {
///         MemorySegment one = points.allocateZeroed();
///         one.set(ValueLayout.JAVA_DOUBLE, 8, 2.5);
///         points.free(one); // once more, and it throws
///         if (points.liveBlocks() != 0) {
///             throw new AssertionError(points);
///         }
///     }
/// }
/// ```
///
/// **Two forms.** A *confined* pool belongs to the thread that made it, like a confined arena: any other is refused
/// by [WrongThreadException]. A *shared* pool may be used by any thread, virtual ones too; allocating and freeing
/// are one atomic operation each, and threads start at different words so that they seldom meet. Both hand out
/// segments with the thread rules of their kind of arena.
///
/// **Misuse.** Freeing a block twice, freeing an address inside a block or one that is not of this pool, and any
/// freeing after the pool was closed are refused by [BlockMisuseException], always, and nothing has changed. In a
/// shared pool this is exact too: of several threads that free one block at the same time, one succeeds. What is
/// not detected: use of a block after it was freed, and a free of a block that somebody else has been given
/// meanwhile.
///
/// **Memory.** From a heap the pool takes chunk after chunk, each as large as all before it together; what a heap's
/// limit does not allow is tried by halves. So there are few chunks, and the one that an address lies in is found
/// by looking at two on average. Chunks are kept until the pool is closed. A pool on a given segment does not grow;
/// when it is full it throws [AllocatorOverflowException].
///
/// The contents of a block are unspecified, unless it comes from [#allocateZeroed] or [#calloc]; [#zeroed] is the
/// pool as an allocator of zeroed blocks.
///
/// Invariants, each checked by [#verify]: those of the chunks' bit maps (a block is free if and only if its bit is
/// set); chunks do not overlap; every block is aligned.
///
/// @since 0.1.0
public final class BlockPool implements SegmentAllocator, AutoCloseable {
    /// The least distance between two blocks, in bytes.
    private static final int MIN_STRIDE_BYTES = 8;

    private static final int DEFAULT_CHUNK_BYTES = 1 << 16; // 64 KiB
    private static final int MAX_CHUNK_BLOCKS = 1 << 30;
    private static final long MAX_BYTE_ALIGNMENT = 1L << 30;
    private static final BlockChunk[] NONE = {new BlockChunk(0, 0, MIN_STRIDE_BYTES)};

    private static final int MAX_STRIPES = 64;

    private final long blockBytes;
    private final long byteAlignment;
    private final long strideBytes;
    private final long reciprocal; // 2^64 / strideBytes, rounded up
    private final @Nullable Thread owner; // null: shared
    private final Arena scope;
    private final @Nullable MemorySegment backing; // null: the heap
    private final @Nullable HeapBlocks heapBlocks; // null: the segment
    private final int firstChunkBlocks;

    private final Mutex lock = new Mutex(); // over growing and closing
    private volatile BlockChunk[] chunks = NONE; // only ever longer, until it is NONE again
    private final Cursor[] cursors; // confined: one; shared: threads are spread over a power of two
    private volatile boolean closed;

    private BlockPool(
            Builder blocks, boolean shared, @Nullable MemorySegment backing, @Nullable HeapBlocks heapBlocks) {
        this.blockBytes = blocks.blockBytes;
        this.byteAlignment = blocks.byteAlignment;
        this.strideBytes = blocks.strideBytes();
        this.reciprocal = Long.divideUnsigned(-1L, strideBytes) + 1;
        this.owner = shared ? null : Thread.currentThread();
        this.backing = backing;
        this.heapBlocks = heapBlocks;
        this.firstChunkBlocks = blocks.firstChunkBlocks();
        this.cursors = new Cursor[shared ? stripeCount() : 1];
        Arrays.setAll(cursors, Cursor::new);
        this.scope = shared ? Arena.ofShared() : Arena.ofConfined();
        if (backing != null) {
            long base = Bits.alignUp(backing.address(), byteAlignment);
            long count = (backing.address() + backing.byteSize() - base) / strideBytes;
            if (base < 1 || count < 1 || count > MAX_CHUNK_BLOCKS) {
                throw new IllegalArgumentException("a segment of " + backing.byteSize() + " bytes has room for "
                        + Math.max(0, count) + " blocks of " + strideBytes + " bytes aligned to " + byteAlignment
                        + ": 1 to 2^30 are possible");
            }
            addChunk(new BlockChunk(base, (int) count, strideBytes));
        }
    }

    /// Where some threads allocated last and try next. Two that use it at the same time may mix the fields: any
    /// word of any chunk is right, and one that there is not has no block.
    private static final class Cursor extends Apart {
        final int stripe;
        BlockChunk chunk = NONE[0];
        int word;

        Cursor(int stripe) {
            this.stripe = stripe;
        }
    }

    private static int stripeCount() {
        int processors = Runtime.getRuntime().availableProcessors();
        return Math.min(MAX_STRIPES, Integer.highestOneBit(2 * processors - 1) * 2);
    }

    /// Begins a pool of blocks of a size, aligned to 16 bytes.
    ///
    /// @param blockBytes the size of a block in bytes, 1 to 2^30
    /// @throws IllegalArgumentException if it is outside that range
    public static Builder ofSize(long blockBytes) {
        return new Builder(blockBytes, 16);
    }

    /// Begins a pool of blocks with the size and the alignment of a layout.
    ///
    /// @throws IllegalArgumentException if the layout has no bytes, or more than 2^30
    public static Builder ofLayout(MemoryLayout layout) {
        return new Builder(layout.byteSize(), layout.byteAlignment());
    }

    /// What a pool is to be like; `confined` and `shared` make it.
    public static final class Builder {
        private final long blockBytes;
        private long byteAlignment;
        private int initialBlocks;

        private Builder(long blockBytes, long byteAlignment) {
            if (blockBytes < 1 || blockBytes > 1L << 30) {
                throw new IllegalArgumentException("a block of " + blockBytes + " bytes: must be 1 to 2^30");
            }
            this.blockBytes = blockBytes;
            byteAlignment(byteAlignment);
        }

        /// Sets the alignment of every block in bytes, a power of two up to 2^30. Blocks lie at distances of their
        /// size rounded up to it, and to 8.
        ///
        /// @throws IllegalArgumentException if it is not such a power
        public Builder byteAlignment(long byteAlignment) {
            if (!Bits.isPowerOfTwo(byteAlignment) || byteAlignment > MAX_BYTE_ALIGNMENT) {
                throw new IllegalArgumentException(
                        "byteAlignment(" + byteAlignment + "): must be a power of two, 1 to 2^30");
            }
            this.byteAlignment = byteAlignment;
            return this;
        }

        /// Sets how many blocks the first chunk from a heap has; without it, as many as 64 KiB hold, and at least
        /// 1. It is taken when the first block is allocated.
        ///
        /// @param count 1 to 2^30
        /// @throws IllegalArgumentException if it is outside that range
        public Builder initialBlocks(int count) {
            if (count < 1 || count > MAX_CHUNK_BLOCKS) {
                throw new IllegalArgumentException("initialBlocks(" + count + "): must be 1 to 2^30");
            }
            this.initialBlocks = count;
            return this;
        }

        private long strideBytes() {
            return Bits.alignUp(blockBytes, Math.max(byteAlignment, MIN_STRIDE_BYTES));
        }

        private int firstChunkBlocks() {
            return initialBlocks > 0 ? initialBlocks : (int) Math.max(1, DEFAULT_CHUNK_BYTES / strideBytes());
        }

        /// A pool for the current thread alone that grows by chunks from `heap`.
        public BlockPool confined(Heap heap) {
            return onHeap(false, new HeapBlocks(heap, Tenants.Kind.POOL, Thread.currentThread()));
        }

        /// A pool for the current thread alone in `segment`, such as a mapping's.
        ///
        /// Blocks have the segment's scope. Closing the pool does not end them; closing the segment does.
        ///
        /// @throws IllegalArgumentException if the segment is not native, is read-only, or has no room for a block,
        ///     or for more than 2^30
        /// @throws IllegalStateException if the segment is closed
        /// @throws WrongThreadException if it is confined to another thread
        public BlockPool confined(MemorySegment segment) {
            Requests.checkBacking(segment);
            return new BlockPool(this, false, segment, null);
        }

        /// A pool for all threads that grows by chunks from `heap`.
        public BlockPool shared(Heap heap) {
            return onHeap(true, new HeapBlocks(heap, Tenants.Kind.POOL, null));
        }

        private BlockPool onHeap(boolean shared, HeapBlocks blocks) {
            BlockPool pool = new BlockPool(this, shared, null, blocks);
            blocks.enter();
            return pool;
        }

        /// A pool for all threads in `segment`, such as a mapping's; see [#confined(MemorySegment)].
        ///
        /// @throws IllegalArgumentException if the segment is not native, is read-only, or has no room for a block,
        ///     or for more than 2^30
        /// @throws IllegalStateException if the segment is closed
        /// @throws WrongThreadException if it is confined to another thread
        public BlockPool shared(MemorySegment segment) {
            Requests.checkBacking(segment);
            return new BlockPool(this, true, segment, null);
        }
    }

    // ------------------------------------------------------------------------------------------ allocating and freeing

    /// Allocates a block. Its contents are unspecified.
    ///
    /// @return the block's address
    /// @throws AllocatorOverflowException if the pool is on a segment and full
    /// @throws OutOfNativeMemoryError if the heap has no more memory
    /// @throws WrongThreadException if the pool is confined to another thread
    /// @throws IllegalStateException if the pool is closed
    /// @implNote Confined: loads of the cursor, the chunk and the word, and a store. Shared: one compare-and-set.
    public long malloc() {
        Cursor cursor = cursor();
        BlockChunk chunk = cursor.chunk;
        int index = owner == null ? chunk.takeShared(cursor.word) : chunk.take(cursor.word);
        return index >= 0 ? chunk.address + index * strideBytes : mallocSlow(cursor);
    }

    /// The cursor for the current thread, which must be the owner if there is one.
    private Cursor cursor() {
        Thread thread = Thread.currentThread();
        if (owner == null) {
            return cursors[(int) thread.threadId() & (cursors.length - 1)];
        }
        if (owner != thread) {
            throw Requests.wrongThread(toString(), owner);
        }
        return cursors[0];
    }

    /// Allocates a block that is zero.
    ///
    /// @return the block's address
    /// @throws AllocatorOverflowException if the pool is on a segment and full
    /// @throws OutOfNativeMemoryError if the heap has no more memory
    /// @throws WrongThreadException if the pool is confined to another thread
    /// @throws IllegalStateException if the pool is closed
    public long calloc() {
        return allocateZeroed().address();
    }

    /// Allocates a block as a segment of [#blockBytes]. Its contents are unspecified.
    ///
    /// @throws AllocatorOverflowException if the pool is on a segment and full
    /// @throws OutOfNativeMemoryError if the heap has no more memory
    /// @throws WrongThreadException if the pool is confined to another thread
    /// @throws IllegalStateException if the pool is closed
    public MemorySegment allocate() {
        return segment(malloc(), blockBytes);
    }

    /// Allocates a block as a segment of [#blockBytes] that is zero.
    ///
    /// @throws AllocatorOverflowException if the pool is on a segment and full
    /// @throws OutOfNativeMemoryError if the heap has no more memory
    /// @throws WrongThreadException if the pool is confined to another thread
    /// @throws IllegalStateException if the pool is closed
    public MemorySegment allocateZeroed() {
        return segment(malloc(), blockBytes).fill((byte) 0);
    }

    /// Allocates a block, of which the segment shows the first `byteSize` bytes. The contents are unspecified.
    ///
    /// @param byteSize 0 to [#blockBytes]
    /// @param byteAlignment a power of two up to [#byteAlignment]
    /// @throws IllegalArgumentException if an argument is outside its range
    /// @throws AllocatorOverflowException if the pool is on a segment and full
    /// @throws OutOfNativeMemoryError if the heap has no more memory
    /// @throws WrongThreadException if the pool is confined to another thread
    /// @throws IllegalStateException if the pool is closed
    @Override
    public MemorySegment allocate(long byteSize, long byteAlignment) {
        Requests.check(byteSize, byteAlignment);
        if (byteSize > blockBytes || byteAlignment > this.byteAlignment) {
            throw new IllegalArgumentException("allocate(byteSize=" + byteSize + ", byteAlignment=" + byteAlignment
                    + "): the blocks of this pool have " + blockBytes + " bytes, aligned to " + this.byteAlignment);
        }
        return segment(malloc(), byteSize);
    }

    /// This pool as an allocator whose segments are zero.
    public SegmentAllocator zeroed() {
        return (byteSize, byteAlignment) -> allocate(byteSize, byteAlignment).fill((byte) 0);
    }

    /// Frees the block that `block` begins at.
    ///
    /// @throws BlockMisuseException if it is not the begin of a live block of this pool
    /// @throws WrongThreadException if the pool is confined to another thread
    public void free(MemorySegment block) {
        if (!block.isNative()) {
            throw misuse(block.address(), Finding.JAVA_HEAP, block + ": a segment on the Java heap", null);
        }
        free(block.address());
    }

    /// Frees a block.
    ///
    /// @throws BlockMisuseException if no live block of this pool begins at `address`
    /// @throws WrongThreadException if the pool is confined to another thread
    /// @implNote Finding the chunk takes two comparisons on average; then a multiplication, and one store or one
    ///     atomic OR.
    public void free(long address) {
        BlockChunk chunk = cursor().chunk;
        if (Long.compareUnsigned(address - chunk.address, chunk.byteSize) >= 0) {
            chunk = chunkOf(address);
            if (chunk == null) {
                throw misuse(address, null);
            }
        }
        long offset = address - chunk.address;
        // exact where the stride divides the offset; elsewhere no index times the stride is the offset
        long index = Math.unsignedMultiplyHigh(offset, reciprocal);
        if (index * strideBytes != offset || !(owner == null ? chunk.putShared((int) index) : chunk.put((int) index))) {
            throw misuse(address, chunk);
        }
    }

    private @Nullable BlockChunk chunkOf(long address) {
        BlockChunk[] all = chunks;
        for (int number = all.length - 1; number >= 0; number--) { // the newest has half of the blocks
            BlockChunk chunk = all[number];
            if (Long.compareUnsigned(address - chunk.address, chunk.byteSize) < 0) {
                return chunk;
            }
        }
        return null;
    }

    private MemorySegment segment(long address, long byteSize) {
        return backing == null
                ? RawMemory.segment(address, byteSize, scope)
                : backing.asSlice(address - backing.address(), byteSize);
    }

    private BlockMisuseException misuse(long address, @Nullable BlockChunk chunk) {
        if (chunk == null) {
            return closed
                    ? misuse(address, Finding.CLOSED, "the pool is closed", null)
                    : misuse(address, Finding.FOREIGN, "foreign address: this pool has no block there", null);
        }
        long inside = (address - chunk.address) % strideBytes;
        long begin = address - inside;
        boolean isFree = chunk.isFree((int) ((begin - chunk.address) / strideBytes));
        Block block = new Block(begin, blockBytes, !isFree);
        return inside == 0
                ? misuse(
                        address,
                        Finding.FREE_BLOCK,
                        "double free: the block is free already, or was never given out",
                        block)
                : misuse(
                        address,
                        Finding.INTERIOR,
                        "interior address: " + inside + " bytes inside the block at 0x" + Long.toHexString(begin)
                                + (isFree ? ", which is free" : ""),
                        block);
    }

    private BlockMisuseException misuse(long address, Finding finding, String text, @Nullable Block block) {
        MisuseReport report = new MisuseReport("free", address, toString(), finding, text, block, List.of());
        if (heapBlocks != null) {
            heapBlocks.misused(report);
        }
        return new BlockMisuseException(report);
    }

    // ------------------------------------------------------------------------------------------------- the slow ways

    /// Looks in all chunks, and adds one when there is no free block.
    private long mallocSlow(Cursor cursor) {
        while (true) {
            BlockChunk[] seen = chunks;
            if (closed) {
                throw new IllegalStateException("allocate of " + this + ": the pool is closed");
            }
            long address = search(seen, cursor);
            if (address != 0) {
                return address;
            }
            try {
                grow(seen);
            } catch (OutOfNativeMemoryError refused) {
                if (heapBlocks == null || !heapBlocks.makeRoom(refused, minChunkBlocks() * strideBytes)) {
                    throw refused;
                }
            }
        }
    }

    private int minChunkBlocks() {
        return Math.min(firstChunkBlocks, Long.SIZE);
    }

    /// Takes a free block: from the cursor's chunk on from its word, then from the newest chunk to the oldest.
    /// Returns its address, or 0 when none of the blocks has been free all the time.
    private long search(BlockChunk[] all, Cursor cursor) {
        long address = takeFrom(cursor.chunk, cursor.word, cursor);
        for (int number = all.length - 1; address == 0 && number >= 0; number--) {
            int begin = (int) ((long) all[number].words() * cursor.stripe / cursors.length); // cursors begin apart
            address = takeFrom(all[number], begin, cursor);
        }
        for (int number = all.length - 1; address == 0 && owner == null && number >= 0; number--) {
            address = takeByWords(all[number]);
        }
        return address;
    }

    private long takeFrom(BlockChunk chunk, int begin, Cursor cursor) {
        for (int word = chunk.find(begin); word >= 0; word = chunk.find(word)) {
            int index = owner == null ? chunk.takeShared(word) : chunk.take(word);
            if (index >= 0) {
                cursor.chunk = chunk;
                cursor.word = word;
                return chunk.address + index * strideBytes;
            }
        }
        return 0;
    }

    private long takeByWords(BlockChunk chunk) {
        for (int word = chunk.findByWords(); word >= 0; word = chunk.findByWords()) {
            int index = chunk.takeShared(word);
            if (index >= 0) {
                return chunk.address + index * strideBytes;
            }
        }
        return 0;
    }

    /// Adds a chunk, unless another thread has done so since `seen` was read, or closed the pool.
    private void grow(BlockChunk[] seen) {
        StackProbe.requireForCall();
        lock.lock();
        try {
            if (chunks != seen || closed) {
                return;
            }
            if (heapBlocks == null) {
                long capacityBytes = capacity() * strideBytes;
                throw new AllocatorOverflowException(
                        "allocate",
                        toString(),
                        blockBytes,
                        capacityBytes,
                        capacityBytes,
                        "free blocks, or give the pool a larger segment");
            }
            addChunk(chunkFrom(heapBlocks));
        } finally {
            lock.unlock();
        }
    }

    /// A chunk as large as all together; where the heap refuses that, half as large, and so on down to 64 blocks or
    /// the size of the first.
    private BlockChunk chunkFrom(HeapBlocks heap) {
        int count = (int) Math.min(MAX_CHUNK_BLOCKS, Math.max(firstChunkBlocks, capacity()));
        while (true) {
            try {
                return new BlockChunk(heap.add(count * strideBytes, byteAlignment), count, strideBytes);
            } catch (OutOfNativeMemoryError refused) {
                if (count <= minChunkBlocks()) {
                    throw refused;
                }
                count = Math.max(count / 2, minChunkBlocks());
            }
        }
    }

    private void addChunk(BlockChunk chunk) {
        BlockChunk[] old = chunks == NONE ? new BlockChunk[0] : chunks;
        BlockChunk[] all = Arrays.copyOf(old, old.length + 1);
        all[old.length] = chunk;
        chunks = all;
    }

    // ------------------------------------------------------------------------------------------------------ the pool

    /// The size of a block in bytes.
    public long blockBytes() {
        return blockBytes;
    }

    /// The alignment of a block in bytes.
    public long byteAlignment() {
        return byteAlignment;
    }

    /// How many blocks the chunks have, free or not; 0 when the pool is closed.
    public long capacity() {
        long count = 0;
        for (BlockChunk chunk : chunks) {
            count += chunk.capacity();
        }
        return count;
    }

    /// How many blocks are allocated and not freed: counts all bits, and is exact while nobody allocates or frees.
    public long liveBlocks() {
        long count = 0;
        for (BlockChunk chunk : chunks) {
            count += chunk.capacity() - chunk.freeCount();
        }
        return count;
    }

    /// Checks every invariant of this pool, while no thread uses it.
    ///
    /// @throws AssertionError naming the first that does not hold
    public void verify() {
        BlockChunk[] all = chunks;
        for (int number = 0; number < all.length; number++) {
            BlockChunk chunk = all[number];
            chunk.verify();
            check(chunk.address % byteAlignment == 0 && strideBytes % byteAlignment == 0, "a block is not aligned");
            check(chunk.byteSize == chunk.capacity() * strideBytes, "a chunk's size is wrong");
            for (int other = 0; other < number; other++) {
                boolean apart = all[other].address + all[other].byteSize <= chunk.address
                        || chunk.address + chunk.byteSize <= all[other].address;
                check(apart, "chunks overlap");
            }
        }
    }

    private void check(boolean condition, String message) {
        if (!condition) {
            throw new AssertionError(this + ": " + message);
        }
    }

    /// Gives all chunks back to the heap, live blocks too: segments of this pool throw from now on. A pool on a
    /// segment gives nothing back, and its blocks live as long as the segment. Raw addresses must not be used any
    /// more, nor may another thread be allocating or freeing by address. Closing a closed pool does nothing.
    ///
    /// @throws IllegalStateException if a native call is using a block: nothing has changed
    /// @throws WrongThreadException if the pool is confined to another thread
    @Override
    public void close() {
        if (owner != null && owner != Thread.currentThread()) {
            throw Requests.wrongThread(toString(), owner);
        }
        StackProbe.requireForWhole();
        lock.lock();
        try {
            if (!closed) {
                Stack.end(scope);
                closed = true;
                chunks = NONE;
                for (Cursor cursor : cursors) {
                    cursor.chunk = NONE[0];
                }
            }
            if (heapBlocks != null) {
                heapBlocks.freeAll();
            }
        } finally {
            lock.unlock();
        }
    }

    @Override
    public String toString() {
        return "BlockPool[" + blockBytes + " bytes, " + (owner == null ? "shared" : "confined")
                + (closed ? ", closed]" : "]");
    }
}
