package malloc4j.observe;

/// What the slabs of one block size hold.
///
/// @param blockBytes the size of a block
/// @param slabCount slabs, 64 KiB each
/// @param liveBlocks blocks that are allocated and not freed
/// @param freeBlocks the others
public record SizeClassStatistics(int blockBytes, long slabCount, long liveBlocks, long freeBlocks) {}
