package malloc4j.internal.slab;

import malloc4j.internal.memory.RawMemory;
import malloc4j.internal.region.ChunkMap;
import malloc4j.internal.region.Zone;

/// The entry of a slab: what a free needs to know of it, beside the slab and its record, two to a cache line. A copy:
/// the record has the truth, and a free that the entry does not allow goes by the record.
///
/// ```
///   entry = ChunkMap.ENTRIES + chunk * 32
///
///           0              8              16             24                       32
///          +--------------+--------------+--------------+------------------------+
///          | thread| heap | pairs | class| reciprocal   | magazine << 16 | slots |
///          +--------------+--------------+--------------+------------------------+
///            owner: whose the slab is, 0 for a chunk that is no slab
/// ```
///
/// Only chunks of the main zone have one. Where the zone is not in use, and in a chunk that is no slab, `owner` is 0.
/// The thread in it is [#NO_THREAD] where the slab belongs to a shared cache, and may be one that has ended.
///
/// Invariants, checked by [#verify] while `owner` is not 0: the heap, `pairs`, the size class and `reciprocal` are
/// those of the record.
///
/// Concurrency: the owner of a slab writes its entry before it gives a block out, and everybody reads it plainly, who
/// has such a block; whoever retires the slab or releases the chunk sets `owner` to 0. Nobody else's id is ever equal
/// to it: thread ids are not used again.
public final class SlabEntry {
    /// Offset of the owner, 64 bits: see [#owner].
    public static final int OWNER = 0;

    /// Offset of the address of the slab's first pair, shifted left by [RawMemory#ADDRESS_SHIFT], and of its size class
    /// below, 64 bits.
    public static final int PAIRS = 8;

    /// Offset of the slab's reciprocal, 64 bits.
    public static final int RECIPROCAL = 16;

    /// Offset of where the owner puts the slab's free blocks, 64 bits: an address shifted left, and a number of
    /// bytes.
    public static final int MAGAZINE = 24;

    /// In place of a thread's id, which is above: nobody's.
    public static final long NO_THREAD = 0;

    /// The size class in what is at [#PAIRS].
    public static final long SIZE_CLASS_MASK = (1L << RawMemory.ADDRESS_SHIFT) - 1;

    private static final int HEAP_KEY_BITS = 24;
    private static final int NO_HEAP_KEY = (1 << HEAP_KEY_BITS) - 1;

    private SlabEntry() {}

    /// Lets frees of blocks of a slab go by its entry, those of a thread as its owner's. By the slab's owner. Does
    /// nothing for a slab of the second zone, and for a heap without a key.
    ///
    /// @param threadId the owner's, or [#NO_THREAD]
    /// @param magazine see [#MAGAZINE]
    public static void ownerPut(long slab, long threadId, long magazine) {
        long entry = entry(Slab.base(slab));
        long heapKey = heapKey(Slab.heapId(slab));
        if (entry != 0 && heapKey != NO_HEAP_KEY) {
            RawMemory.putLong(entry + PAIRS, pairs(slab));
            RawMemory.putLong(entry + RECIPROCAL, Slab.reciprocal(slab));
            RawMemory.putLong(entry + MAGAZINE, magazine);
            RawMemory.putLong(entry + OWNER, owner(threadId, heapKey));
        }
    }

    private static long pairs(long slab) {
        return Slab.pair(slab, 0) << RawMemory.ADDRESS_SHIFT | Slab.sizeClass(slab);
    }

    /// Whether the frees of a thread go by the entry of a slab as its owner's.
    public static boolean hasOwner(long slab, long threadId) {
        long entry = entry(Slab.base(slab));
        return entry != 0 && RawMemory.getLong(entry + OWNER) == owner(threadId, heapKey(Slab.heapId(slab)));
    }

    /// Makes every free of a slab go by its record.
    static void clearOwner(long slab) {
        long entry = entry(Slab.base(slab));
        if (entry != 0) {
            RawMemory.putLongRelease(entry + OWNER, 0);
        }
    }

    /// What stands for a heap in the owner of an entry: its number, or for the sixteen-millionth heap of a process
    /// and later ones a key that no entry ever has.
    public static long heapKey(int heapId) {
        return heapId >= 0 && heapId < NO_HEAP_KEY ? heapId : NO_HEAP_KEY;
    }

    /// The owner that an entry names: a thread in a heap.
    public static long owner(long threadId, long heapKey) {
        return threadId << HEAP_KEY_BITS | heapKey;
    }

    /// Whether an owner is of the heap with a key.
    public static boolean isOf(long owner, long heapKey) {
        return owner != 0 && (owner & NO_HEAP_KEY) == heapKey;
    }

    /// The entry of the chunk that `address` lies in, 0 outside the main zone; read it where the zone is not in
    /// use, but do not write.
    private static long entry(long address) {
        long chunk = (address - ChunkMap.BASE) >>> Zone.CHUNK_SHIFT;
        return chunk < ChunkMap.CHUNKS ? ChunkMap.ENTRIES ^ (chunk << ChunkMap.ENTRY_SHIFT) : 0;
    }

    /// Compares the entry of a slab with its record, and with what the owning cache says of its magazine; throws
    /// [AssertionError] where they differ. While the owner rests.
    ///
    /// @param magazine see [#MAGAZINE]
    public static void verify(long slab, long magazine) {
        long entry = entry(Slab.base(slab));
        long owner = entry == 0 ? 0 : RawMemory.getLong(entry + OWNER);
        if (owner != 0) {
            check(slab, (owner & NO_HEAP_KEY) == heapKey(Slab.heapId(slab)), "heap");
            check(slab, RawMemory.getLong(entry + PAIRS) == pairs(slab), "pairs");
            check(slab, RawMemory.getLong(entry + RECIPROCAL) == Slab.reciprocal(slab), "reciprocal");
            check(slab, RawMemory.getLong(entry + MAGAZINE) == magazine, "magazine");
        }
    }

    private static void check(long slab, boolean condition, String field) {
        if (!condition) {
            throw new AssertionError(
                    "entry of slab 0x" + Long.toHexString(Slab.base(slab)) + ": its " + field + " is another's");
        }
    }
}
