package malloc4j.observe;

import java.io.Serializable;

/// What the slabs of one block size hold.
///
/// @param blockBytes the size of a block
/// @param slabCount slabs, 64 KiB each
/// @param liveBlocks blocks that are allocated and not freed
/// @param freeBlocks the others
/// @param allocatedBlocks blocks that were allocated, ever
/// @param freedBlocks blocks that were freed, ever
/// @param slabsMade slabs that were made, ever
/// @param slabsRetired slabs that became free pages again, ever
/// @since 0.1.0
public record SizeClassStatistics(
        int blockBytes,
        long slabCount,
        long liveBlocks,
        long freeBlocks,
        long allocatedBlocks,
        long freedBlocks,
        long slabsMade,
        long slabsRetired)
        implements Serializable {}
