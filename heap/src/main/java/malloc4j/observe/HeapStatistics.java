package malloc4j.observe;

import java.util.List;
import malloc4j.internal.memory.Sizes;

/// What one heap holds, in bytes unless the name says otherwise. Counted when asked for, by walking the heap's
/// records: exact while nobody allocates or frees, otherwise a picture taken while things moved.
///
/// ```
///   liveBytes  <=  committedBytes  <=  reservedBytes
/// ```
///
/// @param liveBlocks blocks that are allocated and not freed
/// @param liveBytes the usable sizes of those blocks
/// @param sizeClasses one entry for each size of block up to 32 KiB that has slabs, smallest first
/// @param largeBlocks blocks that are runs of pages
/// @param largeBytes their sizes
/// @param hugeBlocks blocks that are mappings of their own
/// @param hugeBytes their sizes
/// @param spanBytes pages that slabs and large blocks have
/// @param dirtyBytes free pages kept for reuse, not yet given back
/// @param committedBytes what the heap's limit counts of this heap: `spanBytes + dirtyBytes +
///     hugeBytes`, but for pages of slabs that went back to the kernel and were not used since
/// @param reservedBytes regions got from the source, and huge blocks
/// @param residentBytes pages of those that the kernel holds memory for, by `mincore`
/// @param purgedBytes pages given back to the kernel since the heap began, in all
/// @param threadCaches caches, one for each thread that ran at the same time, and those that virtual threads share
/// @param magazineBytes what those caches may use outside of the regions, 32 KiB each, but for those whose memory went
///     back to the kernel after their threads had ended
public record HeapStatistics(
        long liveBlocks,
        long liveBytes,
        List<SizeClassStatistics> sizeClasses,
        long largeBlocks,
        long largeBytes,
        long hugeBlocks,
        long hugeBytes,
        long spanBytes,
        long dirtyBytes,
        long committedBytes,
        long reservedBytes,
        long residentBytes,
        long purgedBytes,
        int threadCaches,
        long magazineBytes) {

    @Override
    public String toString() {
        return "HeapStatistics[liveBlocks=" + liveBlocks + ", liveBytes=" + Sizes.text(liveBytes) + ", sizeClasses="
                + sizeClasses + ", largeBlocks=" + largeBlocks + ", largeBytes=" + Sizes.text(largeBytes)
                + ", hugeBlocks=" + hugeBlocks + ", hugeBytes=" + Sizes.text(hugeBytes) + ", spanBytes="
                + Sizes.text(spanBytes) + ", dirtyBytes=" + Sizes.text(dirtyBytes) + ", committedBytes="
                + Sizes.text(committedBytes) + ", reservedBytes=" + Sizes.text(reservedBytes) + ", residentBytes="
                + Sizes.text(residentBytes) + ", purgedBytes=" + Sizes.text(purgedBytes) + ", threadCaches="
                + threadCaches + ", magazineBytes=" + Sizes.text(magazineBytes) + "]";
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
