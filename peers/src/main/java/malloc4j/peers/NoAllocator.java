package malloc4j.peers;

import java.lang.foreign.Arena;
import java.util.BitSet;

/// No allocator: the same accesses to memory that was there before. What is measured with it is what the measuring
/// itself costs in time, and what the JVM adds to every figure of resident memory.
///
/// Each ID has a place of its own of `placeBytes`, all touched before; or, when `placeBytes` is 0, all of them
/// share 64 KiB, enough for the first words of blocks but for nothing that is read back. Frees nothing.
///
/// @param placeBytes the largest block, or 0
public record NoAllocator(long placeBytes, Places places) implements Allocator {
    private static final long SHARED_BYTES = 1 << 16; // 64 KiB
    private static final long PAGE_BYTES = 4096;

    /// The address of the first place.
    static final class Places {
        private long base;
    }

    public NoAllocator(long placeBytes) {
        this((placeBytes + 15) & -16, new Places()); // aligned as malloc's blocks are
    }

    @Override
    public String version() {
        return "none";
    }

    @Override
    public void prepare(int blockCount, BitSet crossing) {
        long byteSize = placeBytes == 0 ? SHARED_BYTES : placeBytes * blockCount;
        places.base = Arena.global().allocate(byteSize, PAGE_BYTES).address();
    }

    @Override
    public long malloc(int id, long byteSize) {
        return places.base + (placeBytes == 0 ? (id * 16L) & (SHARED_BYTES - 16) : id * placeBytes);
    }

    @Override
    public long calloc(int id, long byteSize) {
        return malloc(id, byteSize);
    }

    @Override
    public long memalign(int id, long byteAlignment, long byteSize) {
        return malloc(id, byteSize);
    }

    @Override
    public long realloc(int id, long address, long byteSize) {
        return malloc(id, byteSize);
    }

    @Override
    public void free(int id, long address) {}
}
