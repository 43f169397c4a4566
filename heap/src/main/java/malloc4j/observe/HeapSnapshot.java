package malloc4j.observe;

import java.io.Serializable;
import java.util.List;
import java.util.Map;
import malloc4j.internal.memory.Sizes;

/// What one heap's memory is, chunk by chunk: made by one walk over its records while threads go on.
///
/// ```
///   mappedBytes = extents + huge blocks
///               = live blocks + free blocks + tails             of slabs
///               + large blocks + stocked blocks + dirty pages + free pages + other pages + huge blocks
/// ```
///
/// The sum always holds. Which pages are free is exact for each extent at one moment, and extents follow one another;
/// what a slab holds is counted from its bits a little later: exact while nobody allocates or frees. A page that is
/// in a span, and in no slab and no block that the walk has found, is an other page: it was changing hands.
///
/// @param heap the heap's name
/// @param heapId its number, by which records of chunks name it
/// @param extents in address order
/// @param sizeClasses those that have slabs, smallest first
/// @param caches those that have slabs or a thread, by number
/// @param hugeBlocks in address order
/// @param arenas confined arenas and what they keep
/// @param openOnIt what stands on the heap, such as pools and child heaps: how many of each kind
/// @param budgets the limits that count this heap: its own first, then those of the heaps above
/// @param parts what the memory is
/// @since 0.1.0
public record HeapSnapshot(
        String heap,
        int heapId,
        List<ExtentSnapshot> extents,
        List<SizeClass> sizeClasses,
        List<Cache> caches,
        List<Block> hugeBlocks,
        Arenas arenas,
        Map<String, Long> openOnIt,
        List<Budget> budgets,
        Parts parts)
        implements Serializable {

    /// Copies what is given.
    ///
    /// @throws IllegalArgumentException if `parts` are not the sum of the extents and the huge blocks
    public HeapSnapshot {
        extents = List.copyOf(extents);
        sizeClasses = List.copyOf(sizeClasses);
        caches = List.copyOf(caches);
        hugeBlocks = List.copyOf(hugeBlocks);
        openOnIt = Map.copyOf(openOnIt);
        budgets = List.copyOf(budgets);
        long mapped = 0;
        for (ExtentSnapshot extent : extents) {
            mapped += extent.byteSize();
        }
        for (Block block : hugeBlocks) {
            mapped += block.byteSize();
        }
        if (mapped != parts.sum()) {
            throw new IllegalArgumentException("the parts are " + parts.sum() + " bytes of " + mapped);
        }
    }

    /// A block: of a run of pages, or a mapping of its own.
    public record Block(long address, long byteSize) implements Serializable {
        @Override
        public String toString() {
            return "Block[" + Sizes.range(address, address + byteSize) + " " + Sizes.text(byteSize) + "]";
        }
    }

    /// The slabs of one size class.
    ///
    /// @param blockBytes the size of a block
    /// @param slabs how many there are
    /// @param liveBlocks blocks that are allocated and not freed
    /// @param freeBlocks the others
    public record SizeClass(int blockBytes, long slabs, long liveBlocks, long freeBlocks) implements Serializable {}

    /// The cache of a thread, or one that virtual threads share.
    ///
    /// @param number by which records of slabs name it
    /// @param thread the name of the thread that has it, empty if none has
    /// @param slabs how many slabs it has
    /// @param liveBytes of their blocks
    public record Cache(int number, String thread, long slabs, long liveBytes) implements Serializable {
        @Override
        public String toString() {
            return "Cache[number=" + number + ", thread=" + thread + ", slabs=" + slabs + ", liveBytes="
                    + Sizes.text(liveBytes) + "]";
        }
    }

    /// Confined arenas.
    ///
    /// @param open how many are open
    /// @param idleChunks blocks that are kept for the next ones: live blocks, as this snapshot counts
    public record Arenas(long open, int idleChunks) implements Serializable {}

    /// A limit.
    ///
    /// @param usedBytes what it counts
    /// @param softBytes the soft limit, `Long.MAX_VALUE` for none
    /// @param hardBytes the hard limit, `Long.MAX_VALUE` for none
    public record Budget(long usedBytes, long softBytes, long hardBytes) implements Serializable {
        @Override
        public String toString() {
            return "Budget[usedBytes=" + Sizes.text(usedBytes) + ", softBytes=" + limit(softBytes) + ", hardBytes="
                    + limit(hardBytes) + "]";
        }

        private static String limit(long bytes) {
            return bytes == Long.MAX_VALUE ? "none" : Sizes.text(bytes);
        }
    }

    /// What the mapped memory is, in bytes.
    ///
    /// @param liveBytes live blocks of slabs
    /// @param slabFreeBytes free blocks of slabs
    /// @param slabTailBytes ends of slabs that are shorter than a block
    /// @param largeBytes blocks that are runs of pages
    /// @param stockedBytes such blocks that were freed, and are at hand for the threads that had them
    /// @param dirtyBytes free pages kept for reuse
    /// @param freeBytes free pages without memory
    /// @param otherBytes pages that were changing hands
    /// @param hugeBytes blocks that are mappings of their own
    public record Parts(
            long liveBytes,
            long slabFreeBytes,
            long slabTailBytes,
            long largeBytes,
            long stockedBytes,
            long dirtyBytes,
            long freeBytes,
            long otherBytes,
            long hugeBytes)
            implements Serializable {
        /// All of them.
        public long sum() {
            return liveBytes
                    + slabFreeBytes
                    + slabTailBytes
                    + largeBytes
                    + stockedBytes
                    + dirtyBytes
                    + freeBytes
                    + otherBytes
                    + hugeBytes;
        }

        @Override
        public String toString() {
            return "Parts[liveBytes=" + Sizes.text(liveBytes) + ", slabFreeBytes=" + Sizes.text(slabFreeBytes)
                    + ", slabTailBytes=" + Sizes.text(slabTailBytes) + ", largeBytes=" + Sizes.text(largeBytes)
                    + ", stockedBytes=" + Sizes.text(stockedBytes) + ", dirtyBytes=" + Sizes.text(dirtyBytes)
                    + ", freeBytes=" + Sizes.text(freeBytes) + ", otherBytes=" + Sizes.text(otherBytes)
                    + ", hugeBytes=" + Sizes.text(hugeBytes) + "]";
        }
    }

    /// Bytes of all extents and huge blocks.
    public long mappedBytes() {
        return parts.sum();
    }

    /// How many blocks are live, of all sizes; with those that the heap keeps for confined arenas.
    public long liveBlocks() {
        long blocks = hugeBlocks.size();
        for (SizeClass sizeClass : sizeClasses) {
            blocks += sizeClass.liveBlocks();
        }
        for (ExtentSnapshot extent : extents) {
            blocks += extent.largeBlockCount();
        }
        return blocks;
    }
}
