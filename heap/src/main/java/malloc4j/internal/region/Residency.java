package malloc4j.internal.region;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.function.LongConsumer;
import malloc4j.internal.memory.RawMemory;
import malloc4j.internal.os.MemoryCalls;

/// Which pages of a range the kernel holds memory for: one `mincore` for each 65,536 pages, one byte a page; 256
/// MiB where pages are 4 KiB.
public final class Residency {
    private static final int STEP_PAGES = 1 << 16;

    private Residency() {}

    /// The resident bytes of `[address, address + byteSize)`, both multiples of the page; or minus errno.
    public static long residentBytes(MemoryCalls calls, long address, long byteSize) {
        try (Arena arena = Arena.ofConfined()) {
            return residentBytes(calls, address, byteSize, vector(arena, byteSize));
        }
    }

    /// Where [#residentBytes] of up to so many bytes can ask the kernel to write to.
    static MemorySegment vector(Arena arena, long byteSize) {
        return arena.allocate(Math.clamp(byteSize >>> PageGeometry.PAGE_SHIFT, 1, STEP_PAGES));
    }

    /// As [#residentBytes], making no object.
    static long residentBytes(MemoryCalls calls, long address, long byteSize, MemorySegment vector) {
        long stepBytes = (long) STEP_PAGES << PageGeometry.PAGE_SHIFT;
        long resident = 0;
        for (long offset = 0; offset < byteSize; offset += stepBytes) {
            long step = Math.min(stepBytes, byteSize - offset);
            long result = calls.mincore(address + offset, step, vector.address());
            if (result < 0) {
                return result;
            }
            for (long page = 0; page < step >>> PageGeometry.PAGE_SHIFT; page++) {
                resident += RawMemory.getByte(vector.address() + page) & 1; // the other bits are undefined
            }
        }
        return resident << PageGeometry.PAGE_SHIFT;
    }

    /// Shows `visitor` the index of each resident page of `[address, address + byteSize)`. Returns 0, or minus
    /// errno. Makes no zone.
    ///
    /// @param pageBytes the kernel's page, of which the other two are multiples
    public static long forEachPage(
            MemoryCalls calls, long address, long byteSize, long pageBytes, LongConsumer visitor) {
        long pageCount = byteSize / pageBytes;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment vector = arena.allocate(Math.clamp(pageCount, 1, STEP_PAGES));
            for (long page = 0; page < pageCount; page += STEP_PAGES) {
                int count = (int) Math.min(STEP_PAGES, pageCount - page);
                long result = calls.mincore(address + page * pageBytes, count * pageBytes, vector.address());
                if (result < 0) {
                    return result;
                }
                for (int index = 0; index < count; index++) {
                    if ((RawMemory.getByte(vector.address() + index) & 1) != 0) { // the other bits are undefined
                        visitor.accept(page + index);
                    }
                }
            }
        }
        return 0;
    }
}
