package malloc4j.alloc;

import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;
import malloc4j.model.Pattern;

/// What an allocator has given out: no two blocks overlap, each is aligned, and each keeps what was written into
/// it.
final class Intervals {
    private record Block(long byteSize, long seed) {}

    private final NavigableMap<Long, Block> blocks = new TreeMap<>();
    private long nextSeed;

    /// Takes a block in, and writes into it.
    void add(long address, long byteSize, long byteAlignment) {
        if (address % byteAlignment != 0) {
            throw new AssertionError("0x" + Long.toHexString(address) + " is not aligned to " + byteAlignment);
        }
        if (byteSize == 0) {
            return; // a block of zero bytes takes no room, and may lie where another does
        }
        Map.Entry<Long, Block> below = blocks.floorEntry(address);
        Long above = blocks.ceilingKey(address);
        if (below != null && below.getKey() + below.getValue().byteSize() > address) {
            throw new AssertionError("0x" + Long.toHexString(address) + " lies in another block: " + below);
        }
        if (above != null && address + byteSize > above) {
            throw new AssertionError("0x" + Long.toHexString(address) + " of " + byteSize + " bytes reaches into 0x"
                    + Long.toHexString(above));
        }
        Block block = new Block(byteSize, nextSeed++);
        blocks.put(address, block);
        Pattern.write(address, byteSize, block.seed());
    }

    /// Checks the contents of a block, and forgets it.
    void remove(long address) {
        Block block = blocks.remove(address);
        if (block != null) {
            check(address, block);
        }
    }

    /// Checks the contents of all blocks.
    void checkAll() {
        blocks.forEach(Intervals::check);
    }

    private static void check(long address, Block block) {
        Pattern.check(address, block.byteSize(), block.byteSize(), block.seed());
    }

    boolean contains(long address) {
        return blocks.containsKey(address);
    }

    int size() {
        return blocks.size();
    }
}
