package malloc4j.internal.cache;

import static malloc4j.internal.memory.RawMemory.ATOMIC_LONG;
import static malloc4j.internal.memory.RawMemory.LONG;
import static malloc4j.internal.memory.RawMemory.MEMORY;

import java.lang.invoke.VarHandle;
import malloc4j.internal.memory.RawMemory;
import malloc4j.internal.region.ChunkMap;
import malloc4j.internal.region.Zone;
import malloc4j.internal.slab.SizeClasses;
import malloc4j.internal.slab.Slab;
import malloc4j.internal.slab.SlabEntry;

/// What one thread's next mallocs of one size class take: the blocks that it freed last, and when there are none, a
/// word of a slab. All that a warm malloc or free executes is in this file and in [CacheTable].
///
/// ```
/// the magazines of a cache lie one after the other, off the Java heap, 576 bytes a size class
///
///   0                     8           16             24      32         40          48           56      64        576
///  +-------+-------+-----+-----------+--------------+-------+----------+-----------+------------+-------+- - - - -+
///  | epoch | pops  |used | pair << 8 | first |block | draws | returned | elsewhere | pops base  | draws | 32      |
///  |   :32 |   :16 | :16 |           | << 16 |bytes |       |          |           | << 2, epoch| base  | slots   |
///  +-------+-------+-----+-----------+--------------+-------+----------+-----------+------------+-------+- - - - -+
///    top                                                                             slot: address << 16 | index
///                                                                                    in the slab, pair << 8
///
/// and behind the last, 64 bits: of which classes `elsewhere` is not 0
///
///   malloc   used > 0: the block in the last used slot, or a miss where `pops` is below 0; else the lowest free block
///            of the pair, or a miss where it has none, or `draws` is below 0
///   free     the block's bit is set in its slab, and if a slot is left, the block is put there
/// ```
///
/// Whether a block is free stands in its slab's words alone. A slot only says which of the free blocks to take
/// first: its owner may forget them all at any moment, and nothing is lost.
///
/// **Torn calls.** In the interpreter a `StackOverflowError` may end [#take] or [#push] between any two of their
/// accesses. Then a slot may name a block whose bit is not set: one that was taken, or was not freed after all,
/// and that may be freed later and stand in a second slot. So [#take] trusts no slot: it takes a block only if its
/// bit says that it is free, and drops the slot otherwise. The torn call loses the block it was taking at most.
///
/// **Countdowns.** `pops` and `draws` say how many more blocks, less one, may come out of slots and out of words before
/// one of that kind is a miss, so that somebody looks at it: see [Countdowns]. Both have signs, and stop at -1. They
/// cost the warm path nothing: it counts in `top` anyway, and loads and stores what it drew. [#rewind] winds them up
/// again, which begins a new epoch.
///
/// **Counts**, each by the owner: `returned` blocks were freed without a slot, or their slots forgotten, `elsewhere`
/// ones freed that lie in slabs of other caches. What the countdowns have counted is the difference to their bases:
///
/// ```
///   popped    = pops base - pops           blocks that came out of slots
///   allocated = popped + draws base - draws                           from slabs of this cache
///   freed     = returned + elsewhere + popped + used / 16             by the owner, wherever the slab belongs
/// ```
///
/// and over all caches of a heap, with what threads without a cache have freed, `allocated - freed` blocks of a class
/// are live. A call that a `StackOverflowError` has torn may put a count off by one. Who reads while the owner winds up
/// sees two epochs, and reads again.
///
/// Invariants, each checked by [#verify]:
/// 1. A used slot names a block by address, index and pair; its slab belongs to the same cache and class. The block
///    is free, and in no other slot, but for what torn calls have left.
/// 2. `used` is a multiple of 16, and at most 16 times the slots of the class.
/// 3. The epoch of `pops base` is that of `top`, its lowest bit. No countdown is below -1.
///
/// Concurrency: the owner alone writes, and reads plainly. A visitor asks [#freePages] before it takes memory away.
/// What the owner writes, in this order: when it frees, the slot, `top`, the block's bit; when it allocates, the
/// block's bit, `top`. So a free block is in a used slot from before its bit is set until after it is cleared, and
/// no value of `top` comes again: a free adds to `used`, an allocation takes from `pops`, which only a new epoch ends.
///
/// [#take], [#takeLowest], [#free] and [#push] reach memory by handle, and have the arithmetic of [Slab] written
/// out: so the JIT inlines each as a whole, or calls it (see [RawMemory]).
final class Magazine {
    /// What a method answers that has nothing: no address.
    static final long MISS = -1;

    private static final int TOP = 0;
    private static final int PAIR = 8;
    private static final int FIRST = 16;
    private static final int DRAWS = 24;
    private static final int RETURNED = 32;
    private static final int ELSEWHERE = 40;
    private static final int POPS_BASE = 48;
    private static final int DRAWS_BASE = 56;
    private static final int SLOTS = 64;
    private static final int SLOT_BYTES = 16;
    private static final int SLOT_PAIR = 8; // within a slot
    private static final int MAX_SLOTS = 32;
    private static final int MAX_FREE_BYTES = Zone.CHUNK_BYTES; // in the slots of one class
    private static final int USED_BITS = 16; // more than it has: x86 takes these out by one instruction, not two
    private static final int USED_MASK = (1 << USED_BITS) - 1;
    private static final int DUE_OR_USED = Integer.MIN_VALUE | USED_MASK; // of the lower half of top
    private static final long PUSH = SLOT_BYTES;
    private static final long POP = -(1 << USED_BITS) - SLOT_BYTES;
    private static final int BLOCK_SHIFT = 16;
    private static final int BLOCK_MASK = (1 << BLOCK_SHIFT) - 1;

    /// Bytes of a magazine: nine cache lines, an odd number, so that magazines do not meet in few sets of a cache.
    private static final int MAGAZINE_BYTES = SLOTS + MAX_SLOTS * SLOT_BYTES;

    private static final int CLASSES_ELSEWHERE = SizeClasses.COUNT * MAGAZINE_BYTES; // behind the last magazine

    /// Bytes of the magazines of a cache, whole pages.
    static final int CACHE_BYTES = 1 << 15;

    private static final int QUANTUM_SHIFT = 4;
    private static final int QUANTA_MASK = (1 << 12) - 1; // more than there are: spares the check of an index
    private static final char[] OFFSET_BY_QUANTA = offsetByQuanta();

    private static final int SEARCHES = 4;

    private static final int BASE_SHIFT = 2; // the lowest bit of the epoch, and WOUND
    private static final int WOUND = 2;

    /// The most blocks that a countdown counts: [#rewind] takes no larger one.
    static final int MAX_COUNTDOWN = 1 << (Integer.SIZE - USED_BITS - 1);

    /// What [#freePages] answers when the owner was at work all the time.
    static final int BUSY = -1;

    private Magazine() {}

    /// Uses each handle once, and links it by that: see [RawMemory#link].
    static void link(long word) {
        LONG.set(MEMORY, word, (long) LONG.get(MEMORY, word));
        boolean unused = ATOMIC_LONG.compareAndSet(MEMORY, word, (long) ATOMIC_LONG.getVolatile(MEMORY, word), 0L);
    }

    private static char[] offsetByQuanta() {
        char[] offsets = new char[QUANTA_MASK + 1];
        for (int bytes = 0; bytes <= SizeClasses.MAX_SMALL_BYTES; bytes += SizeClasses.QUANTUM_BYTES) {
            offsets[bytes >>> QUANTUM_SHIFT] = (char) (SizeClasses.of(bytes) * MAGAZINE_BYTES);
        }
        return offsets;
    }

    /// The magazine of a size class, in the cache whose magazines begin at `magazines`.
    static long of(long magazines, int sizeClass) {
        return magazines + (long) sizeClass * MAGAZINE_BYTES;
    }

    /// The magazine for blocks of `byteSize` bytes, 0 to [SizeClasses#MAX_SMALL_BYTES].
    static long ofSize(long magazines, long byteSize) {
        return magazines
                + OFFSET_BY_QUANTA[(int) (byteSize + SizeClasses.QUANTUM_BYTES - 1) >>> QUANTUM_SHIFT & QUANTA_MASK];
    }

    /// How many slots a class uses: few where blocks are large, for nobody takes memory away from a block in one.
    private static int slotCount(int sizeClass) {
        return Math.clamp(MAX_FREE_BYTES / SizeClasses.blockBytes(sizeClass), 1, MAX_SLOTS);
    }

    /// The address of a class's magazine and how many bytes of slots it may use, as a chunk's entry has them: see
    /// [SlabEntry#MAGAZINE].
    static long shifted(long magazines, int sizeClass) {
        return of(magazines, sizeClass) << USED_BITS | (long) slotCount(sizeClass) * SLOT_BYTES;
    }

    /// Takes the block that was freed last, or the lowest of the pair: no lock, no atomic write, and no touch of
    /// the block. Returns its address, or [#MISS]. By the owner.
    static long take(long magazine) {
        long top = (long) LONG.get(MEMORY, magazine + TOP);
        if (((int) top & DUE_OR_USED) <= 0) {
            return takeLowest(magazine, (int) top);
        }
        long end = magazine + SLOTS + (top & USED_MASK);
        long block = (long) LONG.get(MEMORY, end - SLOT_BYTES);
        long pair = (long) LONG.get(MEMORY, end - SLOT_BYTES + SLOT_PAIR) >>> RawMemory.ADDRESS_SHIFT;
        long free = (long) LONG.get(MEMORY, pair);
        long bit = 1L << block; // a shift counts by its low 6 bits
        if ((free & ~(long) LONG.get(MEMORY, pair + Slab.REMOTE) & bit) == 0) {
            return takeAnother(magazine);
        }
        LONG.set(MEMORY, pair, free ^ bit);
        VarHandle.releaseFence();
        LONG.set(MEMORY, magazine + TOP, top + POP);
        return block >>> BLOCK_SHIFT;
    }

    /// The rest of [#take] where the last slot's block is not to be had: a torn call has left it there, or another
    /// thread has freed it at the same moment as the owner. Drops such slots, and goes on.
    private static long takeAnother(long magazine) {
        long top = RawMemory.getLong(magazine + TOP);
        while (((int) top & DUE_OR_USED) > 0) {
            long slot = magazine + SLOTS + (top & USED_MASK) - SLOT_BYTES;
            long block = RawMemory.getLong(slot);
            long pair = RawMemory.getLong(slot + SLOT_PAIR) >>> RawMemory.ADDRESS_SHIFT;
            long free = Slab.freeWord(pair);
            long bit = 1L << block;
            top += POP;
            if ((free & ~Slab.remoteWord(pair) & bit) != 0) {
                RawMemory.putLong(pair, free ^ bit);
                VarHandle.releaseFence();
                RawMemory.putLong(magazine + TOP, top);
                return block >>> BLOCK_SHIFT;
            }
            if ((free & bit) != 0) {
                RawMemory.putLong(magazine + RETURNED, RawMemory.getLong(magazine + RETURNED) + 1);
            }
            RawMemory.putLong(magazine + TOP, top);
        }
        return takeLowest(magazine, (int) top);
    }

    /// @param top the lower half of `top`
    private static long takeLowest(long magazine, int top) {
        if ((top & USED_MASK) != 0) { // the countdown of slots has ended
            return MISS;
        }
        long pair = (long) LONG.get(MEMORY, magazine + PAIR) >>> RawMemory.ADDRESS_SHIFT;
        if (pair == 0) {
            return MISS;
        }
        long free = (long) LONG.get(MEMORY, pair);
        long block = free & ~(long) LONG.get(MEMORY, pair + Slab.REMOTE); // one that is freed twice now has both bits
        long draws = (long) LONG.get(MEMORY, magazine + DRAWS);
        if (block == 0 || draws < 0) {
            return MISS;
        }
        long first = (long) LONG.get(MEMORY, magazine + FIRST);
        LONG.set(MEMORY, magazine + DRAWS, draws - 1);
        LONG.set(MEMORY, pair, free ^ (block & -block));
        return (first >>> BLOCK_SHIFT) + Long.numberOfTrailingZeros(block) * (first & BLOCK_MASK);
    }

    /// Frees a live block by its chunk's entry. Returns false, and has done nothing, when `owner` is not the owner
    /// there, when `address` is not a live block, and when the slab may be full: the caller finds out what.
    ///
    /// @param owner the current thread's in the heap: see [SlabEntry#owner]
    static boolean free(long address, long owner) {
        long chunk = (address - ChunkMap.BASE) >>> Zone.CHUNK_SHIFT;
        if (chunk >= ChunkMap.CHUNKS) {
            return false;
        }
        long entry = ChunkMap.ENTRIES ^ (chunk << ChunkMap.ENTRY_SHIFT);
        if ((long) LONG.get(MEMORY, entry + SlabEntry.OWNER) != owner) {
            return false;
        }
        long reciprocal = (long) LONG.get(MEMORY, entry + SlabEntry.RECIPROCAL);
        long product = (address & (Zone.CHUNK_BYTES - 1)) * reciprocal;
        if ((product & Slab.LOW_32) >= reciprocal) { // no block begins there
            return false;
        }
        long pairs = (long) LONG.get(MEMORY, entry + SlabEntry.PAIRS) >>> RawMemory.ADDRESS_SHIFT;
        long pair = pairs + (product >>> Slab.PRODUCT_PAIR_SHIFT & Slab.PAIR_MASK);
        long index = product >>> Integer.SIZE;
        long word = (long) LONG.get(MEMORY, pair);
        long bit = 1L << index;
        if (((word | (long) LONG.get(MEMORY, pair + Slab.REMOTE)) & bit) != 0) {
            return false;
        }
        long shifted = (long) LONG.get(MEMORY, entry + SlabEntry.MAGAZINE);
        if (word == 0) {
            return freeFirst(shifted, address, pair, index);
        }
        push(shifted, address, pair, index);
        VarHandle.releaseFence(); // as Slab.ownerPutFreeWord
        LONG.set(MEMORY, pair, word | bit);
        return true;
    }

    /// The rest of [#free] where the word has no free block yet. A method of its own, so that no value of the usual
    /// way has to outlive a call.
    private static boolean freeFirst(long shifted, long address, long pair, long index) {
        if (!Slab.ownerNoteLaterWord(ChunkMap.record(address), (int) index >>> 6)) {
            return false;
        }
        push(shifted, address, pair, index);
        Slab.ownerPutFreeWord(pair, 1L << index);
        return true;
    }

    /// Frees a live block of another cache of the heap by its chunk's entry, where others have freed blocks of its word
    /// already: then one compare-and-set is all there is to do, and nobody has to be told. Returns false, and has done
    /// nothing, in every other case: the caller finds out what.
    ///
    /// @param heapKey the heap's: see [SlabEntry#heapKey]
    /// @param magazines those of the current thread's cache
    static boolean freeElsewhere(long address, long heapKey, long magazines) {
        long sizeClass = freeBit(address, heapKey, magazines);
        if (sizeClass < 0) {
            return false;
        }
        noteFreedElsewhere(magazines, (int) sizeClass);
        return true;
    }

    /// As [#freeElsewhere], but counts nothing: returns the block's size class, or [#MISS].
    ///
    /// @param magazines those of the current thread's cache, 0 when it has none
    static long freeBit(long address, long heapKey, long magazines) {
        long chunk = (address - ChunkMap.BASE) >>> Zone.CHUNK_SHIFT;
        if (chunk >= ChunkMap.CHUNKS) {
            return MISS;
        }
        long entry = ChunkMap.ENTRIES ^ (chunk << ChunkMap.ENTRY_SHIFT);
        if (!SlabEntry.isOf((long) LONG.get(MEMORY, entry + SlabEntry.OWNER), heapKey)) {
            return MISS;
        }
        long reciprocal = (long) LONG.get(MEMORY, entry + SlabEntry.RECIPROCAL);
        long product = (address & (Zone.CHUNK_BYTES - 1)) * reciprocal;
        if ((product & Slab.LOW_32) >= reciprocal) { // no block begins there
            return MISS;
        }
        long pairs = (long) LONG.get(MEMORY, entry + SlabEntry.PAIRS);
        long sizeClass = pairs & SlabEntry.SIZE_CLASS_MASK;
        long owners = (long) LONG.get(MEMORY, entry + SlabEntry.MAGAZINE) >>> USED_BITS;
        if (owners - sizeClass * MAGAZINE_BYTES == magazines) { // the slab had another owner when it was made
            return MISS;
        }
        long pair = (pairs >>> RawMemory.ADDRESS_SHIFT) + (product >>> Slab.PRODUCT_PAIR_SHIFT & Slab.PAIR_MASK);
        long index = product >>> Integer.SIZE;
        long bit = 1L << index;
        long remote = (long) ATOMIC_LONG.getVolatile(MEMORY, pair + Slab.REMOTE);
        boolean isFirst = (remote & ~Slab.restingBit(reciprocal, index)) == 0;
        if (isFirst
                || ((remote | (long) LONG.get(MEMORY, pair)) & bit) != 0
                || !ATOMIC_LONG.compareAndSet(MEMORY, pair + Slab.REMOTE, remote, remote | bit)) {
            return MISS;
        }
        // In both words: the owner has freed it at the same moment, or collected it since.
        boolean isInBoth = ((long) ATOMIC_LONG.getVolatile(MEMORY, pair) & bit) != 0;
        return isInBoth && !Slab.isFreed(ChunkMap.record(address), (int) index) ? MISS : sizeClass;
    }

    /// Puts a block that is about to be free into the next slot, if there is one: its bit is set after that. By the
    /// owner.
    ///
    /// @param shifted the magazine of the block's class, as [#shifted] gives it
    static void push(long shifted, long address, long pair, long index) {
        long magazine = shifted >>> USED_BITS;
        long top = (long) LONG.get(MEMORY, magazine + TOP);
        if ((top & USED_MASK) < (shifted & USED_MASK)) {
            long slot = magazine + SLOTS + (top & USED_MASK);
            LONG.set(MEMORY, slot, address << BLOCK_SHIFT | index);
            LONG.set(MEMORY, slot + SLOT_PAIR, pair << RawMemory.ADDRESS_SHIFT);
            VarHandle.releaseFence();
            LONG.set(MEMORY, magazine + TOP, top + PUSH);
        } else {
            LONG.set(MEMORY, magazine + RETURNED, (long) LONG.get(MEMORY, magazine + RETURNED) + 1);
        }
    }

    /// Whether a slot is in use. By the owner.
    static boolean hasSlot(long magazine) {
        return (RawMemory.getLong(magazine + TOP) & USED_MASK) != 0;
    }

    /// Whether a block has missed because the countdown of slots has ended. By the owner.
    static boolean isPopDue(long magazine) {
        return hasSlot(magazine) && popsLeft(magazine) <= 0;
    }

    /// Whether a block has missed because that of words has ended. By the owner.
    static boolean isDrawDue(long magazine) {
        return !hasSlot(magazine) && drawsLeft(magazine) <= 0;
    }

    /// Whether the countdowns were ever wound up.
    static boolean isWound(long magazine) {
        return RawMemory.getLong(magazine + POPS_BASE) != 0;
    }

    /// How many more blocks may come out of slots before one is a miss. By the owner.
    static long popsLeft(long magazine) {
        return pops(RawMemory.getLong(magazine + TOP)) + 1L;
    }

    /// How many more blocks may come out of words before one is a miss. By the owner.
    static long drawsLeft(long magazine) {
        return RawMemory.getLong(magazine + DRAWS) + 1;
    }

    /// Winds both countdowns up. By the owner.
    ///
    /// @param popsLeft how many blocks may come out of slots before one is a miss, 0 to [#MAX_COUNTDOWN]
    /// @param drawsLeft the same for words
    static void rewind(long magazine, long popsLeft, long drawsLeft) {
        long top = RawMemory.getLong(magazine + TOP);
        long nextEpoch = epoch(top) + 1;
        long popsBase = popped(magazine, top) + popsLeft - 1;
        long drawsBase = drawn(magazine) + drawsLeft - 1;
        RawMemory.putLong(magazine + POPS_BASE, popsBase << BASE_SHIFT | WOUND | (nextEpoch & 1));
        VarHandle.releaseFence();
        RawMemory.putLong(magazine + DRAWS_BASE, drawsBase);
        RawMemory.putLong(magazine + DRAWS, drawsLeft - 1);
        VarHandle.releaseFence();
        RawMemory.putLong(
                magazine + TOP, (nextEpoch << Integer.SIZE) + ((popsLeft - 1) << USED_BITS) + (top & USED_MASK));
    }

    /// A countdown below 0 has borrowed from the epoch.
    private static long epoch(long top) {
        return (top - (int) top) >> Integer.SIZE;
    }

    private static int pops(long top) {
        return (int) top >> USED_BITS;
    }

    private static long popped(long magazine, long top) {
        return (RawMemory.getLong(magazine + POPS_BASE) >> BASE_SHIFT) - pops(top);
    }

    private static long drawn(long magazine) {
        return RawMemory.getLong(magazine + DRAWS_BASE) - RawMemory.getLong(magazine + DRAWS);
    }

    /// Forgets the blocks in the slots, as if each had been freed without one. Returns how many. By the owner, or while
    /// there is none, under the cache's lock: `top` may be what it was, and a visitor in between would not see that.
    static long forgetSlots(long magazine) {
        long top = RawMemory.getLong(magazine + TOP);
        long blocks = (top & USED_MASK) / SLOT_BYTES;
        if (blocks != 0) { // else a page that was never used stays so
            RawMemory.putLong(magazine + TOP, top - blocks * PUSH);
            RawMemory.putLong(magazine + RETURNED, RawMemory.getLong(magazine + RETURNED) + blocks);
        }
        return blocks;
    }

    /// Makes magazines that were used as new. While there is no owner.
    ///
    /// @param classes which ones: bit `c` for class `c`
    static void clear(long magazines, long classes) {
        for (long rest = classes; rest != 0; rest &= rest - 1) {
            RawMemory.clear(of(magazines, Long.numberOfTrailingZeros(rest)), SLOTS);
        }
        if (classesElsewhere(magazines) != 0) { // else a page that was never used stays so
            RawMemory.putLong(magazines + CLASSES_ELSEWHERE, 0);
        }
    }

    /// Counts a block that the owner has freed in a slab of another cache. By the owner.
    static void noteFreedElsewhere(long magazines, int sizeClass) {
        long classes = (long) LONG.get(MEMORY, magazines + CLASSES_ELSEWHERE);
        if ((classes >>> sizeClass & 1) == 0) {
            LONG.set(MEMORY, magazines + CLASSES_ELSEWHERE, classes | 1L << sizeClass);
        }
        long magazine = of(magazines, sizeClass);
        LONG.set(MEMORY, magazine + ELSEWHERE, (long) LONG.get(MEMORY, magazine + ELSEWHERE) + 1);
    }

    /// Of which classes the owner has freed blocks in slabs of other caches: bit `c` for class `c`. From any thread.
    static long classesElsewhere(long magazines) {
        return RawMemory.getLong(magazines + CLASSES_ELSEWHERE);
    }

    /// How many blocks of the class were allocated, ever. From any thread.
    static long allocatedCount(long magazine) {
        while (true) {
            long base = RawMemory.getLongVolatile(magazine + POPS_BASE);
            long top = RawMemory.getLongVolatile(magazine + TOP);
            long allocated = (base >> BASE_SHIFT) - pops(top) + drawn(magazine);
            VarHandle.acquireFence();
            if (isOfOneEpoch(magazine, base, top)) {
                return allocated;
            }
        }
    }

    /// How many blocks of the class the owner has freed, ever. From any thread.
    static long freedCount(long magazine) {
        while (true) {
            long base = RawMemory.getLongVolatile(magazine + POPS_BASE);
            long top = RawMemory.getLongVolatile(magazine + TOP);
            long slotted = (base >> BASE_SHIFT) - pops(top) + (top & USED_MASK) / SLOT_BYTES;
            long freed = RawMemory.getLong(magazine + RETURNED) + RawMemory.getLong(magazine + ELSEWHERE) + slotted;
            VarHandle.acquireFence();
            if (isOfOneEpoch(magazine, base, top)) {
                return freed;
            }
        }
    }

    private static boolean isOfOneEpoch(long magazine, long base, long top) {
        return ((base ^ epoch(top)) & 1) == 0 && RawMemory.getLongVolatile(magazine + POPS_BASE) == base;
    }

    /// How many of those lie in slabs of other caches. From any thread.
    static long elsewhereCount(long magazine) {
        return RawMemory.getLongVolatile(magazine + ELSEWHERE);
    }

    /// How many free blocks of the class this cache's thread has left in words rather than in slots, ever: it only
    /// grows. From any thread.
    static long returnedCount(long magazine) {
        return RawMemory.getLongVolatile(magazine + RETURNED);
    }

    /// The pair of words to take from when no slot is used, 0 for none. By the owner.
    static long pair(long magazine) {
        return RawMemory.getLong(magazine + PAIR) >>> RawMemory.ADDRESS_SHIFT;
    }

    /// Takes from another pair of words from now on. By the owner.
    ///
    /// @param pair its address, 0 for none
    /// @param first the address of the block of its bit 0
    static void putPair(long magazine, long pair, long first, int blockBytes) {
        RawMemory.putLong(magazine + PAIR, pair << RawMemory.ADDRESS_SHIFT);
        RawMemory.putLong(magazine + FIRST, first << BLOCK_SHIFT | blockBytes);
    }

    /// The pages of a slab that neither a live block touches nor one in a slot: bit `p` for page `p` of the chunk; or
    /// [#BUSY], a negative number: the next visit may find out.
    /// For a visitor that holds the cache's lock, and a slab of the magazine's class that is not leased: those
    /// pages stay so while it does.
    ///
    /// Where `top` is the same before and after, at most one allocation and one free were under way between, and
    /// what they took or gave was in a used slot, or live. A block that comes into use must be in a slot, and a
    /// block that comes into a slot must be live: pages found free here have neither.
    static int freePages(long magazine, long slab) {
        for (int search = 0; search < SEARCHES; search++) {
            long top = RawMemory.getLongVolatile(magazine + TOP);
            int pages = Slab.freePages(slab);
            long end = magazine + SLOTS + (top & USED_MASK);
            for (long slot = magazine + SLOTS; slot < end && pages != 0; slot += SLOT_BYTES) {
                long address = RawMemory.getLong(slot) >>> BLOCK_SHIFT;
                if (ChunkMap.record(address) == slab) {
                    pages &= ~Slab.pagesOf(slab, address);
                }
            }
            VarHandle.acquireFence();
            if (RawMemory.getLongVolatile(magazine + TOP) == top) {
                return pages;
            }
        }
        return BUSY;
    }

    /// Checks the invariants of the class header while the owner rests; throws [AssertionError] on the first that
    /// does not hold.
    static void verify(long magazine, int tag, int sizeClass) {
        long used = RawMemory.getLong(magazine + TOP) & USED_MASK;
        check(magazine, used % SLOT_BYTES == 0 && used <= (long) slotCount(sizeClass) * SLOT_BYTES, "used is " + used);
        long top = RawMemory.getLong(magazine + TOP);
        check(magazine, pops(top) >= -1 && drawsLeft(magazine) >= 0, "a countdown went on below -1");
        check(magazine, isOfOneEpoch(magazine, RawMemory.getLong(magazine + POPS_BASE), top), "two epochs");
        for (long slot = magazine + SLOTS; slot < magazine + SLOTS + used; slot += SLOT_BYTES) {
            long block = RawMemory.getLong(slot);
            long address = block >>> BLOCK_SHIFT;
            int index = (int) (block & BLOCK_MASK);
            long slab = ChunkMap.record(address);
            check(magazine, Slab.tag(slab) == tag && Slab.sizeClass(slab) == sizeClass, "a slot has a foreign block");
            check(
                    magazine,
                    address == Slab.base(slab) + (long) index * Slab.blockBytes(slab)
                            && RawMemory.getLong(slot + SLOT_PAIR) >>> RawMemory.ADDRESS_SHIFT
                                    == Slab.pair(slab, index >>> 6),
                    "a slot's address, index and pair disagree");
        }
    }

    /// How many used slots have a block that is not free, or stands in an earlier slot: such as only torn calls
    /// leave.
    static int tornSlots(long magazine) {
        int torn = 0;
        long end = magazine + SLOTS + (RawMemory.getLong(magazine + TOP) & USED_MASK);
        for (long slot = magazine + SLOTS; slot < end; slot += SLOT_BYTES) {
            long block = RawMemory.getLong(slot);
            long pair = RawMemory.getLong(slot + SLOT_PAIR) >>> RawMemory.ADDRESS_SHIFT;
            boolean isTorn = (Slab.freeWord(pair) & 1L << block) == 0;
            for (long other = magazine + SLOTS; other < slot; other += SLOT_BYTES) {
                isTorn |= RawMemory.getLong(other) == block;
            }
            torn += isTorn ? 1 : 0;
        }
        return torn;
    }

    private static void check(long magazine, boolean condition, String message) {
        if (!condition) {
            throw new AssertionError("magazine 0x" + Long.toHexString(magazine) + ": " + message);
        }
    }
}
