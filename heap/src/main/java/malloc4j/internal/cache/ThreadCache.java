package malloc4j.internal.cache;

import java.util.concurrent.atomic.AtomicLong;
import malloc4j.internal.os.Errno;
import malloc4j.internal.os.Mutex;
import malloc4j.internal.region.Ground;
import malloc4j.internal.region.PageGeometry;
import malloc4j.internal.slab.SizeClasses;
import malloc4j.internal.slab.Slab;
import malloc4j.internal.slab.SlabEntry;
import malloc4j.internal.slab.Slabs;
import org.jspecify.annotations.Nullable;

/// The slabs that one thread allocates from, and for each size class a [Magazine] of the blocks that come next.
///
/// ```
///   magazines, off the Java heap         slabs of one size class
///  +---------+---------+-- - -          +--------+    +-----------+    +-----------+    +------+
///  | class 0 | class 1 |                | LEASED |    | AVAILABLE |--->| AVAILABLE |    | FULL |
///  +---------+---------+-- - -          +--------+    +-----------+    +-----------+    +------+
///       | pair                            ^             ^ lists: oldest    ^ newest       in no list
///       '---------------------------------'
/// ```
///
/// Invariants, each checked by [#verify]:
/// 1. The leased slab of class `c` is in state [Slab#LEASED] and of class `c`; the magazine's pair is one of its
///    pairs, or 0 where no slab is leased.
/// 2. The list of class `c` holds exactly this cache's available slabs of class `c`.
/// 3. Those of each [Magazine].
///
/// Concurrency: the magazines, what is leased, and the owner's words of slabs are touched by the owner alone,
/// without any lock: the thread in `thread`, or whoever holds the use lock of a shared cache. The lists and the
/// states of slabs are guarded by `lock`, which the owner takes when it changes slabs, and others to purge or
/// retire slabs that are not leased. `pending` is lock-free.
public final class ThreadCache {
    private static final int MAX_REFUSALS = 16; // slabs that a request tries before it is refused

    private static final long NEVER = Long.MIN_VALUE / 2;

    /// The caches by the numbers that the records of this process have.
    static final CacheTags<ThreadCache> TAGS = new CacheTags<>(Ground.process());

    /// Who makes room in a heap, given at wiring.
    interface Room {
        /// Is asked before the heap grows.
        void makeRoom();
    }

    private final int tag;
    private final Slabs slabs;
    private final Room room;
    private final long magazines;
    private final Countdowns countdowns;
    private volatile @Nullable LargeStock stock; // made with the first large block
    private final long[] leased = new long[SizeClasses.COUNT];
    private final long[] lists = new long[SizeClasses.COUNT << 1]; // of each class the first and the last
    private final long[] changes = new long[SizeClasses.COUNT]; // how often what is leased or listed has changed
    private final long[] visited = new long[SizeClasses.COUNT]; // the stamps at the last visits
    private long unfinished; // of which classes a visit has left something to the next: bit c for class c
    private long cursor; // the slab that a visit comes to next, 0 at a list's end
    private final AtomicLong pending = new AtomicLong();
    private final Mutex lock = new Mutex();

    /// The thread that owns this cache, null when none does. Written under the registry's lock.
    @Nullable
    Thread thread;

    /// The next cache without a thread. Under the registry's lock.
    @Nullable
    ThreadCache nextIdle;

    /// How many visits have found this cache without a thread. Under the registry's lock.
    int idleVisits;

    /// Whether the pages of the magazines went back to the kernel since a thread had this cache. Under the registry's
    /// lock.
    boolean givenBack;

    /// Of which classes the magazine was ever used: bit `c` for class `c`. Written by the owner.
    private long usedClasses;

    /// What [#changes] was when the owner last gave all its leases up for a refused request. By the owner.
    private long changesBefore = NEVER;

    private long leaseCount;

    ThreadCache(int tag, Slabs slabs, Room room, Sampling sampling) {
        this.tag = tag;
        this.slabs = slabs;
        this.room = room;
        this.countdowns = new Countdowns(sampling);
        this.magazines = TAGS.magazines(tag);
    }

    /// The number that marks this cache's slabs.
    public int tag() {
        return tag;
    }

    /// The address of the first magazine.
    long magazines() {
        return magazines;
    }

    private long magazine(int sizeClass) {
        return Magazine.of(magazines, sizeClass);
    }

    /// Whether the slabs are those of the heap that `all` are of.
    boolean isOf(Slabs all) {
        return slabs == all;
    }

    /// Whether no thread has this cache, or one that has ended.
    boolean isIdle() {
        Thread owner = thread;
        return owner == null || !owner.isAlive();
    }

    Mutex lock() {
        return lock;
    }

    /// Takes a block of a size class. Returns its address, minus errno, or that [a sample is due][Sampling#due]. By the
    /// owner.
    public long allocateBlock(int sizeClass) {
        long address = Magazine.take(magazine(sizeClass));
        return address == Magazine.MISS ? allocateBlockSlow(sizeClass) : address;
    }

    /// As [#allocateBlock], a block that is no sample. By the owner.
    long allocateUnsampled(int sizeClass) {
        countdowns.letOne(magazine(sizeClass), sizeClass);
        return allocateBlock(sizeClass);
    }

    /// The large blocks that the owner has freed, null where it has had none, or there are no stocks.
    public @Nullable LargeStock stock() {
        return stock;
    }

    /// Says which stock the owner has from now on. By the owner.
    void putStock(LargeStock made) {
        stock = made;
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
        usedClasses |= 1L << Slab.sizeClass(slab);
        if (word == 0) {
            noteWord(slab, index >>> 6); // before the last live block is freed: after that others may take the slab
        }
        if (thread != null && !SlabEntry.hasOwner(slab, thread.threadId())) {
            putEntry(slab); // the cache had another owner when the slab was made
        }
        Magazine.push(Magazine.shifted(magazines, Slab.sizeClass(slab)), address, pair, index);
        Slab.ownerPutFreeWord(pair, word | bit);
        return true;
    }

    private void putEntry(long slab) {
        Thread owner = thread;
        long threadId = owner == null ? SlabEntry.NO_THREAD : owner.threadId();
        SlabEntry.ownerPut(slab, threadId, Magazine.shifted(magazines, Slab.sizeClass(slab)));
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
        usedClasses |= 1L << sizeClass;
        long magazine = magazine(sizeClass);
        for (long due = countdowns.rewind(magazine, sizeClass);
                due != 0;
                due = countdowns.rewind(magazine, sizeClass)) {
            long address = due == Countdowns.NO_SAMPLE ? Magazine.take(magazine) : due;
            if (address != Magazine.MISS) {
                return address;
            }
        }
        long slab = leased[sizeClass];
        int last = slab == 0 ? -1 : Slab.word(slab, Magazine.pair(magazine));
        int refusals = 0;
        while (true) {
            if (slab != 0) {
                int word = Slab.ownerNextWord(slab, last);
                if (word < 0 && collect(sizeClass, slab)) {
                    word = Slab.ownerNextWord(slab, last);
                }
                if (word >= 0 && !slabs.useWord(slab, word)) {
                    setAside(sizeClass, slab);
                    if (++refusals == MAX_REFUSALS) {
                        return -Errno.EDQUOT;
                    }
                    slab = 0;
                } else if (word >= 0) {
                    int blockBytes = Slab.blockBytes(slab);
                    long first = Slab.base(slab) + (long) (word << 6) * blockBytes;
                    Magazine.putPair(magazine, Slab.pair(slab, word), first, blockBytes);
                    long address = Magazine.take(magazine);
                    if (address != Magazine.MISS) {
                        return address;
                    }
                    last = word; // its blocks are being freed by others a second time
                    continue;
                }
            }
            slab = nextSlab(sizeClass, slab);
            if (Errno.isError(slab)) {
                return slab;
            }
            leased[sizeClass] = slab;
            leaseCount++;
            last = -1;
        }
    }

    /// Puts away a slab with free blocks whose pages the budget refuses: others may have blocks on pages that it
    /// counts.
    private void setAside(int sizeClass, long slab) {
        lock.lock();
        try {
            forgetLease(sizeClass);
            append(slab);
        } finally {
            lock.unlock();
        }
    }

    /// Puts away the exhausted slab, 0 for none, and leases another. Returns its record, or minus errno.
    private long nextSlab(int sizeClass, long exhausted) {
        lock.lock();
        try {
            if (exhausted != 0) {
                Slab.putState(exhausted, Slab.FULL);
                forgetLease(sizeClass);
                if (Slab.hasRemote(exhausted)) {
                    append(exhausted); // freed since it was collected, and perhaps taken off the queue while leased
                }
            }
            drainPending();
            long slab = lists[sizeClass << 1];
            if (slab != 0) {
                remove(slab);
                Slab.putState(slab, Slab.LEASED);
                Slab.putSeenPages(slab, 0);
                changes[sizeClass]++;
                return slab;
            }
        } finally {
            lock.unlock();
        }
        long slab = slabs.allocateSlab(sizeClass, tag, false);
        if (slab == -Errno.EAGAIN) {
            room.makeRoom();
            slab = slabs.allocateSlab(sizeClass, tag, true);
        }
        changes[sizeClass]++;
        if (Errno.isError(slab)) {
            return slab;
        }
        leaseCount += PageGeometry.PAGES_PER_CHUNK - 1; // all its pages may be free, and are charged
        putEntry(slab);
        return slab;
    }

    /// Collects what others have freed of a slab of ours. Returns whether there was anything.
    private boolean collect(int sizeClass, long slab) {
        long blocks = Slab.ownerCollect(slab);
        if (blocks > 0 && blocks >>> Integer.SIZE != 0) {
            slabs.noteTwiceFreed(sizeClass, (int) (blocks >>> Integer.SIZE));
        }
        return blocks >= 0;
    }

    private void forgetLease(int sizeClass) {
        leased[sizeClass] = 0;
        Magazine.putPair(magazine(sizeClass), 0, 0, 0);
    }

    /// Forgets every leased slab and every block at hand, without a word to the slabs: when the heap is closed.
    void forget() {
        for (int sizeClass = 0; sizeClass < SizeClasses.COUNT; sizeClass++) {
            leased[sizeClass] = 0;
        }
        Magazine.clear(magazines, countedClasses());
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
        ThreadCache owner = TAGS.get(Slab.tag(slab));
        if (owner != null && Slab.tryQueue(slab)) {
            long head;
            do {
                head = owner.pending.get();
                Slab.putPendingNext(slab, head);
            } while (!owner.pending.compareAndSet(head, slab));
        }
    }

    /// Whether there are slabs for [#drainPending].
    boolean hasPending() {
        return pending.get() != 0;
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
        changes[list >>> 1]++;
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
        if (slab == cursor) {
            cursor = next;
        }
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

    /// The pages of a slab that is not leased that nobody uses or comes to use while the lock is held: bit `p` for
    /// page `p` of the chunk; or [Magazine#BUSY]. Under the lock.
    int freePages(long slab) {
        return Magazine.freePages(magazine(Slab.sizeClass(slab)), slab);
    }

    /// Notes that the owner has freed a block of another cache's slab. By the owner.
    void noteFreedElsewhere(int sizeClass) {
        Magazine.noteFreedElsewhere(magazines, sizeClass);
    }

    /// About how many bytes of blocks came free for others than the next request of the owner since the magazines went
    /// back last.
    long freedBytes() {
        long bytes = 0;
        for (long classes = countedClasses(); classes != 0; classes &= classes - 1) {
            int sizeClass = Long.numberOfTrailingZeros(classes);
            long magazine = magazine(sizeClass);
            long blocks = Magazine.returnedCount(magazine) + Magazine.elsewhereCount(magazine);
            bytes += blocks * SizeClasses.blockBytes(sizeClass);
        }
        return bytes;
    }

    /// How much may be free in what the owner leases that was not when [#forgetChanges] was called: what it has freed,
    /// and a page for each lease, all pages for that of a new slab. By the owner.
    long changedBytes() {
        return changes() - changesBefore;
    }

    void forgetChanges() {
        changesBefore = changes();
    }

    private long changes() {
        long bytes = leaseCount << PageGeometry.PAGE_SHIFT;
        for (long classes = usedClasses; classes != 0; classes &= classes - 1) {
            int sizeClass = Long.numberOfTrailingZeros(classes);
            bytes += Magazine.freedCount(magazine(sizeClass)) * SizeClasses.blockBytes(sizeClass);
        }
        return bytes;
    }

    /// Adds what the magazines have counted since they went back last. From any thread.
    ///
    /// @param allocated blocks allocated, by class
    /// @param freed blocks that the owner has freed, by class
    void addCounts(long[] allocated, long[] freed) {
        for (long classes = countedClasses(); classes != 0; classes &= classes - 1) {
            int sizeClass = Long.numberOfTrailingZeros(classes);
            long magazine = magazine(sizeClass);
            freed[sizeClass] += Magazine.freedCount(magazine);
            allocated[sizeClass] += Magazine.allocatedCount(magazine);
        }
    }

    /// Adds what the magazines have counted to that of others, and lets them begin at 0 again, after [#unlease]. While
    /// there is no owner.
    void moveCounts(long[] allocated, long[] freed, long[] elsewhere) {
        addCounts(allocated, freed);
        addElsewhere(elsewhere);
        lock.lock();
        try {
            unfinished = usedClasses; // a stamp might be what it was
            changesBefore = NEVER;
            Magazine.clear(magazines, countedClasses());
            forgetChanges();
        } finally {
            lock.unlock();
        }
    }

    /// Of which classes the magazines have counted anything: bit `c` for class `c`.
    private long countedClasses() {
        return usedClasses | Magazine.classesElsewhere(magazines);
    }

    // What a visit finds out: whether it has anything to do here.

    /// The classes that have something, bit `c` for class `c`. From any thread.
    long usedClasses() {
        return usedClasses;
    }

    /// Adds how many blocks the owner has freed in slabs of other caches, by class. From any thread.
    void addElsewhere(long[] counts) {
        for (long classes = countedClasses(); classes != 0; classes &= classes - 1) {
            int sizeClass = Long.numberOfTrailingZeros(classes);
            counts[sizeClass] += Magazine.elsewhereCount(magazine(sizeClass));
        }
    }

    /// Whether there may be pages to give back in slabs of a class: a block was freed, or what is leased or listed has
    /// changed, since the last visit for which this was true, or that visit has left something. By the visitor, before
    /// it looks: what happens meanwhile makes it true the next time.
    ///
    /// @param freedElsewhere blocks of the class that threads have freed in other caches' slabs, ever
    boolean isDue(int sizeClass, long freedElsewhere) {
        long stamp = changes[sizeClass] + Magazine.freedCount(magazine(sizeClass)) + freedElsewhere;
        if (stamp != visited[sizeClass]) {
            unfinished |= 1L << sizeClass;
            visited[sizeClass] = stamp;
        }
        return (unfinished >>> sizeClass & 1) != 0;
    }

    /// Notes whether a visit to the end has left something in slabs of a class to the next; one that an error has
    /// ended has. By the visitor.
    void endVisit(int sizeClass, boolean hasLeftSome) {
        unfinished = (unfinished & ~(1L << sizeClass)) | (hasLeftSome ? 1L << sizeClass : 0);
    }

    /// Begins to go through the listed slabs of a class. By the visitor, there is one at a time.
    void beginVisit(int sizeClass) {
        lock.lock();
        try {
            cursor = lists[sizeClass << 1];
        } finally {
            lock.unlock();
        }
    }

    /// The next listed slab, 0 at the end. By the visitor, under the lock, which it gives up after each.
    long nextVisited() {
        long slab = cursor;
        cursor = slab == 0 ? 0 : Slab.next(slab);
        return slab;
    }

    /// Copies the records of the leased slabs, 0 where there is none. By the owner.
    void leasedSlabs(long[] records) {
        System.arraycopy(leased, 0, records, 0, SizeClasses.COUNT);
    }

    /// Gives up every lease and every block at hand, so that all slabs can be purged and retired. By the owner, or
    /// while there is none.
    void unlease() {
        lock.lock();
        try {
            for (long classes = usedClasses; classes != 0; classes &= classes - 1) {
                int sizeClass = Long.numberOfTrailingZeros(classes);
                if (Magazine.forgetSlots(magazine(sizeClass)) != 0) {
                    changes[sizeClass]++;
                }
                long slab = leased[sizeClass];
                if (slab != 0) {
                    changes[sizeClass]++;
                    forgetLease(sizeClass);
                    collect(sizeClass, slab);
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

    /// Gives the pages of the magazines back to the kernel, which are all zero after [#moveCounts]. Returns whether
    /// they went. While there is no owner.
    boolean giveBackMagazines() {
        lock.lock();
        try {
            return TAGS.giveBackMagazines(tag) == 0;
        } finally {
            lock.unlock();
        }
    }

    /// Checks the invariants of the class header while the owner rests; throws [AssertionError] on the first that
    /// does not hold. Returns how many slabs the lists and leases hold.
    int verify() {
        LargeStock own = stock;
        if (own != null) {
            own.verify();
        }
        lock.lock();
        try {
            int count = 0;
            for (int sizeClass = 0; sizeClass < SizeClasses.COUNT; sizeClass++) {
                Magazine.verify(magazine(sizeClass), tag, sizeClass);
                long current = leased[sizeClass];
                long pair = Magazine.pair(magazine(sizeClass));
                if (current != 0) {
                    check(Slab.tag(current) == tag && Slab.sizeClass(current) == sizeClass, "leases a foreign slab");
                    check(Slab.state(current) == Slab.LEASED, "a leased slab's state is " + Slab.state(current));
                    check(Slab.hasPair(current, pair), "the pair is not the slab's");
                    count++;
                } else {
                    check(pair == 0, "a pair without a slab");
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

    /// Checks the entry of a slab of this cache. While the owner rests.
    void verifyEntry(long slab) {
        SlabEntry.verify(slab, Magazine.shifted(magazines, Slab.sizeClass(slab)));
    }

    private void check(boolean condition, String message) {
        if (!condition) {
            throw new AssertionError("cache " + tag + ": " + message);
        }
    }
}
