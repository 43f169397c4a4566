package malloc4j.peers;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.BitSet;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// Arenas, one for each block, as that is the only way they can free one block at a time.
///
/// Of the JDK's, a confined one takes tens of nanoseconds; the `close` of a shared one shakes hands with every
/// thread, some twenty microseconds. Every block is zeroed, as the JDK's contract is. Growing is a new arena and a
/// copy. The Java objects that this takes, about 100 bytes a block, are on the Java heap and so in no figure of
/// resident memory.
///
/// @param confined opens an arena for a block that stays on one thread
/// @param shared opens one for a block that crosses threads
/// @param blocks the arenas and segments of the live blocks
record ArenaAllocator(Supplier<Arena> confined, Supplier<Arena> shared, String version, Live blocks)
        implements Allocator {
    private static final long NATURAL_ALIGNMENT = 16; // what malloc gives on a 64-bit machine

    /// By block ID.
    private static final class Live {
        private @Nullable Arena[] arenas = new Arena[0];
        private @Nullable MemorySegment[] segments = new MemorySegment[0];
        private BitSet crossing = new BitSet();
    }

    static ArenaAllocator of(Supplier<Arena> confined, Supplier<Arena> shared, String version) {
        return new ArenaAllocator(confined, shared, version, new Live());
    }

    @Override
    public void prepare(int blockCount, BitSet crossing) {
        blocks.arenas = new Arena[blockCount];
        blocks.segments = new MemorySegment[blockCount];
        blocks.crossing = crossing;
    }

    @Override
    public long malloc(int id, long byteSize) {
        return memalign(id, NATURAL_ALIGNMENT, byteSize);
    }

    @Override
    public long calloc(int id, long byteSize) {
        return memalign(id, NATURAL_ALIGNMENT, byteSize);
    }

    @Override
    public long memalign(int id, long byteAlignment, long byteSize) {
        Arena arena = blocks.crossing.get(id) ? shared.get() : confined.get();
        MemorySegment segment = arena.allocate(byteSize, byteAlignment);
        blocks.arenas[id] = arena;
        blocks.segments[id] = segment;
        return segment.address();
    }

    @Override
    public long realloc(int id, long address, long byteSize) {
        Arena oldArena = blocks.arenas[id];
        MemorySegment oldSegment = blocks.segments[id];
        long newAddress = memalign(id, NATURAL_ALIGNMENT, byteSize);
        MemorySegment.copy(oldSegment, 0, blocks.segments[id], 0, Math.min(oldSegment.byteSize(), byteSize));
        oldArena.close();
        return newAddress;
    }

    @Override
    public void free(int id, long address) {
        Arena arena = blocks.arenas[id];
        blocks.arenas[id] = null;
        blocks.segments[id] = null;
        arena.close();
    }
}
