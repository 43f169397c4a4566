package malloc4j.observe;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import malloc4j.internal.memory.Sizes;

/// An extent of a heap, page by page and chunk by chunk, as [HeapSnapshot] has found it. Never changes.
///
/// ```
///   chunk, one word   | large :1 | unused | pages given back :16 | cache :17 | live blocks :13 | block bytes :16 |
///   large block       | page :32 | stocked :1 | page count :31 |
/// ```
///
/// @since 0.1.0
public final class ExtentSnapshot implements Serializable {
    private static final long serialVersionUID = 1;

    private static final int LIVE_SHIFT = 16;
    private static final int CACHE_SHIFT = 29;
    private static final int PURGED_SHIFT = 46;
    private static final long STOCKED = 1L << 31;

    private final long address;
    private final int pageBytes;
    private final int pageCount;
    private final int pagesPerChunk;
    private final long[] free;
    private final long[] dirty;
    private final long[] chunks;
    private final long[] largeBlocks;

    /// What a page is.
    public enum PageUse {
        /// In a slab.
        SLAB,
        /// In a large block.
        LARGE,
        /// In a large block that was freed, and is at hand for the thread that had it.
        STOCKED,
        /// Free, and kept for reuse.
        DIRTY,
        /// Free, without memory.
        FREE,
        /// In a span that was changing hands.
        OTHER
    }

    /// A slab.
    ///
    /// @param address its address
    /// @param blockBytes the size of its blocks
    /// @param capacity how many it has
    /// @param liveBlocks how many of them are allocated and not freed
    /// @param cache the number of the cache that it belongs to
    /// @param purgedPages bit `p` for page `p`: no live block touches it, and its memory went back to the kernel
    public record Slab(long address, int blockBytes, int capacity, int liveBlocks, int cache, int purgedPages) {
        @Override
        public String toString() {
            return "Slab[address=" + Sizes.hex(address) + ", blockBytes=" + blockBytes + ", capacity=" + capacity
                    + ", liveBlocks=" + liveBlocks + ", cache=" + cache + ", purgedPages=" + Sizes.hex(purgedPages)
                    + "]";
        }
    }

    /// Copies what is given.
    ///
    /// @param address of the first page
    /// @param pageBytes the size of a page
    /// @param pageCount how many there are
    /// @param pagesPerChunk how many a slab has
    /// @param free bit `p` for page `p`: in no span
    /// @param dirty bit `p` for page `p`: free and kept for reuse
    /// @param chunks what [#slab] gives for each chunk that has a slab, else 0
    /// @param largeBlocks what [#large] gives for each, in address order
    public ExtentSnapshot(
            long address,
            int pageBytes,
            int pageCount,
            int pagesPerChunk,
            long[] free,
            long[] dirty,
            long[] chunks,
            long[] largeBlocks) {
        this.address = address;
        this.pageBytes = pageBytes;
        this.pageCount = pageCount;
        this.pagesPerChunk = pagesPerChunk;
        this.free = free.clone();
        this.dirty = dirty.clone();
        this.chunks = chunks.clone();
        this.largeBlocks = largeBlocks.clone();
    }

    /// The word that stands for a slab.
    public static long slab(int blockBytes, int liveBlocks, int cache, int purgedPages) {
        return blockBytes
                | (long) liveBlocks << LIVE_SHIFT
                | (long) cache << CACHE_SHIFT
                | (long) purgedPages << PURGED_SHIFT;
    }

    /// The word that stands for a large block.
    ///
    /// @param page of the extent, in which it begins
    /// @param isStocked whether it was freed, and is at hand for the thread that had it
    public static long large(int page, int pageCount, boolean isStocked) {
        return (long) page << Integer.SIZE | (isStocked ? STOCKED : 0) | pageCount;
    }

    public long address() {
        return address;
    }

    public long byteSize() {
        return (long) pageCount * pageBytes;
    }

    public int pageBytes() {
        return pageBytes;
    }

    public int pageCount() {
        return pageCount;
    }

    /// What a page is.
    ///
    /// @param page 0 to [#pageCount] - 1
    public PageUse pageUse(int page) {
        if ((free[page >>> 6] >>> page & 1) != 0) {
            return (dirty[page >>> 6] >>> page & 1) != 0 ? PageUse.DIRTY : PageUse.FREE;
        }
        if (chunks[page / pagesPerChunk] != 0) {
            return PageUse.SLAB;
        }
        int place = Arrays.binarySearch(largeBlocks, large(page, Integer.MAX_VALUE, true));
        int index = place < 0 ? -place - 2 : place;
        boolean inside = index >= 0 && page < largePage(index) + largePageCount(index);
        if (!inside) {
            return PageUse.OTHER;
        }
        return isStocked(index) ? PageUse.STOCKED : PageUse.LARGE;
    }

    private boolean isStocked(int index) {
        return (largeBlocks[index] & STOCKED) != 0;
    }

    private int largePage(int index) {
        return (int) (largeBlocks[index] >>> Integer.SIZE);
    }

    private int largePageCount(int index) {
        return (int) largeBlocks[index] & Integer.MAX_VALUE;
    }

    /// The slabs, in address order.
    public List<Slab> slabs() {
        List<Slab> slabs = new ArrayList<>();
        for (int index = 0; index < chunks.length; index++) {
            long chunk = chunks[index];
            if (chunk != 0) {
                int blockBytes = (int) chunk & 0xFFFF;
                slabs.add(new Slab(
                        address + (long) index * pagesPerChunk * pageBytes,
                        blockBytes,
                        pagesPerChunk * pageBytes / blockBytes,
                        (int) (chunk >>> LIVE_SHIFT) & 0x1FFF,
                        (int) (chunk >>> CACHE_SHIFT) & 0x1_FFFF,
                        (int) (chunk >>> PURGED_SHIFT) & 0xFFFF));
            }
        }
        return slabs;
    }

    /// How many live large blocks begin here.
    public int largeBlockCount() {
        int count = 0;
        for (int index = 0; index < largeBlocks.length; index++) {
            count += isStocked(index) ? 0 : 1;
        }
        return count;
    }

    /// The live large blocks, in address order.
    public List<HeapSnapshot.Block> largeBlocks() {
        List<HeapSnapshot.Block> blocks = new ArrayList<>();
        for (int index = 0; index < largeBlocks.length; index++) {
            if (!isStocked(index)) {
                long from = address + (long) largePage(index) * pageBytes;
                blocks.add(new HeapSnapshot.Block(from, (long) largePageCount(index) * pageBytes));
            }
        }
        return blocks;
    }

    @Override
    public String toString() {
        return "ExtentSnapshot[" + Sizes.range(address, address + byteSize()) + " " + Sizes.text(byteSize())
                + ", slabs=" + slabs().size() + ", largeBlocks=" + largeBlockCount() + "]";
    }
}
