package malloc4j.internal.proc;

import java.io.IOException;
import malloc4j.observe.AreaKind;
import malloc4j.observe.MappedRange;

/// Finds what glibc's malloc has mapped beside the program break, by the headers it writes into its own memory.
///
/// ```
/// a heap of an arena: at a multiple of 64 MiB
///   | arena | previous heap | size | committed | ...            heap_info
/// a block mapped for itself: at the start of a mapping, or behind another one or what is another's
///   | previous size | size | 2 | contents ...                   size: whole pages; 2: IS_MMAPPED
/// ```
///
/// A header counts only if every word of it can be what it should be: whole pages, a size that fits, the arena's
/// address inside the first page of a heap. So memory of another allocator is hardly ever taken for glibc's. Pages
/// that were never touched are not read.
///
/// @source glibc, `malloc/arena.c` (`heap_info`) and `malloc/malloc.c` (`malloc_chunk`, `IS_MMAPPED`)
final class CHeap {
    private static final long ARENA_HEAP_BYTES = 64L << 20; // HEAP_MAX_SIZE, twice the largest mmap threshold
    private static final int MAX_HEAPS_PER_MAPPING = 1 << 10;
    private static final int SIZE_FLAGS = 7;
    private static final int IS_MMAPPED = 2;

    private final ProcessMemory memory;
    private final Mappings mappings;
    private final Labels labels;
    private final long pageBytes;

    private CHeap(ProcessMemory memory, Mappings mappings, Labels labels, long pageBytes) {
        this.memory = memory;
        this.mappings = mappings;
        this.labels = labels;
        this.pageBytes = pageBytes;
    }

    /// Labels what is found; looks where nobody has labelled anything.
    static void label(ProcessMemory memory, Mappings mappings, Labels labels, long pageBytes) {
        label(memory, mappings, labels, pageBytes, true);
    }

    /// @param isResidentKnown whether the mappings say what is resident: only there are headers looked for
    static void label(ProcessMemory memory, Mappings mappings, Labels labels, long pageBytes, boolean isResidentKnown) {
        CHeap heap = new CHeap(memory, mappings, labels, pageBytes);
        for (int index = 0; index < mappings.size(); index++) {
            MappedRange range = mappings.get(index);
            if (range.isAnonymous()
                    && range.isWritable()
                    && (!isResidentKnown || range.use().residentBytes() > 0)) {
                heap.labelArenas(index, range);
                heap.labelBlocks(range);
            }
        }
    }

    private void labelArenas(int index, MappedRange range) {
        long heap = (range.address() + ARENA_HEAP_BYTES - 1) & -ARENA_HEAP_BYTES;
        for (int count = 0; count < MAX_HEAPS_PER_MAPPING && heap < range.end(); count++, heap += ARENA_HEAP_BYTES) {
            if (!labels.touches(heap, heap + pageBytes) && isArenaHeap(heap)) {
                long end = heap + ARENA_HEAP_BYTES;
                labels.add(heap, Math.min(end, range.end()), AreaKind.C_ARENA, "glibc", "");
                MappedRange rest = mappings.above(index);
                if (rest != null && rest.isAnonymous() && rest.isReserved() && range.end() < end) {
                    labels.add(rest.address(), Math.min(end, rest.end()), AreaKind.C_ARENA, "glibc", "");
                }
            }
        }
    }

    private boolean isArenaHeap(long heap) {
        try {
            if (!memory.isPresent(heap)) {
                return false;
            }
            long arena = memory.word(heap);
            long previous = memory.word(heap + 8);
            long size = memory.word(heap + 16);
            long committed = memory.word(heap + 24);
            boolean hasSizes = size > 0
                    && size <= committed
                    && committed <= ARENA_HEAP_BYTES
                    && ((size | committed) & (pageBytes - 1)) == 0;
            boolean isFirst = previous == 0 && arena > heap && arena < heap + pageBytes;
            boolean isFurther = previous > 0
                    && (previous & (ARENA_HEAP_BYTES - 1)) == 0
                    && arena > 0
                    && (arena & (ARENA_HEAP_BYTES - 1)) < pageBytes;
            return hasSizes && (isFirst || isFurther);
        } catch (IOException unmapped) {
            return false;
        }
    }

    private void labelBlocks(MappedRange range) {
        long block = range.address();
        while (block < range.end()) {
            boolean isFree = !labels.touches(block, block + pageBytes);
            long bytes = isFree ? mappedBlockBytes(block) : 0;
            if (bytes <= 0 || bytes > range.end() - block || labels.touches(block, block + bytes)) {
                block = labels.nextEnd(block, range.end());
            } else {
                labels.add(block, block + bytes, AreaKind.C_LARGE_BLOCK, "glibc", "");
                block += bytes;
            }
        }
    }

    /// The size in the header at `block`, 0 where there is none.
    private long mappedBlockBytes(long block) {
        try {
            if (!memory.isPresent(block)) {
                return 0;
            }
            long size = memory.word(block + 8);
            long bytes = size & ~SIZE_FLAGS;
            boolean isHeader = (size & SIZE_FLAGS) == IS_MMAPPED && (bytes & (pageBytes - 1)) == 0;
            return isHeader && memory.word(block) == 0 ? bytes : 0;
        } catch (IOException unmapped) {
            return 0;
        }
    }
}
