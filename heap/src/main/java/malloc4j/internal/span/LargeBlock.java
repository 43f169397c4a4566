package malloc4j.internal.span;

import malloc4j.internal.memory.RawMemory;
import malloc4j.internal.region.ChunkMap;
import malloc4j.internal.region.PageGeometry;
import malloc4j.internal.region.Zone;

/// The state of a large block: two words in the record of the chunk that it begins in, one entry for each page.
///
/// ```
/// record of a chunk with tag PAGES:  BODY + 16 * page of the chunk
///
///   word 0   63        49 48        32 31      30         0      by the owner
///           | life: 15   | tag: 17    | stocked | pages: 31 |
///   word 1  | life of the block that another thread has freed, or HELD |  by others, compare-and-set
///
///   tag      whose block it is: the number of a thread cache, 0 for one that a shard's lock guards alone
///   life     counts the blocks that have begun at this page, never 0 where one does
///
///            take                    free by the owner                    take
///   no block -----> live, life n -----------------------> stocked, life n -----> live, life n + 1 ...
///      ^                | word 1 := n, by another thread      |
///      |                v                                     |
///      +--------- freed by another --------------------------+--- back to Spans: life n + 1, no pages
///                 (the owner collects it: life n + 1)
/// ```
///
/// A mark in word 1 is of one life: what a late thread marks, whose block has gone meanwhile, means nothing. So a block
/// that is taken again costs one store. Marks of lives that are over are taken away when a block is taken, for lives
/// come again after 32,767.
///
/// Who has just taken a block may hold it: then every free refuses it, as if it had been freed, until the holder takes
/// that mark away.
///
/// Concurrency: word 0 has one writer: the owner of the cache with that tag, or whoever holds the cache's stock
/// against it; for tag 0, and where no block begins, the holder of the lock of its [SpanShard]. Anybody may read it. A
/// free by another thread is [#mark] and then a letter to the owner.
public final class LargeBlock {
    /// Bytes of a page's entry.
    public static final long ENTRY_BYTES = 16; // the second half is where a slab has words that others write

    /// Offset of the second word of an entry.
    public static final int MARK = 8;

    private static final int PAGES_MASK = Integer.MAX_VALUE;
    private static final long STOCKED = 1L << 31;
    private static final int TAG_SHIFT = 32;
    private static final int TAG_MASK = (1 << 17) - 1;
    private static final long OWNER_MASK = ((long) TAG_MASK << TAG_SHIFT) | STOCKED;
    private static final int LIFE_SHIFT = 49;
    private static final long HELD = 1L << (Long.SIZE - LIFE_SHIFT); // no life

    /// How many bits a life has.
    public static final int LIFE_BITS = Long.SIZE - LIFE_SHIFT;

    private LargeBlock() {}

    /// The entry of a page by its address, which lies in a chunk with tag [ChunkMap#PAGES].
    public static long entry(long address) {
        long chunk = (address - ChunkMap.BASE) >>> Zone.CHUNK_SHIFT;
        boolean inMain = chunk < ChunkMap.CHUNKS;
        return entry(inMain ? ChunkMap.RECORDS + chunk * Zone.RECORD_BYTES : ChunkMap.record(address), address);
    }

    private static long entry(long record, long address) {
        int page = (int) (address >>> PageGeometry.PAGE_SHIFT) & (PageGeometry.PAGES_PER_CHUNK - 1);
        return record + ChunkMap.BODY + page * ENTRY_BYTES;
    }

    /// The entry of an address where a large block may begin, 0 for any other address.
    public static long entryOrZero(long address) {
        long record = (address & (PageGeometry.PAGE_BYTES - 1)) == 0 ? ChunkMap.record(address) : 0;
        boolean holdsPages = record != 0 && RawMemory.getInt(record + ChunkMap.TAG) == ChunkMap.PAGES;
        return holdsPages ? entry(record, address) : 0;
    }

    /// The pages of the block, live or freed by another thread, that begins in page `page` of a chunk with tag
    /// [ChunkMap#PAGES], or 0. For pictures of a heap in use.
    public static int livePages(long record, int page) {
        return Math.max(0, livePages(word(record + ChunkMap.BODY + page * ENTRY_BYTES)));
    }

    /// The first word of an entry.
    public static long word(long entry) {
        return RawMemory.getLong(entry);
    }

    /// The pages of the block whose word it is, when that is live or freed by another thread; else 0 or less.
    public static int livePages(long word) {
        return (int) word;
    }

    /// The pages of the block whose word it is, live or stocked; 0 where no block begins.
    public static int pages(long word) {
        return (int) word & PAGES_MASK;
    }

    /// The number of the owner's cache, 0 for none.
    public static int tag(long word) {
        return (int) (word >>> TAG_SHIFT) & TAG_MASK;
    }

    public static int life(long word) {
        return (int) (word >>> LIFE_SHIFT);
    }

    public static boolean isStocked(long word) {
        return (word & STOCKED) != 0;
    }

    /// Whether another thread has freed the block whose word it is.
    public static boolean isMarked(long entry, long word) {
        return RawMemory.getLong(entry + MARK) == word >>> LIFE_SHIFT;
    }

    private static boolean isMarkedOrHeld(long entry, long word) {
        long mark = RawMemory.getLong(entry + MARK);
        return mark == word >>> LIFE_SHIFT || mark == HELD;
    }

    /// Holds a live block: every free refuses it from now on. By whoever has just taken it.
    public static void hold(long entry) {
        RawMemory.putLong(entry + MARK, HELD);
    }

    /// Whether a block begins there that is held.
    public static boolean isHeld(long entry) {
        return RawMemory.getLong(entry + MARK) == HELD;
    }

    /// Ends what [#hold] began. By the holder, which frees the block then.
    public static void unhold(long entry) {
        RawMemory.putLong(entry + MARK, 0);
    }

    /// Whether a block begins there that nobody has freed.
    public static boolean isLive(long entry, long word) {
        return isLiveWith(word, RawMemory.getLong(entry + MARK));
    }

    /// The same of the two words of an entry in another process.
    public static boolean isLiveWith(long word, long mark) {
        return livePages(word) > 0 && mark != word >>> LIFE_SHIFT;
    }

    /// Whether the second word of an entry says that its block is held.
    public static boolean isHeldMark(long mark) {
        return mark == HELD;
    }

    /// Whether a block begins there that nobody has freed, and anybody may free.
    public static boolean isFreeable(long entry, long word) {
        return livePages(word) > 0 && !isMarkedOrHeld(entry, word);
    }

    /// Whether a block begins there that a cache owns, and nobody has freed, and anybody may free.
    ///
    /// @param tag the number of the cache
    public static boolean isLive(long entry, long word, int tag) {
        long ownAndLive = (long) tag << TAG_SHIFT;
        return (word & OWNER_MASK) == ownAndLive && !isMarkedOrHeld(entry, word);
    }

    /// The word of the next life. No life is 0, which is what a mark is where nobody has freed anything.
    private static long nextLife(long word) {
        long next = word + (1L << LIFE_SHIFT);
        return life(next) == 0 ? next + (1L << LIFE_SHIFT) : next;
    }

    /// A live block becomes stocked. By the owner.
    public static void putStocked(long entry, long word) {
        RawMemory.putLong(entry, word | STOCKED);
    }

    /// A stocked block becomes live again, for a new holder. By the owner.
    public static void putTaken(long entry, long word) {
        dropMark(entry);
        RawMemory.putLong(entry, nextLife(word & ~STOCKED));
    }

    private static void dropMark(long entry) {
        long mark = RawMemory.getLong(entry + MARK);
        if (mark != 0) {
            boolean unused = RawMemory.compareAndSetLong(entry + MARK, mark, 0);
        }
    }

    /// A stocked block that another thread has freed too is as if the owner had not freed it. By the owner.
    public static void putUnstocked(long entry, long word) {
        RawMemory.putLong(entry, word & ~STOCKED);
    }

    /// What another thread has marked is collected: the mark means nothing from now on. By the owner.
    public static long putCollected(long entry, long word) {
        long next = nextLife(word);
        RawMemory.putLong(entry, next);
        dropMark(entry);
        return next;
    }

    /// A block begins. Under the lock of its [SpanShard].
    static void begin(long entry, int pageCount, int tag) {
        long life = nextLife(RawMemory.getLong(entry)) >>> LIFE_SHIFT << LIFE_SHIFT;
        dropMark(entry);
        RawMemory.putLong(entry, life | ((long) tag << TAG_SHIFT) | pageCount);
    }

    /// A block ends. Under the lock of its [SpanShard], by the owner.
    static void end(long entry) {
        RawMemory.putLong(entry, nextLife(RawMemory.getLong(entry)) >>> LIFE_SHIFT << LIFE_SHIFT);
    }

    /// Changes how many pages a live block has. Under the lock of its [SpanShard], by the owner.
    static void putPages(long entry, int pageCount) {
        RawMemory.putLong(entry, (RawMemory.getLong(entry) & ~(long) PAGES_MASK) | pageCount);
    }

    /// What became of a free by a thread that does not own the block.
    public enum Mark {
        /// It was live until now: the owner is to be told.
        FREED,
        /// The owner has freed it at the same moment. It is to be told all the same, for it may have seen the mark.
        FREED_BY_OWNER,
        /// It was not live.
        REFUSED
    }

    /// Frees the block with that word for a thread that does not own it.
    public static Mark mark(long entry, long word) {
        long life = word >>> LIFE_SHIFT;
        long before = RawMemory.getLongVolatile(entry + MARK);
        if (livePages(word) <= 0
                || before == life
                || before == HELD
                || !RawMemory.compareAndSetLong(entry + MARK, before, life)) {
            return Mark.REFUSED;
        }
        long now = RawMemory.getLongVolatile(entry);
        if (now >>> LIFE_SHIFT == life && pages(now) != 0) {
            return isStocked(now) ? Mark.FREED_BY_OWNER : Mark.FREED;
        }
        return Mark.REFUSED; // a mark of a life that is over
    }
}
