package malloc4j.observe;

import java.io.Serializable;
import java.util.List;
import malloc4j.internal.memory.Sizes;

/// What one heap holds and what it has done, in bytes unless the name says otherwise. Added up from counts that are
/// kept as things happen: exact while nobody allocates or frees, otherwise up to what threads are doing meanwhile.
/// Each call of malloc or free that a `StackOverflowError` has cut short may put the count of its size off by one for
/// good; [malloc4j.Heap#verify] looks at the blocks themselves.
///
/// ```
///   liveBytes   <=  committedBytes  <=  reservedBytes
///   liveBlocks   =  allocatedBlocks - freedBlocks - what the heap itself keeps for confined arenas
/// ```
///
/// What the kernel holds memory for is no count of ours: ask [malloc4j.Heap#residentBytes].
///
/// @param liveBlocks blocks that are allocated and not freed
/// @param liveBytes the usable sizes of those blocks
/// @param allocatedBlocks blocks that were allocated since the heap began
/// @param allocatedBytes their usable sizes, and what large and huge blocks have grown by
/// @param freedBlocks blocks that were freed since the heap began
/// @param freedBytes their usable sizes, and what large and huge blocks have shrunk by
/// @param refusals requests that were refused for want of memory, or for their size, since the heap began
/// @param systemCalls system calls that were made for the heap since it began, but for those that opened its file
/// @param sizeClasses one entry for each size of block up to 32 KiB that ever had slabs, smallest first
/// @param largeBlocks blocks that are runs of pages
/// @param largeBytes their sizes
/// @param hugeBlocks blocks that are mappings of their own
/// @param hugeBytes their sizes
/// @param spanBytes pages that slabs and large blocks have
/// @param dirtyBytes free pages kept for reuse, not yet given back
/// @param committedBytes what the heap's limit counts of this heap: `spanBytes + dirtyBytes +
///     hugeBytes`, but for pages of slabs that went back to the kernel and were not used since; and pages of guarded
///     blocks
/// @param reservedBytes extents got from the source, huge blocks, and pages of guarded blocks
/// @param purgedBytes pages given back to the kernel since the heap began, in all
/// @param threadCaches caches, one for each thread that ran at the same time, and those that virtual threads share
/// @param magazineBytes what those caches may use outside of the extents, 32 KiB each, but for those whose memory went
///     back to the kernel after their threads had ended
/// @since 0.1.0
public record HeapStatistics(
        long liveBlocks,
        long liveBytes,
        long allocatedBlocks,
        long allocatedBytes,
        long freedBlocks,
        long freedBytes,
        long refusals,
        long systemCalls,
        List<SizeClassStatistics> sizeClasses,
        long largeBlocks,
        long largeBytes,
        long hugeBlocks,
        long hugeBytes,
        long spanBytes,
        long dirtyBytes,
        long committedBytes,
        long reservedBytes,
        long purgedBytes,
        int threadCaches,
        long magazineBytes)
        implements Serializable {

    @Override
    public String toString() {
        return "HeapStatistics[liveBlocks=" + liveBlocks + ", liveBytes=" + Sizes.text(liveBytes)
                + ", allocatedBlocks=" + allocatedBlocks + ", allocatedBytes=" + Sizes.text(allocatedBytes)
                + ", freedBlocks=" + freedBlocks + ", freedBytes=" + Sizes.text(freedBytes) + ", refusals=" + refusals
                + ", systemCalls=" + systemCalls
                + ", sizeClasses=" + sizeClasses + ", largeBlocks=" + largeBlocks + ", largeBytes="
                + Sizes.text(largeBytes) + ", hugeBlocks=" + hugeBlocks + ", hugeBytes=" + Sizes.text(hugeBytes)
                + ", spanBytes=" + Sizes.text(spanBytes) + ", dirtyBytes=" + Sizes.text(dirtyBytes)
                + ", committedBytes=" + Sizes.text(committedBytes) + ", reservedBytes=" + Sizes.text(reservedBytes)
                + ", purgedBytes=" + Sizes.text(purgedBytes) + ", threadCaches=" + threadCaches + ", magazineBytes="
                + Sizes.text(magazineBytes) + "]";
    }

    /// How many slabs there are.
    public long slabCount() {
        return sizeClasses.stream().mapToLong(SizeClassStatistics::slabCount).sum();
    }

    /// Blocks in slabs that are not live.
    public long slabFreeBlocks() {
        return sizeClasses.stream().mapToLong(SizeClassStatistics::freeBlocks).sum();
    }

    /// Their bytes.
    public long slabFreeBytes() {
        return sizeClasses.stream()
                .mapToLong(entry -> entry.freeBlocks() * entry.blockBytes())
                .sum();
    }
}
