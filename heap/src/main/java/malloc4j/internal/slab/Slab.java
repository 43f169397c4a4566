package malloc4j.internal.slab;

import java.lang.invoke.VarHandle;
import java.util.concurrent.locks.LockSupport;
import malloc4j.internal.memory.RawMemory;
import malloc4j.internal.region.ChunkMap;
import malloc4j.internal.region.PageGeometry;
import malloc4j.internal.region.Zone;

/// A slab: one chunk of 64 KiB cut into equal blocks. This class has no fields; each method takes the address of
/// the chunk's record, which lies in the zone's records, far from the blocks, so that no overflow can reach it.
///
/// **A free block is a bit.** Block `i` has bit `i % 64` in both words of pair `i / 64`:
///
/// ```
/// record, line 0                                                    written by the owner, or constant
///   0      4      8            12           16     24        32
///  +------+------+------------+------------+------+---------+-----------+--
///  | tag  | heap | reciprocal | blockBytes | base | summary | sizeClass | ...
///  +------+------+------------+------------+------+---------+-----------+--
///       36         40      44          48     56
///     --+----------+-------+-----------+------+----------+
///   ... | capacity | state | seenPages | next | previous |
///     --+----------+-------+-----------+------+----------+
/// record, line 1                                                    written by others
///   64              72       76            80            88         96       112     113      128
///  +---------------+--------+-------------+-------------+----------+--------+-------+--------+
///  | remoteSummary | queued | uncharged   | pendingNext | collects | zeroed | shard | unused |
///  +---------------+--------+-------------+-------------+----------+--------+-------+--------+
/// record, lines 2 to 17
///   128      136        144      152
///  +--------+----------+--------+----------+-- - - --+---------+-----------+
///  | free 0 | remote 0 | free 1 | remote 1 |         | free 63 | remote 63 |
///  +--------+----------+--------+----------+-- - - --+---------+-----------+
///   pair 0              pair 1                        pair 63
/// blocks
///   base                                         base + capacity * blockBytes
///  +---------+---------+---------+-- - - --+-------------+- - - - - - - - -+
///  | block 0 | block 1 | block 2 |         | capacity-1  | tail            |
///  +---------+---------+---------+-- - - --+-------------+- - - - - - - - -+
///                                                         below blockBytes, to base + 64 KiB
/// ```
///
/// Who writes what:
/// - `free`: the owner alone, without a lock. A set bit is a free block that the owner may hand out.
/// - `remote`: everybody else, by atomic OR; the owner moves the bits to `free`, setting there before clearing
///   here, so that a freed block has a bit in one of the two words at every moment. The bit just past the last
///   block is always set.
/// - `summary`: the owner alone. Bit `w` is set when word `w` of `free` is not zero; it may be set for a zero word.
/// - `remoteSummary`: atomic. Bit `w` is set by whoever sets the first bit of word `w` of `remote`, after that.
/// - `collects`: the owner alone, atomic. Odd while it moves bits from `remote` to `free`; outlives the slab.
/// - `state`, `seenPages`, `uncharged`, `next`, `previous`: whoever holds the lock of the owning cache; the clean pages
///   in the upper half of `seenPages`, and `uncharged`, by the owner alone while the slab is leased.
/// - `queued`, `pendingNext`: see [ChunkMap#QUEUED]; a compare-and-set of `queued` gives the right to link the
///   record. Both outlive the slab.
/// - `zeroed`: see [ChunkMap#ZEROED].
/// - everything else is constant from [#format] to [#retire].
///
/// Invariants, each checked by [#verify]:
/// 1. `capacity == 64 KiB / blockBytes`, `base` is a multiple of 64 KiB.
/// 2. `free` and `remote` have no bit beyond the blocks but the one that `remote` always has. A bit in both is a block
///    that its owner and another thread have freed at the same moment: it is free once, and handed out only when the
///    owner has collected it.
/// 3. A word of `free` that is not zero has its bit in `summary`; a word of `remote` that has a block's bit has its
///    bit in `remoteSummary`, once the thread that set it has finished its call.
/// 4. `|free| + |remote| + live == capacity`.
/// 5. An uncharged page is clean, and no live block touches it.
///
/// Blocks leave a slab only while it is [#LEASED], or from a slot of the owning cache's magazine. So a slab that is
/// not leased, and stays so because the cache's lock is held, keeps the free blocks that are in no slot: their
/// pages may be given to the kernel.
public final class Slab {
    /// The owner allocates from it; at most one slab of a class at a time.
    public static final int LEASED = 1;

    /// In the owning cache's list, because it has free blocks, or remotely freed ones.
    public static final int AVAILABLE = 2;

    /// In no list: every block was live when the owner last looked.
    public static final int FULL = 3;

    private static final int RECIPROCAL = 8;
    /// Offset of the size of its blocks in a slab's record, 32 bits.
    public static final int BLOCK_BYTES = 12;

    private static final int BASE = 16;
    private static final int SUMMARY = 24;
    private static final int SIZE_CLASS = 32;
    private static final int CAPACITY = 36;
    private static final int STATE = 40;
    private static final int SEEN_PAGES = 44;
    private static final int CLEAN_SHIFT = 16; // in the same word
    private static final int NEXT = 48;
    private static final int PREVIOUS = 56;
    private static final int REMOTE_SUMMARY = 64;

    /// Offset of the pages that went back to the kernel, 32 bits.
    public static final int UNCHARGED_PAGES = 76;

    private static final int PENDING_NEXT = 80;
    private static final int COLLECTS = 88;
    private static final int PAIR_SHIFT = 4;

    /// Offset of `remote` in a pair.
    public static final int REMOTE = 8;

    /// By how much a [#product] is shifted right, and what it is masked with, to be the offset of the block's pair.
    public static final int PRODUCT_PAIR_SHIFT = Integer.SIZE + 6 - PAIR_SHIFT; // 64 blocks a pair

    public static final long PAIR_MASK = -1L << PAIR_SHIFT;

    /// The lower half of a [#product].
    public static final long LOW_32 = 0xFFFF_FFFFL;

    private static final int MAX_PAIRS = 64;

    /// Every page of a slab, as in [#freePages].
    public static final int ALL_PAGES = (int) ((1L << PageGeometry.PAGES_PER_CHUNK) - 1);

    private static final int PROBES = 16; // words, a cache line each four
    private static final int WORTH = 8; // blocks
    private static final long SCHEDULER_NANOS = 1_000;

    private Slab() {}

    /// Makes the chunk at `base` a slab, leased to the cache with number `tag`, all blocks free.
    static void format(long slab, long base, int sizeClass, int tag, int heapId) {
        int blockBytes = SizeClasses.blockBytes(sizeClass);
        int capacity = SizeClasses.capacity(sizeClass);
        RawMemory.putInt(slab + ChunkMap.HEAP, heapId);
        RawMemory.putInt(slab + RECIPROCAL, (int) (((1L << 32) + blockBytes - 1) / blockBytes));
        RawMemory.putInt(slab + BLOCK_BYTES, blockBytes);
        RawMemory.putLong(slab + BASE, base);
        RawMemory.putInt(slab + SIZE_CLASS, sizeClass);
        RawMemory.putInt(slab + CAPACITY, capacity);
        RawMemory.putInt(slab + STATE, LEASED);
        RawMemory.putInt(slab + SEEN_PAGES, 0);
        RawMemory.putInt(slab + UNCHARGED_PAGES, 0);
        RawMemory.putLong(slab + NEXT, 0);
        RawMemory.putLong(slab + PREVIOUS, 0);
        RawMemory.putLong(slab + REMOTE_SUMMARY, 0);
        int words = wordCount(capacity);
        RawMemory.putLong(slab + SUMMARY, words == 64 ? -1L : (1L << words) - 1);
        for (int word = 0; word < words; word++) {
            RawMemory.putLong(pair(slab, word), blockMask(capacity, word));
            RawMemory.putLong(pair(slab, word) + REMOTE, 0);
        }
        int last = capacity >>> 6;
        if (last < MAX_PAIRS) {
            if (last == words) {
                RawMemory.putLong(pair(slab, last), 0);
            }
            RawMemory.putLong(pair(slab, last) + REMOTE, 1L << capacity);
        }
        RawMemory.putIntRelease(slab + ChunkMap.TAG, tag);
    }

    /// Makes the chunk nobody's. Every block is free, nobody uses it.
    static void retire(long slab) {
        SlabEntry.clearOwner(slab);
        RawMemory.putIntRelease(slab + ChunkMap.TAG, 0);
    }

    public static int tag(long slab) {
        return RawMemory.getIntAcquire(slab + ChunkMap.TAG);
    }

    public static int heapId(long slab) {
        return RawMemory.getInt(slab + ChunkMap.HEAP);
    }

    /// `ceil(2^32 / blockBytes)`: see [#isBlock].
    public static long reciprocal(long slab) {
        return RawMemory.getInt(slab + RECIPROCAL);
    }

    public static int blockBytes(long slab) {
        return RawMemory.getInt(slab + BLOCK_BYTES);
    }

    public static long base(long slab) {
        return RawMemory.getLong(slab + BASE);
    }

    public static int sizeClass(long slab) {
        return RawMemory.getInt(slab + SIZE_CLASS);
    }

    public static int capacity(long slab) {
        return RawMemory.getInt(slab + CAPACITY);
    }

    /// The offset in the slab times the reciprocal: the block's index in the upper half, and a lower half that is
    /// below the reciprocal exactly when the offset is a multiple of the block size.
    ///
    /// @source D. Lemire, O. Kaser, N. Kurz, "Faster remainder by direct computation", 2019, section 3.2
    public static long product(long address, long reciprocal) {
        return (address & (Zone.CHUNK_BYTES - 1)) * reciprocal;
    }

    /// Whether the address that gave `product` is where a block begins, or the slab's tail.
    public static boolean isBlock(long product, long reciprocal) {
        return (product & LOW_32) < reciprocal;
    }

    public static int index(long product) {
        return (int) (product >>> 32);
    }

    /// The bit that `remote` always has, just past the last block: of the word that has the bit of block `index`, 0 in
    /// another word.
    public static long restingBit(long reciprocal, long index) {
        long capacity = reciprocal >>> Zone.CHUNK_SHIFT;
        return (capacity ^ index) >>> 6 == 0 ? 1L << capacity : 0;
    }

    /// The address of the pair of words that a block's bit is in; its `free` word comes first.
    public static long pair(long slab, int word) {
        return slab + ChunkMap.BODY + ((long) word << PAIR_SHIFT);
    }

    /// The number of the word that `pair` has; of a pair of the slab.
    public static int word(long slab, long pair) {
        return (int) (pair - pair(slab, 0)) >> PAIR_SHIFT;
    }

    /// Whether `pair` is the address of a pair of the slab that blocks are in.
    public static boolean hasPair(long slab, long pair) {
        long offset = pair - pair(slab, 0);
        return (offset & ((1 << PAIR_SHIFT) - 1)) == 0
                && Long.compareUnsigned(offset >>> PAIR_SHIFT, wordCount(capacity(slab))) < 0;
    }

    public static long freeWord(long pair) {
        return RawMemory.getLong(pair);
    }

    /// Sets a word of `free`. Release, because whoever sees a bit in it may have the block's memory for another
    /// use, and must come after all that was written to the block.
    public static void ownerPutFreeWord(long pair, long bits) {
        VarHandle.releaseFence(); // and not a release store, for which the JIT tests that the address is aligned
        RawMemory.putLong(pair, bits);
    }

    public static long remoteWord(long pair) {
        return RawMemory.getLong(pair + REMOTE);
    }

    /// Notes that word `word` of `free` is about to have bits. Returns whether it is the first such word. By the
    /// owner.
    public static boolean ownerNoteWord(long slab, int word) {
        long summary = RawMemory.getLong(slab + SUMMARY);
        RawMemory.putLong(slab + SUMMARY, summary | 1L << word);
        VarHandle.releaseFence(); // whoever sees the block free may take an empty slab, and this summary
        return summary == 0;
    }

    /// Notes that word `word` of `free` is about to have bits, when it is not the first such word. Returns false,
    /// and has done nothing, when it may be. By the owner.
    public static boolean ownerNoteLaterWord(long slab, int word) {
        long summary = RawMemory.getLong(slab + SUMMARY);
        if (summary == 0) {
            return false;
        }
        RawMemory.putLong(slab + SUMMARY, summary | 1L << word);
        return true; // the fence before the word itself orders the summary as well
    }

    /// The word of `free` to allocate from next, or -1 when all are zero: of [#PROBES] words after `word` that have
    /// free blocks, around the slab, the first that is worth it. It is worth it if it has [#WORTH] free blocks but
    /// also live ones; failing that a word without live blocks, and last the one with the most. So live blocks stay
    /// together, and a word is seldom visited for a block or two. By the owner.
    ///
    /// @param word the one that was allocated from last, -1 for none
    public static int ownerNextWord(long slab, int word) {
        long summary = RawMemory.getLong(slab + SUMMARY);
        int capacity = capacity(slab);
        int first = word + 1;
        long ahead = Long.rotateRight(summary, first);
        long zero = 0;
        int best = -1;
        int bestCount = 0;
        boolean worth = false;
        for (int probe = 0; ahead != 0 && probe < PROBES && !worth; ahead &= ahead - 1) {
            int candidate = (first + Long.numberOfTrailingZeros(ahead)) & (Long.SIZE - 1);
            long pair = pair(slab, candidate);
            long own = freeWord(pair);
            long free = own & ~remoteWord(pair); // a block that is freed twice now has a bit in both
            if (free == 0) {
                zero |= own == 0 ? 1L << candidate : 0;
                continue;
            }
            probe++;
            int count = free == blockMask(capacity, candidate) ? Long.SIZE : Long.bitCount(free);
            worth = count >= WORTH && count < Long.SIZE;
            if (worth || count > bestCount) {
                best = candidate;
                bestCount = count;
            }
        }
        if (zero != 0) {
            RawMemory.putLong(slab + SUMMARY, summary & ~zero);
        }
        return best;
    }

    /// Moves what others have freed to `free`. Returns -1 when nothing was announced; else how many blocks that adds to
    /// it, and in the upper half how many were there already: freed twice, by the owner and another thread at the same
    /// moment. By the owner.
    public static long ownerCollect(long slab) {
        if (RawMemory.getLongVolatile(slab + REMOTE_SUMMARY) == 0) {
            return -1;
        }
        long collected = 0;
        long collects = RawMemory.getLong(slab + COLLECTS);
        RawMemory.getAndSetLong(slab + COLLECTS, collects + 1);
        long words = RawMemory.getAndSetLong(slab + REMOTE_SUMMARY, 0);
        int capacity = capacity(slab);
        while (words != 0) {
            int word = Long.numberOfTrailingZeros(words);
            long pair = pair(slab, word);
            long blocks = blockMask(capacity, word);
            long freed = RawMemory.getLongVolatile(pair + REMOTE) & blocks;
            while (freed != 0) {
                long before = freeWord(pair);
                collected += Long.bitCount(freed & ~before) | (long) Long.bitCount(freed & before) << Integer.SIZE;
                RawMemory.putLong(pair, before | freed);
                // Bits that came in between have no summary bit: their word was not empty when they came.
                freed = RawMemory.getAndAndLong(pair + REMOTE, ~freed) & blocks & ~freed;
            }
            if (blocks != 0) { // else a straggler of the chunk's former life noted a word that this slab has not
                RawMemory.putLong(slab + SUMMARY, RawMemory.getLong(slab + SUMMARY) | 1L << word);
            }
            words &= words - 1;
        }
        RawMemory.getAndSetLong(slab + COLLECTS, collects + 2);
        return collected;
    }

    /// What [#freeRemote] did.
    public enum RemoteFree {
        /// The block was not live; nothing has changed.
        REFUSED,
        /// The block was not live; for others' frees the caller has to queue the slab for its owner.
        REFUSED_FIRST,
        /// The block is free; the owner knows already that there is something to collect.
        FREED,
        /// The block is free, and the caller has to queue the slab for its owner.
        FREED_FIRST
    }

    /// Frees block `index` from outside the owner: one atomic OR, two when it is the first of its word.
    ///
    /// Two threads that free one block at a time: one of them is refused. A free by the owner, or its collecting of
    /// one free, at the very moment of another may let both pass; then the bits meet in [#ownerCollect], and the
    /// block is free once. A free of a live block is never refused.
    public static RemoteFree freeRemote(long slab, int index) {
        int word = index >>> 6;
        long pair = pair(slab, word);
        long bit = 1L << index;
        if ((freeBits(pair) & bit) != 0) {
            return RemoteFree.REFUSED;
        }
        long before = RawMemory.getAndOrLong(pair + REMOTE, bit);
        if ((before & bit) != 0) {
            return RemoteFree.REFUSED;
        }
        if ((RawMemory.getLongVolatile(pair) & bit) != 0 && !wasCollected(slab, pair, bit)) {
            return refuse(slab, word, bit, before);
        }
        if ((before & blockMask(capacity(slab), word)) != 0) {
            return RemoteFree.FREED;
        }
        long summary = RawMemory.getAndOrLong(slab + REMOTE_SUMMARY, 1L << word);
        return summary == 0 ? RemoteFree.FREED_FIRST : RemoteFree.FREED;
    }

    /// Has the last word on a free from outside the owner that was not the first of its word, and has just set its bit
    /// in `remote`. Returns whether the block was live; if not, the bit is taken back.
    public static boolean isFreed(long slab, int index) {
        int word = index >>> 6;
        long pair = pair(slab, word);
        long bit = 1L << index;
        if ((RawMemory.getLongVolatile(pair) & bit) == 0 || wasCollected(slab, pair, bit)) {
            return true;
        }
        RawMemory.getAndAndLong(pair + REMOTE, ~bit);
        return false;
    }

    /// Finds out why a block whose bit in `remote` was just set has one in `free` too: the owner has collected it
    /// already, and then the bit in `remote` is gone when the owner has finished; or the block was free before.
    private static boolean wasCollected(long slab, long pair, long bit) {
        while (true) {
            long collects = RawMemory.getLongVolatile(slab + COLLECTS);
            boolean inBoth = (RawMemory.getLongVolatile(pair + REMOTE) & RawMemory.getLongVolatile(pair) & bit) != 0;
            if (!inBoth) {
                return true;
            }
            if ((collects & 1) == 0 && RawMemory.getLongVolatile(slab + COLLECTS) == collects) {
                return false;
            }
            LockSupport.parkNanos(SCHEDULER_NANOS); // the owner was preempted in the middle
        }
    }

    /// Takes back a bit that should not have been set. When it was the first of its word and others came after it,
    /// they have left it to this call to note the word.
    private static RemoteFree refuse(long slab, int word, long bit, long before) {
        long blocks = blockMask(capacity(slab), word);
        long rest = RawMemory.getAndAndLong(pair(slab, word) + REMOTE, ~bit) & blocks & ~bit;
        if (rest == 0 || (before & blocks) != 0) {
            return RemoteFree.REFUSED;
        }
        long summary = RawMemory.getAndOrLong(slab + REMOTE_SUMMARY, 1L << word);
        return summary == 0 ? RemoteFree.REFUSED_FIRST : RemoteFree.REFUSED;
    }

    /// Whether the block with `index` is live.
    public static boolean isLive(long slab, int index) {
        return index < capacity(slab) && (freeBits(pair(slab, index >>> 6)) & 1L << index) == 0;
    }

    /// The bits of a pair's two words together. `remote` is read first: a bit that the owner moves meanwhile is
    /// seen in one of them.
    private static long freeBits(long pair) {
        long remote = RawMemory.getLongVolatile(pair + REMOTE);
        return remote | RawMemory.getLongVolatile(pair);
    }

    /// Whether others have freed blocks that the owner has not collected.
    public static boolean hasRemote(long slab) {
        return RawMemory.getLongVolatile(slab + REMOTE_SUMMARY) != 0;
    }

    /// Whether the owner has free blocks here. By the owner.
    public static boolean ownerHasFree(long slab) {
        return ownerNextWord(slab, -1) >= 0;
    }

    /// Whether every block is free.
    public static boolean isEmpty(long slab) {
        int capacity = capacity(slab);
        for (int word = 0; word < wordCount(capacity); word++) {
            if (freeBlocks(slab, word, capacity) != blockMask(capacity, word)) {
                return false;
            }
        }
        return true;
    }

    /// How many blocks are free in both words: freed twice, by the owner and another thread at the same moment.
    public static int twiceFreedCount(long slab) {
        int capacity = capacity(slab);
        int count = 0;
        for (int word = 0; word < wordCount(capacity); word++) {
            long pair = pair(slab, word);
            count += Long.bitCount(remoteWord(pair) & freeWord(pair) & blockMask(capacity, word));
        }
        return count;
    }

    /// How many blocks are live: of a slab without a free block, from two words.
    public static int liveCount(long slab) {
        int capacity = capacity(slab);
        long words = RawMemory.getLongVolatile(slab + REMOTE_SUMMARY) | RawMemory.getLong(slab + SUMMARY);
        int free = 0;
        while (words != 0) {
            free += Long.bitCount(freeBlocks(slab, Long.numberOfTrailingZeros(words), capacity));
            words &= words - 1;
        }
        return capacity - free;
    }

    /// The pages that no live block touches, bit `p` for page `p` of the chunk.
    public static int freePages(long slab) {
        int capacity = capacity(slab);
        int blockBytes = blockBytes(slab);
        int pages = 0;
        for (int page = 0; page < PageGeometry.PAGES_PER_CHUNK; page++) {
            int start = page << PageGeometry.PAGE_SHIFT;
            int from = Math.min(capacity, start / blockBytes);
            int to = Math.min(capacity, (start + (int) PageGeometry.PAGE_BYTES - 1) / blockBytes + 1);
            if (areFree(slab, from, to, capacity)) {
                pages |= 1 << page;
            }
        }
        return pages;
    }

    /// The pages that the block at `address` touches, as in [#freePages].
    public static int pagesOf(long slab, long address) {
        long offset = address - base(slab);
        int first = (int) (offset >>> PageGeometry.PAGE_SHIFT);
        int last = (int) ((offset + blockBytes(slab) - 1) >>> PageGeometry.PAGE_SHIFT);
        return (2 << last) - (1 << first);
    }

    private static boolean areFree(long slab, int from, int to, int capacity) {
        for (int word = from >>> 6; word << 6 < to; word++) {
            long mask = -1L;
            if (word == from >>> 6) {
                mask &= -1L << from;
            }
            if (word == (to - 1) >>> 6) {
                mask &= -1L >>> -to;
            }
            if ((freeBlocks(slab, word, capacity) & mask) != mask) {
                return false;
            }
        }
        return true;
    }

    private static long freeBlocks(long slab, int word, int capacity) {
        return freeBits(pair(slab, word)) & blockMask(capacity, word);
    }

    private static int wordCount(int capacity) {
        return (capacity + 63) >>> 6;
    }

    /// The bits of word `word` that stand for blocks.
    private static long blockMask(int capacity, int word) {
        int rest = capacity - (word << 6);
        return rest >= 64 ? -1L : rest <= 0 ? 0 : (1L << rest) - 1;
    }

    // What follows is guarded by the lock of the owning cache.

    public static int state(long slab) {
        return RawMemory.getInt(slab + STATE);
    }

    public static void putState(long slab, int state) {
        RawMemory.putInt(slab + STATE, state);
    }

    /// The pages that were free when a visitor came by last.
    public static int seenPages(long slab) {
        return RawMemory.getInt(slab + SEEN_PAGES) & ALL_PAGES;
    }

    public static void putSeenPages(long slab, int pages) {
        RawMemory.putInt(slab + SEEN_PAGES, cleanPages(slab) << CLEAN_SHIFT | pages);
    }

    /// The pages that read zero: no block of theirs was handed out since the kernel has zeroed them. Of a leased slab
    /// the owner's, without the lock.
    public static int cleanPages(long slab) {
        return RawMemory.getInt(slab + SEEN_PAGES) >>> CLEAN_SHIFT;
    }

    public static void putCleanPages(long slab, int pages) {
        RawMemory.putInt(slab + SEEN_PAGES, pages << CLEAN_SHIFT | seenPages(slab));
    }

    /// The pages that a visitor has given back to the kernel since they were last used, and that no limit counts. Of a
    /// leased slab the owner's, without the lock.
    public static int unchargedPages(long slab) {
        return RawMemory.getInt(slab + UNCHARGED_PAGES);
    }

    public static void putUnchargedPages(long slab, int pages) {
        RawMemory.putInt(slab + UNCHARGED_PAGES, pages);
    }

    /// The pages that the blocks of a word touch, as in [#freePages].
    public static int pagesOfWord(long slab, int word) {
        int blockBytes = blockBytes(slab);
        int first = ((word << 6) * blockBytes) >>> PageGeometry.PAGE_SHIFT;
        int end = Math.min((word + 1) << 6, capacity(slab)) * blockBytes;
        int last = (end - 1) >>> PageGeometry.PAGE_SHIFT;
        return (2 << last) - (1 << first);
    }

    public static long next(long slab) {
        return RawMemory.getLong(slab + NEXT);
    }

    public static void putNext(long slab, long next) {
        RawMemory.putLong(slab + NEXT, next);
    }

    public static long previous(long slab) {
        return RawMemory.getLong(slab + PREVIOUS);
    }

    public static void putPrevious(long slab, long previous) {
        RawMemory.putLong(slab + PREVIOUS, previous);
    }

    // The queue of slabs that have remotely freed blocks.

    /// Takes the right to link the record into a queue.
    public static boolean tryQueue(long slab) {
        return RawMemory.getIntVolatile(slab + ChunkMap.QUEUED) == 0
                && RawMemory.compareAndSetInt(slab + ChunkMap.QUEUED, 0, 1);
    }

    /// Gives the right back; the record is in no queue.
    public static void unqueue(long slab) {
        RawMemory.putIntVolatile(slab + ChunkMap.QUEUED, 0);
    }

    /// Whether the record is linked into a queue, or about to be.
    public static boolean isQueued(long slab) {
        return RawMemory.getIntVolatile(slab + ChunkMap.QUEUED) != 0;
    }

    public static long pendingNext(long slab) {
        return RawMemory.getLong(slab + PENDING_NEXT);
    }

    public static void putPendingNext(long slab, long next) {
        RawMemory.putLong(slab + PENDING_NEXT, next);
    }

    /// Checks the invariants of the class header while nobody uses the slab; throws [AssertionError] on the first
    /// that does not hold.
    public static void verify(long slab) {
        int capacity = capacity(slab);
        check(slab, capacity == Zone.CHUNK_BYTES / blockBytes(slab), "capacity is wrong");
        check(slab, base(slab) == ChunkMap.chunk(slab), "base is wrong");
        int uncharged = unchargedPages(slab);
        check(slab, (uncharged & ~cleanPages(slab)) == 0, "an uncharged page is not clean");
        check(slab, (uncharged & ~freePages(slab)) == 0, "an uncharged page has a live block");
        long summary = RawMemory.getLong(slab + SUMMARY);
        long remoteSummary = RawMemory.getLongVolatile(slab + REMOTE_SUMMARY);
        for (int word = 0; word < Math.min(MAX_PAIRS, (capacity >>> 6) + 1); word++) {
            long free = freeWord(pair(slab, word));
            long remote = remoteWord(pair(slab, word));
            long blocks = blockMask(capacity, word);
            long resting = word == capacity >>> 6 ? 1L << capacity : 0;
            check(slab, (free & ~blocks) == 0, "free has a bit beyond the blocks");
            check(slab, (remote & ~blocks) == resting, "remote has a wrong bit beyond the blocks");
            check(slab, free == 0 || (summary & 1L << word) != 0, "summary misses word " + word);
            check(slab, (remote & blocks) == 0 || (remoteSummary & 1L << word) != 0, "remoteSummary misses " + word);
        }
    }

    private static void check(long slab, boolean condition, String message) {
        if (!condition) {
            throw new AssertionError(
                    "slab 0x" + Long.toHexString(base(slab)) + " of " + blockBytes(slab) + "-byte blocks: " + message);
        }
    }
}
