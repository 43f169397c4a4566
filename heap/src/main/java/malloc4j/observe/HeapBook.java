package malloc4j.observe;

import java.io.Serializable;
import java.util.List;

/// One heap as its books in memory tell, which are read without asking its process: see
/// [malloc4j.process.HeapBooks].
///
/// What the process alone knows is not here: what was asked for, samples and their stacks, the names of threads, and
/// what was allocated and freed ever.
///
/// @param footprint where its memory is; `roundingBytes` is -1, and `residentBytes` too where the kernel cannot be
///     asked. What the heap keeps ready for its confined arenas counts as allocated
/// @param sizeClasses those that have slabs, smallest first
/// @param hugeBlocks in address order
/// @param liveBlocks how many blocks are live, of all sizes but guarded ones
/// @param arenaChunkBytes of `allocatedBytes`, what may be chunks of confined arenas, whether one is open on them or
///     not: at most so much is not in use
/// @since 0.1.0
public record HeapBook(
        HeapFootprint footprint,
        List<HeapSnapshot.SizeClass> sizeClasses,
        List<HeapSnapshot.Block> hugeBlocks,
        long liveBlocks,
        long arenaChunkBytes)
        implements Serializable {
    /// Copies what is given.
    public HeapBook {
        sizeClasses = List.copyOf(sizeClasses);
        hugeBlocks = List.copyOf(hugeBlocks);
    }

    /// The heap's name.
    public String name() {
        return footprint.heapName();
    }
}
