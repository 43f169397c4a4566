package malloc4j.internal.cache;

import malloc4j.internal.region.ChunkMap;
import malloc4j.internal.slab.Records;
import malloc4j.internal.slab.Slab;
import malloc4j.internal.slab.SlabEntry;

/// Two blocks of one word of a real slab, whose entry leads to it: `first` was freed by another thread than the owner,
/// so that another free of `block` may go the short way.
final class TwoBlocks {
    final ThreadCache cache = Parts.cache();
    final long first = cache.allocateBlock(0);
    final long block = cache.allocateBlock(0);
    final long slab = ChunkMap.record(block);

    TwoBlocks() {
        ThreadCache.freeRemote(slab, first);
    }

    /// Frees `block` from outside the owner, by the short way where that goes. Returns whether it was live.
    boolean freeElsewhere() {
        return Magazine.freeBit(block, SlabEntry.heapKey(Parts.HEAP_ID), 0) != Magazine.MISS
                || ThreadCache.freeRemote(slab, block);
    }

    /// Where the two are once the owner has collected what the actors left: see [Records#where]. Gives the slab back.
    String end() {
        Parts.drain(cache);
        Slab.ownerCollect(slab);
        String found = where(first) + " " + where(block);
        Parts.freeSlab(cache, slab);
        Parts.release(cache);
        return found;
    }

    private String where(long address) {
        return Records.where(slab, Slab.index(Slab.product(address, Slab.reciprocal(slab))));
    }
}
