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
        long[] resident = {0};
        long result = forEachPage(calls, address, byteSize, PageGeometry.PAGE_BYTES, page -> resident[0]++);
        return result < 0 ? result : resident[0] << PageGeometry.PAGE_SHIFT;
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
