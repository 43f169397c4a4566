package malloc4j.cli.replay;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.BitSet;
import org.jspecify.annotations.Nullable;

/// The JDK's arenas, one for each block, as that is the only way they can free one block at a time.
///
/// An object that stays on one thread gets a confined arena (tens of nanoseconds), one that crosses threads a
/// shared one, whose `close` shakes hands with every thread (some twenty microseconds). Every block is zeroed, as
/// the JDK promises. Growing is a new arena and a copy. The Java objects that this takes, about 100 bytes a block,
/// are on the Java heap and so in no figure of resident memory.
final class ArenaAllocator implements Allocator {
    private static final long NATURAL_ALIGNMENT = 16; // what malloc gives on a 64-bit machine

    private @Nullable Arena[] arenas = new Arena[0];
    private @Nullable MemorySegment[] blocks = new MemorySegment[0];
    private BitSet crossing = new BitSet();

    @Override
    public String version() {
        return "JDK " + Runtime.version();
    }

    @Override
    public void prepare(int objectCount, BitSet crossingObjects) {
        arenas = new Arena[objectCount];
        blocks = new MemorySegment[objectCount];
        crossing = crossingObjects;
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
        Arena arena = crossing.get(id) ? Arena.ofShared() : Arena.ofConfined();
        MemorySegment block = arena.allocate(byteSize, byteAlignment);
        arenas[id] = arena;
        blocks[id] = block;
        return block.address();
    }

    @Override
    public long realloc(int id, long address, long byteSize) {
        Arena oldArena = arenas[id];
        MemorySegment oldBlock = blocks[id];
        long newAddress = memalign(id, NATURAL_ALIGNMENT, byteSize);
        MemorySegment.copy(oldBlock, 0, blocks[id], 0, Math.min(oldBlock.byteSize(), byteSize));
        oldArena.close();
        return newAddress;
    }

    @Override
    public void free(int id, long address) {
        Arena arena = arenas[id];
        arenas[id] = null;
        blocks[id] = null;
        arena.close();
    }
}
