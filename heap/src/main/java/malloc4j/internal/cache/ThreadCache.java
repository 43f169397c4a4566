package malloc4j.internal.cache;

import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.ReentrantLock;
import malloc4j.internal.memory.RawMemory;
import malloc4j.internal.os.Errno;
import malloc4j.internal.region.PageMap;
import malloc4j.internal.region.Zone;
import malloc4j.internal.slab.SizeClasses;
import malloc4j.internal.slab.Slab;
import malloc4j.internal.slab.Slabs;
import org.jspecify.annotations.Nullable;

/// The slabs that one thread allocates from, and for each size class the blocks that come next.
///
/// ```
/// entries, 32 bytes a class, off the Java heap             the leased slab's record (far from the blocks)
///   0          8                16      24     32             +--------+----------+--------+----------+--
///  +-----------+----------------+-------+------+              | free 5 | remote 5 | free 6 | remote 6 | ...
///  | pair << 8 | first << 16    | batch | slab |              +--------+----------+--------+----------+--
///  |           | | block bytes  |       |      |                ^
///  +----|------+----------------+-------+------+                |
///       '-------------------------------------------------------'
///    first: address of the block of the pair's bit 0            malloc: lowest bit of batch, cleared there
///    batch: a copy of some bits of the pair's `free`                    and in free 5
///    slab:  the record, 0 for none                              free:   the block's bit of its own word, set
/// lists, two words a class: first and last slab with free blocks, oldest first
/// ```
///
/// The batch is what malloc hands out, from the lowest; when it is used up, the pair's free bits make the next one:
/// up to [#BATCH_BYTES] of blocks, so that pairs of malloc and free stay on hot memory. Without it, malloc would
/// wait for the word that the free before it has just written, at an address that took 15 cycles to compute.
///
/// Invariants, each checked by [#verify]:
/// 1. The slab of class `c` is leased and of class `c`; the pair is one of its pairs.
/// 2. `batch` is a subset of the pair's `free`; it is 0 without a slab.
/// 3. The list of class `c` holds exactly this cache's available slabs of class `c`.
///
/// Concurrency: the entries and the owner's words of slabs are touched by the owner alone, without any lock: the
/// thread in `thread`, or whoever holds the use lock of a shared cache. The lists and the states of slabs are
/// guarded by `lock`, which the owner takes when it changes slabs, and others to purge or retire slabs that are not
/// leased. `pending` is lock-free.
public final class ThreadCache {
    /// What a method answers that has nothing: no address.
    static final long MISS = -1;

    static final int ENTRY_SHIFT = 5;
    private static final int PAIR = 0;
    private static final int FIRST = 8;
    private static final int BATCH = 16;
    private static final int SLAB = 24;
    private static final int FIRST_SHIFT = 16;
    private static final int BLOCK_BYTES_MASK = (1 << FIRST_SHIFT) - 1;

    private static final int BATCH_BYTES = 16 << 10; // half of a first-level cache
    private static final int MIN_BATCH_BLOCKS = 8;
    private static final long[] BATCH_MASKS = batchMasks();

    private final int tag;
    private final CacheRegistry registry;
    private final Slabs slabs;
    private final long words;
    private final long[] lists = new long[SizeClasses.COUNT << 1];
    private final AtomicLong pending = new AtomicLong();
    private final ReentrantLock lock = new ReentrantLock();

    /// The thread that owns this cache, null when none does. Written under the registry's lock.
    @Nullable
    Thread thread;

    /// Where in the registry's table this cache was put last.
    int place = -1;

    ThreadCache(int tag, CacheRegistry registry, Slabs slabs) {
        this.tag = tag;
        this.registry = registry;
        this.slabs = slabs;
        this.words = CacheTags.words(tag);
        forgetCurrent();
    }

    /// The number that marks this cache's slabs.
    public int tag() {
        return tag;
    }

    /// The address of the entries.
    long words() {
        return words;
    }

    CacheRegistry registry() {
        return registry;
    }

    ReentrantLock lock() {
        return lock;
    }

    private static long[] batchMasks() {
        long[] masks = new long[SizeClasses.COUNT];
        for (int sizeClass = 0; sizeClass < masks.length; sizeClass++) {
            int blocks = Math.max(MIN_BATCH_BLOCKS, BATCH_BYTES / SizeClasses.blockBytes(sizeClass));
            masks[sizeClass] = blocks >= Long.SIZE ? -1L : (1L << blocks) - 1;
        }
        return masks;
    }

    /// Takes a block of a size class. Returns its address, or minus errno. By the owner.
    public long allocateBlock(int sizeClass) {
        long entry = words + ((long) sizeClass << ENTRY_SHIFT);
        long address = take(entry);
        if (address == MISS) {
            address = takeNextBatch(entry, sizeClass);
        }
        return address == MISS ? allocateBlockSlow(sizeClass) : address;
    }

    /// Takes the lowest block of an entry's batch: no lock, no atomic write, and no touch of the block. Returns its
    /// address, or [#MISS]. By the owner.
    static long take(long entry) {
        long batch = RawMemory.getLong(entry + BATCH);
        if (batch == 0) {
            return MISS;
        }
        RawMemory.putLong(entry + BATCH, batch & (batch - 1));
        long pair = RawMemory.getLong(entry + PAIR) >>> PageMap.ADDRESS_SHIFT;
        RawMemory.putLong(pair, Slab.freeWord(pair) ^ (batch & -batch));
        long first = RawMemory.getLong(entry + FIRST);
        return (first >>> FIRST_SHIFT) + Long.numberOfTrailingZeros(batch) * (first & BLOCK_BYTES_MASK);
    }

    /// Makes a batch of what the current pair has free by now, and takes its lowest block. Returns its address, or
    /// [#MISS]. By the owner.
    static long takeNextBatch(long entry, int sizeClass) {
        if (RawMemory.getLong(entry + SLAB) == 0) {
            return MISS;
        }
        long free = Slab.freeWord(RawMemory.getLong(entry + PAIR) >>> PageMap.ADDRESS_SHIFT);
        if (free == 0) {
            return MISS;
        }
        long mask = BATCH_MASKS[sizeClass];
        boolean few = Long.bitCount(free) <= Long.bitCount(mask);
        RawMemory.putLong(entry + BATCH, few ? free : free & (mask << Long.numberOfTrailingZeros(free)));
        return take(entry);
    }

    /// Frees a live block by its chunk's entry. Returns false, and has done nothing, when the current thread, whose
    /// id is `threadId`, is not the owner there, when `address` is not a live block, and when the slab may be full:
    /// the caller finds out what.
    static boolean freeBlock(long address, long threadId, int heapId) {
        long chunk = (address - PageMap.BASE) >>> Zone.CHUNK_SHIFT;
        if (chunk >= PageMap.CHUNKS) {
            return false;
        }
        long entry = PageMap.ENTRIES ^ (chunk << PageMap.ENTRY_SHIFT);
        if (RawMemory.getLong(entry + PageMap.OWNER) != threadId
                || RawMemory.getInt(entry + PageMap.OWNER_HEAP) != heapId) {
            return false;
        }
        long reciprocal = RawMemory.getInt(entry + PageMap.RECIPROCAL);
        long product = Slab.product(address, reciprocal);
        if (!Slab.isBlock(product, reciprocal)) {
            return false;
        }
        int index = Slab.index(product);
        long pairs = RawMemory.getLong(entry + PageMap.PAIRS) >>> PageMap.ADDRESS_SHIFT;
        long pair = Slab.pairAt(pairs, index >>> 6);
        long word = Slab.freeWord(pair);
        long bit = 1L << index;
        if (((word | Slab.remoteWord(pair)) & bit) != 0
                || (word == 0 && !Slab.ownerNoteLaterWord(pairs - PageMap.BODY, index >>> 6))) {
            return false;
        }
        Slab.ownerPutFreeWord(pair, word | bit);
        return true;
    }

    /// Frees a live block of `slab`, which is this cache's. Returns false, and has done nothing, when `address` is
    /// not one. By the owner.
    public boolean freeBlock(long slab, long address) {
        long reciprocal = Slab.reciprocal(slab);
        long product = Slab.product(address, reciprocal);
        if (!Slab.isBlock(product, reciprocal)) {
            return false;
        }
        int index = Slab.index(product);
        long pair = Slab.pair(slab, index >>> 6);
        long word = Slab.freeWord(pair);
        long bit = 1L << index;
        if (((word | Slab.remoteWord(pair)) & bit) != 0) {
            return false;
        }
        if (word == 0) {
            noteWord(slab, index >>> 6); // before the last live block is freed: after that others may take the slab
        }
        if (thread != null && PageMap.owner(Slab.base(slab)) != thread.threadId()) {
            Slab.ownerPutThread(slab, thread.threadId()); // the cache had another owner when the slab was made
        }
        Slab.ownerPutFreeWord(pair, word | bit);
        return true;
    }

    /// A word is about to have its first free block again: it counts in the slab's summary, and a full slab becomes
    /// available.
    private void noteWord(long slab, int word) {
        if (Slab.ownerNoteWord(slab, word) && Slab.state(slab) == Slab.FULL) {
            lock.lock();
            try {
                if (Slab.state(slab) == Slab.FULL) {
                    append(slab);
                }
            } finally {
                lock.unlock();
            }
        }
    }

    /// Moves on to the next word with free blocks: of the leased slab, of the slabs that have some, of a new slab.
    private long allocateBlockSlow(int sizeClass) {
        long entry = words + ((long) sizeClass << ENTRY_SHIFT);
        long slab = RawMemory.getLong(entry + SLAB);
        int last = slab == 0 ? -1 : Slab.word(slab, RawMemory.getLong(entry + PAIR) >>> PageMap.ADDRESS_SHIFT);
        while (true) {
            if (slab != 0) {
                int word = Slab.ownerNextWord(slab, last);
                if (word < 0 && Slab.ownerCollect(slab)) {
                    word = Slab.ownerNextWord(slab, last);
                }
                if (word >= 0) {
                    int blockBytes = Slab.blockBytes(slab);
                    long first = Slab.base(slab) + (long) (word << 6) * blockBytes;
                    RawMemory.putLong(entry + PAIR, Slab.pair(slab, word) << PageMap.ADDRESS_SHIFT);
                    RawMemory.putLong(entry + FIRST, first << FIRST_SHIFT | blockBytes);
                    return takeNextBatch(entry, sizeClass);
                }
            }
            slab = nextSlab(sizeClass, slab);
            if (Errno.isError(slab)) {
                return slab;
            }
            RawMemory.putLong(entry + SLAB, slab);
            last = -1;
        }
    }

    /// Puts away the exhausted slab, 0 for none, and leases another. Returns its record, or minus errno.
    private long nextSlab(int sizeClass, long exhausted) {
        lock.lock();
        try {
            if (exhausted != 0) {
                Slab.putState(exhausted, Slab.FULL);
                forgetCurrent(sizeClass);
                if (Slab.hasRemote(exhausted)) {
                    append(exhausted); // freed since it was collected, and perhaps taken off the queue while leased
                }
            }
            drainPending();
            long slab = lists[sizeClass << 1];
            if (slab != 0) {
                remove(slab);
                Slab.putState(slab, Slab.LEASED);
                Slab.forgetPages(slab);
                return slab;
            }
        } finally {
            lock.unlock();
        }
        long slab = slabs.allocateSlab(sizeClass, tag, false);
        if (slab == -Errno.EAGAIN) {
            registry.reclaimer().makeRoom();
            slab = slabs.allocateSlab(sizeClass, tag, true);
        }
        if (thread != null && !Errno.isError(slab)) {
            Slab.ownerPutThread(slab, thread.threadId());
        }
        return slab;
    }

    private void forgetCurrent(int sizeClass) {
        long entry = words + ((long) sizeClass << ENTRY_SHIFT);
        RawMemory.putLong(entry + BATCH, 0);
        RawMemory.putLong(entry + SLAB, 0);
    }

    /// Forgets every leased slab, without a word to the slabs: when the heap is closed.
    void forgetCurrent() {
        for (int sizeClass = 0; sizeClass < SizeClasses.COUNT; sizeClass++) {
            forgetCurrent(sizeClass);
        }
    }

    /// Frees a block of one of this cache's slabs from outside the owner. Returns false, and has done nothing, when
    /// `address` is not a live block.
    static boolean freeRemote(long slab, long address) {
        long reciprocal = Slab.reciprocal(slab);
        long product = Slab.product(address, reciprocal);
        if (!Slab.isBlock(product, reciprocal)) {
            return false;
        }
        return switch (Slab.freeRemote(slab, Slab.index(product))) {
            case REFUSED -> false;
            case REFUSED_FIRST -> {
                queue(slab);
                yield false;
            }
            case FREED -> true;
            case FREED_FIRST -> {
                queue(slab);
                yield true;
            }
        };
    }

    /// Tells the slab's owner that there is something to collect. Whatever has become of the slab when this runs,
    /// the worst it does is to make somebody look in vain.
    private static void queue(long slab) {
        ThreadCache owner = CacheTags.get(Slab.tag(slab));
        if (owner != null && Slab.tryQueue(slab)) {
            long head;
            do {
                head = owner.pending.get();
                Slab.putPendingNext(slab, head);
            } while (!owner.pending.compareAndSet(head, slab));
        }
    }

    /// Lists the full slabs that others have freed blocks of. Under the lock.
    void drainPending() {
        if (pending.get() == 0) {
            return;
        }
        long slab = pending.getAndSet(0);
        while (slab != 0) {
            long next = Slab.pendingNext(slab);
            Slab.unqueue(slab);
            int owner = Slab.tag(slab);
            if (owner == tag) {
                if (Slab.state(slab) == Slab.FULL && Slab.hasRemote(slab)) {
                    append(slab);
                }
            } else if (owner > 0 && Slab.hasRemote(slab)) {
                queue(slab); // it was retired and became another cache's since it was queued here
            }
            slab = next;
        }
    }

    /// Appends a full slab to the list of its class. Under the lock.
    private void append(long slab) {
        int list = Slab.sizeClass(slab) << 1;
        long last = lists[list + 1];
        Slab.putState(slab, Slab.AVAILABLE);
        Slab.putNext(slab, 0);
        Slab.putPrevious(slab, last);
        if (last == 0) {
            lists[list] = slab;
        } else {
            Slab.putNext(last, slab);
        }
        lists[list + 1] = slab;
    }

    /// Takes an available slab out of its list; the caller gives it its next state. Under the lock.
    void remove(long slab) {
        int list = Slab.sizeClass(slab) << 1;
        long next = Slab.next(slab);
        long previous = Slab.previous(slab);
        if (previous == 0) {
            lists[list] = next;
        } else {
            Slab.putNext(previous, next);
        }
        if (next == 0) {
            lists[list + 1] = previous;
        } else {
            Slab.putPrevious(next, previous);
        }
    }

    /// Gives up every lease, so that all slabs can be purged and retired. By the owner, or while there is none.
    void unlease() {
        lock.lock();
        try {
            for (int sizeClass = 0; sizeClass < SizeClasses.COUNT; sizeClass++) {
                long slab = RawMemory.getLong(words + ((long) sizeClass << ENTRY_SHIFT) + SLAB);
                if (slab != 0) {
                    forgetCurrent(sizeClass);
                    Slab.ownerCollect(slab);
                    Slab.putState(slab, Slab.FULL);
                    if (Slab.ownerHasFree(slab) || Slab.hasRemote(slab)) {
                        append(slab);
                    }
                }
            }
        } finally {
            lock.unlock();
        }
    }

    /// Checks the invariants of the class header while the owner rests; throws [AssertionError] on the first that
    /// does not hold. Returns how many slabs the lists and leases hold.
    int verify() {
        lock.lock();
        try {
            int count = 0;
            for (int sizeClass = 0; sizeClass < SizeClasses.COUNT; sizeClass++) {
                long entry = words + ((long) sizeClass << ENTRY_SHIFT);
                long leased = RawMemory.getLong(entry + SLAB);
                long batch = RawMemory.getLong(entry + BATCH);
                if (leased != 0) {
                    check(Slab.tag(leased) == tag && Slab.sizeClass(leased) == sizeClass, "leases a foreign slab");
                    check(Slab.state(leased) == Slab.LEASED, "a leased slab's state is " + Slab.state(leased));
                    long pair = RawMemory.getLong(entry + PAIR) >>> PageMap.ADDRESS_SHIFT;
                    check(Slab.hasPair(leased, pair), "the pair is not the slab's");
                    check((batch & ~Slab.freeWord(pair)) == 0, "a batch has blocks that are not free");
                    count++;
                } else {
                    check(batch == 0, "a batch without a slab");
                }
                long previous = 0;
                for (long slab = lists[sizeClass << 1]; slab != 0; slab = Slab.next(slab)) {
                    check(Slab.tag(slab) == tag && Slab.sizeClass(slab) == sizeClass, "lists a foreign slab");
                    check(Slab.state(slab) == Slab.AVAILABLE, "a listed slab's state is " + Slab.state(slab));
                    check(Slab.previous(slab) == previous, "a list is not linked both ways");
                    previous = slab;
                    count++;
                }
                check(lists[(sizeClass << 1) + 1] == previous, "a list's last is wrong");
            }
            return count;
        } finally {
            lock.unlock();
        }
    }

    private void check(boolean condition, String message) {
        if (!condition) {
            throw new AssertionError("cache " + tag + ": " + message);
        }
    }
}
