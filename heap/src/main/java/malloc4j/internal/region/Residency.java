package malloc4j.internal.region;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import malloc4j.internal.memory.RawMemory;
import malloc4j.internal.os.SystemCalls;

/// How much of a range the kernel holds memory for: one `mincore` for each 256 MiB, one byte a page.
public final class Residency {
    private static final int STEP_PAGES = 1 << 16;

    private Residency() {}

    /// The resident bytes of `[address, address + byteSize)`, both multiples of the page; or minus errno.
    public static long residentBytes(SystemCalls calls, long address, long byteSize) {
        long pageCount = byteSize >>> PageMap.PAGE_SHIFT;
        long resident = 0;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment vector = arena.allocate(Math.clamp(pageCount, 1, STEP_PAGES));
            for (long page = 0; page < pageCount; page += STEP_PAGES) {
                int count = (int) Math.min(STEP_PAGES, pageCount - page);
                long from = address + (page << PageMap.PAGE_SHIFT);
                long result = calls.mincore(from, (long) count << PageMap.PAGE_SHIFT, vector.address());
                if (result < 0) {
                    return result;
                }
                for (int index = 0; index < count; index++) {
                    resident += RawMemory.getByte(vector.address() + index) & 1;
                }
            }
        }
        return resident << PageMap.PAGE_SHIFT;
    }
}
