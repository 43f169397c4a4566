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

/// The slabs that one thread allocates from, and for each size class the word of free bits that the next block
/// comes from.
///
/// ```
/// current, four words a class                          the leased slab's record (far from the blocks)
///   +---------------+--------------------+                 +--------+----------+--------+----------+--
///   | pair          | ----------------------------------->  | free 5 | remote 5 | free 6 | remote 6 | ...
///   | first block   | address of the block of the word's bit 0
///   | block bytes   |                                        malloc: lowest bit of free 5, cleared
///   | slab          | the record, 0 for none                 free:   the block's bit of its own word, set
///   +---------------+
/// lists, two words a class: first and last slab with free blocks, oldest first
/// ```
///
/// A class without a slab points at a word that is always zero, so that the fast path has no case for it. A block
/// freed into the current word is the next one taken when it is the lowest: pairs of malloc and free stay on hot
/// memory.
///
/// Invariants, each checked by [#verify]:
/// 1. The slab of class `c` is leased and of class `c`; the pair is one of its pairs.
/// 2. The list of class `c` holds exactly this cache's available slabs of class `c`.
///
/// Concurrency: `current` and the owner's words of slabs are touched by the owner alone, without any lock: the
/// thread in `thread`, or whoever holds the use lock of a shared cache. The lists and the states of slabs are
/// guarded by `lock`, which the owner takes when it changes slabs, and others to purge or retire slabs that are not
/// leased. `pending` is lock-free.
public final class ThreadCache {
    private static final int ENTRY_SHIFT = 2;
    private static final int PAIR = 0;
    private static final int FIRST = 1;
    private static final int BLOCK_BYTES = 2;
    private static final int SLAB = 3;

    private final int tag;
    private final CacheRegistry registry;
    private final Slabs slabs;
    private final long[] current = new long[SizeClasses.COUNT << ENTRY_SHIFT];
    private final long[] lists = new long[SizeClasses.COUNT << 1];
    private final AtomicLong pending = new AtomicLong();
    private final ReentrantLock lock = new ReentrantLock();

    /// The thread that owns this cache, null when none does. Written under the registry's lock.
    @Nullable
    Thread thread;

    /// Where in the registry's table this cache was put last.
    int slot = -1;

    ThreadCache(int tag, CacheRegistry registry, Slabs slabs) {
        this.tag = tag;
        this.registry = registry;
        this.slabs = slabs;
        forgetCurrent();
    }

    /// The number that marks this cache's slabs.
    public int tag() {
        return tag;
    }

    CacheRegistry registry() {
        return registry;
    }

    ReentrantLock lock() {
        return lock;
    }

    /// Takes a block of a size class: two loads, a trailing-zero count, a store and a multiply-add; no lock, no
    /// atomic write, and no touch of the block. Returns its address, or minus errno. By the owner.
    public long allocateBlock(int sizeClass) {
        long[] entries = current;
        int entry = sizeClass << ENTRY_SHIFT;
        long pair = entries[entry + PAIR];
        long word = Slab.freeWord(pair);
        if (word == 0) {
            return allocateBlockSlow(sizeClass);
        }
        Slab.ownerPutFreeWord(pair, word & (word - 1));
        return entries[entry + FIRST] + Long.numberOfTrailingZeros(word) * entries[entry + BLOCK_BYTES];
    }

    /// Frees a live block of one of this cache's slabs in the main zone. Returns false, and has done nothing, when
    /// `address` is anything else: the caller finds out what. By the owner.
    public boolean freeBlock(long address) {
        long offset = address - PageMap.BASE;
        if (Long.compareUnsigned(offset, PageMap.limitBytes()) >= 0) {
            return false;
        }
        long slab = PageMap.RECORDS + (offset >>> Zone.CHUNK_SHIFT) * Zone.RECORD_BYTES;
        return RawMemory.getInt(slab + PageMap.TAG) == tag && freeBlock(slab, address);
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
        int entry = sizeClass << ENTRY_SHIFT;
        long slab = current[entry + SLAB];
        while (true) {
            if (slab != 0) {
                int word = Slab.ownerNextWord(slab);
                if (word < 0 && Slab.ownerCollect(slab)) {
                    word = Slab.ownerNextWord(slab);
                }
                if (word >= 0) {
                    int blockBytes = Slab.blockBytes(slab);
                    current[entry + PAIR] = Slab.pair(slab, word);
                    current[entry + FIRST] = Slab.base(slab) + (long) (word << 6) * blockBytes;
                    current[entry + BLOCK_BYTES] = blockBytes;
                    return allocateBlock(sizeClass);
                }
            }
            slab = nextSlab(sizeClass, slab);
            if (Errno.isError(slab)) {
                return slab;
            }
            current[entry + SLAB] = slab;
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
        return slab;
    }

    private void forgetCurrent(int sizeClass) {
        int entry = sizeClass << ENTRY_SHIFT;
        current[entry + PAIR] = PageMap.ZERO_WORD;
        current[entry + SLAB] = 0;
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
                long slab = current[(sizeClass << ENTRY_SHIFT) + SLAB];
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
                int entry = sizeClass << ENTRY_SHIFT;
                long leased = current[entry + SLAB];
                if (leased != 0) {
                    check(Slab.tag(leased) == tag && Slab.sizeClass(leased) == sizeClass, "leases a foreign slab");
                    check(Slab.state(leased) == Slab.LEASED, "a leased slab's state is " + Slab.state(leased));
                    count++;
                } else {
                    check(current[entry + PAIR] == PageMap.ZERO_WORD, "points at a word without a slab");
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
