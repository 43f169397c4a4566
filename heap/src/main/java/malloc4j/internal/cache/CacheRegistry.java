package malloc4j.internal.cache;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLongArray;
import malloc4j.internal.os.Errno;
import malloc4j.internal.os.Mutex;
import malloc4j.internal.os.ProcessBarrier;
import malloc4j.internal.region.PageGeometry;
import malloc4j.internal.slab.SizeClasses;
import malloc4j.internal.slab.Slabs;
import malloc4j.internal.span.LargeBlock;
import malloc4j.internal.span.Spans;
import org.jspecify.annotations.Nullable;

/// The thread caches of one heap: which thread has which.
///
/// A cache outlives its thread: the next thread without one takes it over as it is, full of blocks. Nothing is
/// abandoned when a thread ends, and nothing needs to be told. Virtual threads get no cache of their own: they
/// share a few, each under a lock while it is used.
///
/// Nobody tells that a thread has ended. Each thread that needs a cache looks at the next few in turn, and each visit
/// of the purger at all; the caches of threads that have ended are kept in a list, the latest first.
///
/// Invariants, checked by [#verify]:
/// 1. A cache belongs to at most one living thread, which [CacheTable] leads to it.
/// 2. The idle caches are exactly those without a thread.
///
/// Concurrency: lookups by [CacheTable] need no lock; all else is under the lock.
public final class CacheRegistry {
    /// Bytes of a cache's magazines.
    public static final int CACHE_BYTES = Magazine.CACHE_BYTES;

    private static final int COMMON_ROWS = 1 << 12; // 64 KiB
    private static final int ROWS = 1 << 8; // 4 KiB

    /// How many caches each new thread looks at: so at most an eighth more is made than threads live at once.
    private static final int SEARCHED = 8;

    /// At which visit that finds a cache idle its magazines go back.
    private static final int GIVE_BACK_VISIT = 2;

    private static final int STRIPE_SHIFT = 6; // a place for each class

    private final Slabs slabs;
    private final Spans spans;
    private final ProcessBarrier barrier;
    private final Mutex lock = new Mutex();
    private final ArrayList<ThreadCache> caches = new ArrayList<>();
    private final List<Integer> closedTags = new ArrayList<>();
    private final @Nullable SharedCache[] shared;
    private final CacheTable table;
    private final AtomicLongArray freedByOthers; // by threads without a cache, by stripe and class
    private volatile boolean othersFreed; // whether there is anything in it: it fills many cache lines
    private final long[] allocatedBefore = new long[SizeClasses.COUNT]; // by magazines before they went back
    private final long[] freedBefore = new long[SizeClasses.COUNT];
    private final long[] elsewhereBefore = new long[SizeClasses.COUNT];
    private long freedBytesBefore;
    private ThreadCache.Room room = CacheRegistry::noRoom;
    private Sampling sampling = Sampling.NONE;
    private @Nullable ThreadCache idle; // the first of a list
    private int nextSearched;
    private long leaseCount;
    private volatile boolean closed;

    /// @param common whether many threads will use the heap
    public CacheRegistry(Slabs slabs, Spans spans, ProcessBarrier barrier, boolean common) {
        this.slabs = slabs;
        this.spans = spans;
        this.barrier = barrier;
        this.table = CacheTable.of(common ? COMMON_ROWS : ROWS, slabs.heapId());
        int stripes = Integer.highestOneBit(Math.max(1, Runtime.getRuntime().availableProcessors() * 2 - 1)) * 2;
        this.shared = new SharedCache[Math.min(stripes, 64)];
        this.freedByOthers = new AtomicLongArray(shared.length << STRIPE_SHIFT);
    }

    /// Says who makes room before the heap grows, before there is a cache.
    void setRoom(ThreadCache.Room maker) {
        room = maker;
    }

    /// Says who looks at some of the blocks, before there is a cache.
    public void setSampling(Sampling sampler) {
        sampling = sampler;
    }

    private static void noRoom() {}

    /// The way from a thread to its cache.
    public CacheTable table() {
        return table;
    }

    /// The current thread's cache, or null when it has none.
    public @Nullable ThreadCache current() {
        return table.current();
    }

    /// The current thread's cache for what it frees: a thread that frees blocks of others gets one too, for it counts
    /// them there. Null where it has none and can have none.
    public @Nullable ThreadCache currentToFree() {
        ThreadCache cache = table.current();
        if (cache != null || closed || Thread.currentThread().isVirtual()) {
            return cache;
        }
        try {
            return lease();
        } catch (OutOfMemoryError ofJava) {
            return null;
        }
    }

    /// Takes a block for a thread that [#current] knows no cache of: a virtual thread, or one at its first call.
    /// Returns its address, minus errno: `EBADF` when the heap is closed; or that a sample is [due][Sampling#due].
    public long allocateBlock(int sizeClass) {
        if (closed) {
            return -Errno.EBADF;
        }
        if (!Thread.currentThread().isVirtual()) {
            ThreadCache cache = lease();
            if (cache != null) {
                return cache.allocateBlock(sizeClass);
            }
        }
        SharedCache cache = acquireShared();
        if (cache == null) {
            return closed ? -Errno.EBADF : -Errno.ENOMEM;
        }
        try {
            return cache.cache.allocateBlock(sizeClass);
        } finally {
            cache.useLock.unlock();
        }
    }

    /// As [#allocateBlock], for any thread, a block that is no sample.
    public long allocateUnsampled(int sizeClass) {
        ThreadCache own = current();
        if (own == null && !closed && !Thread.currentThread().isVirtual()) {
            own = lease();
        }
        if (own != null) {
            return own.allocateUnsampled(sizeClass);
        }
        SharedCache cache = acquireShared();
        if (cache == null) {
            return closed ? -Errno.EBADF : -Errno.ENOMEM;
        }
        try {
            return cache.cache.allocateUnsampled(sizeClass);
        } finally {
            cache.useLock.unlock();
        }
    }

    /// Takes a large block by the current thread's cache. Returns its address, of which [Spans#isZeroed] tells more,
    /// minus errno: `EBADF` when the heap is closed; or that a sample is [due][Sampling#due].
    public long allocateLarge(int pageCount, int alignmentPages) {
        if (closed) {
            return -Errno.EBADF;
        }
        ThreadCache cache = current();
        if (cache == null && !Thread.currentThread().isVirtual()) {
            cache = lease();
        }
        if (cache != null) {
            return allocateLarge(cache, pageCount, alignmentPages);
        }
        SharedCache borrowed = acquireShared();
        if (borrowed == null) {
            return closed ? -Errno.EBADF : allocateUnownedLarge(pageCount, alignmentPages);
        }
        try {
            return allocateLarge(borrowed.cache, pageCount, alignmentPages);
        } finally {
            borrowed.useLock.unlock();
        }
    }

    private long allocateLarge(ThreadCache cache, int pageCount, int alignmentPages) {
        LargeStock stock = LargeStock.keeps(pageCount) ? openStock(cache) : null;
        if (stock != null && alignmentPages == 1) {
            Thread owner = cache.thread;
            long address = stock.takeSlow(owner == null ? LargeStock.NOBODY : owner.threadId(), pageCount);
            if (address != LargeStock.MISS) {
                if (address > 0) {
                    Spans.noteWritten(address);
                }
                return address;
            }
            stock.noteAllocated(pageCount);
        } else {
            long due = sampling.dueFor((long) pageCount << PageGeometry.PAGE_SHIFT);
            if (due != 0) {
                return due;
            }
        }
        return allocateLarge(pageCount, alignmentPages, stock == null ? 0 : cache.tag());
    }

    /// A cache's stock, made if it can be.
    private @Nullable LargeStock openStock(ThreadCache cache) {
        LargeStock stock = cache.stock();
        if (stock == null && barrier.isAvailable()) {
            try {
                stock = new LargeStock(cache.tag(), spans, barrier, sampling);
                cache.putStock(stock);
                table.insert(cache, stock);
            } catch (OutOfMemoryError ofJava) {
                return null; // then by the locks of Spans
            }
        }
        return stock;
    }

    /// As [#allocateLarge], a block that belongs to no cache: what frees it takes a lock of [Spans].
    public long allocateUnownedLarge(int pageCount, int alignmentPages) {
        return closed ? -Errno.EBADF : allocateLarge(pageCount, alignmentPages, 0);
    }

    /// @param tag the number of the cache whose it is to be, 0 for none
    private long allocateLarge(int pageCount, int alignmentPages, int tag) {
        long span = spans.allocateLarge(pageCount, alignmentPages, false, tag);
        if (span == -Errno.EAGAIN) {
            room.makeRoom();
            span = spans.allocateLarge(pageCount, alignmentPages, true, tag);
        }
        return span;
    }

    /// Frees a large block of this heap. Returns false, and has done nothing, when none begins there.
    public boolean freeLarge(long address) {
        long entry = LargeBlock.entryOrZero(address);
        long word = entry == 0 ? 0 : LargeBlock.word(entry);
        int tag = LargeBlock.tag(word);
        if (LargeBlock.livePages(word) <= 0) {
            return false;
        }
        if (tag == 0) {
            return spans.freeLarge(address) != 0;
        }
        ThreadCache owner = ThreadCache.TAGS.get(tag);
        LargeStock stock = owner == null ? null : owner.stock();
        if (stock == null) {
            return false;
        }
        return owner == current() ? stock.putSlow(address, entry) : stock.putRemote(address, entry, word);
    }

    /// Changes how many pages a live large block has, where it is. Returns whether it has them now.
    public boolean resizeLarge(long address, int pageCount) {
        long entry = LargeBlock.entryOrZero(address);
        int tag = entry == 0 ? 0 : LargeBlock.tag(LargeBlock.word(entry));
        if (tag == 0) {
            return spans.resizeLarge(address, pageCount);
        }
        ThreadCache owner = ThreadCache.TAGS.get(tag);
        LargeStock stock = owner == null ? null : owner.stock();
        return stock != null && stock.resize(address, entry, pageCount, owner == current());
    }

    /// Gives blocks of the stocks back to [Spans]: `all`, or those that the last visit has seen too. Returns whether
    /// there were any in stocks. While holding [Reclaimer]'s lock of visits.
    boolean giveBackStocks(boolean all) {
        LargeStock first = null;
        try {
            for (int index = cacheLimit() - 1; index >= 0; index--) {
                LargeStock stock = stock(index);
                if (stock != null && !stock.isEmpty()) {
                    stock.beginVisit(first);
                    first = stock;
                }
            }
            boolean reached = first != null && barrier.run();
            while (first != null) {
                if (reached) {
                    first.awaitOwner();
                    first.giveBack(all);
                }
                first = first.endVisit();
            }
            return reached;
        } finally {
            while (first != null) { // after an error
                first = first.endVisit();
            }
        }
    }

    /// Lets every stock see at its next block how often somebody looks from now on.
    public void lookAgain() {
        for (int index = cacheLimit() - 1; index >= 0; index--) {
            LargeStock stock = stock(index);
            if (stock != null) {
                stock.lookAgain();
            }
        }
    }

    private @Nullable LargeStock stock(int index) {
        ThreadCache cache = cache(index);
        return cache == null ? null : cache.stock();
    }

    /// What the stocks have, and gave: large blocks that are free for their threads.
    public Spans.Stocked stocked() {
        Spans.Stocked sums = Spans.Stocked.NONE;
        for (int index = cacheLimit() - 1; index >= 0; index--) {
            LargeStock stock = stock(index);
            sums = stock == null ? sums : stock.addTo(sums);
        }
        return sums;
    }

    /// Bytes that the stocks have.
    public long stockedBytes() {
        return stocked().pages() << PageGeometry.PAGE_SHIFT;
    }

    /// Frees a block of a slab from a thread that does not own it. Returns false, and has done nothing, when `address`
    /// is not a live block of the slab.
    public static boolean freeRemote(long slab, long address) {
        return ThreadCache.freeRemote(slab, address);
    }

    /// Frees a live block for a thread that has no cache, where that takes but a word. Returns false, and has done
    /// nothing, in every other case.
    public boolean freeUncached(long address) {
        if (table.current() != null) {
            return false; // CacheTable.freeBlock has tried that
        }
        long sizeClass = Magazine.freeBit(address, table.heapKey(), 0);
        if (sizeClass < 0) {
            return false;
        }
        noteFreedRemote(null, (int) sizeClass);
        return true;
    }

    /// Notes that the current thread has freed a block of a slab that it does not own.
    ///
    /// @param cache the thread's, null when it has none
    public void noteFreedRemote(@Nullable ThreadCache cache, int sizeClass) {
        if (cache != null) {
            cache.noteFreedElsewhere(sizeClass);
        } else {
            if (!othersFreed) {
                othersFreed = true;
            }
            int stripe = (int) Thread.currentThread().threadId() & (shared.length - 1);
            freedByOthers.getAndIncrement((stripe << STRIPE_SHIFT) + sizeClass);
        }
    }

    /// About how many bytes of blocks came free, ever, but for those that their threads keep at hand: it only grows.
    long freedBytes() {
        lock.lock();
        try {
            long bytes = freedBytesBefore;
            for (int stripe = 0; stripe < freedByOthers.length(); stripe++) {
                int sizeClass = stripe & ((1 << STRIPE_SHIFT) - 1);
                if (sizeClass < SizeClasses.COUNT) {
                    bytes += freedByOthers.get(stripe) * SizeClasses.blockBytes(sizeClass);
                }
            }
            for (int index = 0; index < cacheCountLocked(); index++) {
                ThreadCache cache = cacheLocked(index);
                bytes += cache == null ? 0 : cache.freedBytes();
            }
            return bytes;
        } finally {
            lock.unlock();
        }
    }

    /// Blocks of each size class, ever, up to what threads are doing meanwhile.
    static final class Counts {
        private final long[] allocated = new long[SizeClasses.COUNT];
        private final long[] freed = new long[SizeClasses.COUNT];

        /// How many blocks of a class were allocated.
        long allocated(int sizeClass) {
            return allocated[sizeClass];
        }

        /// How many were freed.
        long freed(int sizeClass) {
            return freed[sizeClass];
        }

        /// How many are live.
        long live(int sizeClass) {
            return Math.max(0, allocated[sizeClass] - freed[sizeClass]);
        }
    }

    /// Adds up what the caches have counted. Walks caches, no slab.
    Counts counts() {
        Counts counts = new Counts();
        lock.lock();
        try {
            for (int index = 0; index < cacheCountLocked(); index++) {
                ThreadCache cache = cacheLocked(index);
                if (cache != null && !cache.givenBack) { // else all of it is 0
                    cache.addCounts(counts.allocated, counts.freed);
                }
            }
            for (int sizeClass = 0; sizeClass < SizeClasses.COUNT; sizeClass++) {
                counts.allocated[sizeClass] += allocatedBefore[sizeClass];
                counts.freed[sizeClass] +=
                        freedBefore[sizeClass] + freedByOthers(sizeClass) - slabs.twiceFreedCount(sizeClass);
            }
            return counts;
        } finally {
            lock.unlock();
        }
    }

    private long freedByOthers(int sizeClass) {
        long blocks = 0;
        for (int place = sizeClass; othersFreed && place < freedByOthers.length(); place += 1 << STRIPE_SHIFT) {
            blocks += freedByOthers.get(place);
        }
        return blocks;
    }

    /// Fills `counts` with how many blocks of each class were freed by threads whose caches do not have the slab, ever.
    void countFreedElsewhere(long[] counts) {
        lock.lock();
        try {
            for (int sizeClass = 0; sizeClass < SizeClasses.COUNT; sizeClass++) {
                counts[sizeClass] = elsewhereBefore[sizeClass] + freedByOthers(sizeClass);
            }
            for (int index = 0; index < cacheCountLocked(); index++) {
                ThreadCache cache = cacheLocked(index);
                if (cache != null && !cache.givenBack) {
                    cache.addElsewhere(counts);
                }
            }
        } finally {
            lock.unlock();
        }
    }

    /// Bytes of blocks in slabs that are live. Walks no slab.
    public long liveBytes() {
        Counts counts = counts();
        long bytes = 0;
        for (int sizeClass = 0; sizeClass < SizeClasses.COUNT; sizeClass++) {
            bytes += counts.live(sizeClass) * SizeClasses.blockBytes(sizeClass);
        }
        return bytes;
    }

    // All caches by number, the shared ones first: the number of one never changes.

    private int cacheCountLocked() {
        return caches.size() + shared.length;
    }

    /// A cache, null for a shared one that nobody has needed yet.
    private @Nullable ThreadCache cacheLocked(int index) {
        if (index >= shared.length) {
            return caches.get(index - shared.length);
        }
        SharedCache cache = shared[index];
        return cache == null ? null : cache.cache;
    }

    /// Whether the cache with number `tag` is one of these.
    public boolean has(int tag) {
        ThreadCache cache = ThreadCache.TAGS.get(tag);
        return cache != null && cache.isOf(slabs);
    }

    /// Gives the current thread, which has none, a cache: an idle one, or a new one. Returns null when the registry is
    /// closed, or there is no memory for another cache.
    private @Nullable ThreadCache lease() {
        Thread thread = Thread.currentThread();
        lock.lock();
        try {
            leaseCount++;
            if (closed) {
                return null;
            }
            table.makeRoom();
            searchIdle();
            ThreadCache cache = idle;
            if (cache == null) {
                caches.ensureCapacity(caches.size() + 1);
                cache = newCache();
                if (cache == null) {
                    return null;
                }
                caches.add(cache);
            } else {
                idle = cache.nextIdle;
                cache.nextIdle = null;
                cache.idleVisits = 0;
                cache.givenBack = false;
            }
            table.insert(cache, thread);
            cache.thread = thread;
            spans.events().record().putCache(cache.tag(), true);
            return cache;
        } finally {
            lock.unlock();
        }
    }

    /// Looks at the next few caches. Under the lock.
    private void searchIdle() {
        for (int count = Math.min(SEARCHED, caches.size()); count > 0; count--) {
            nextSearched = nextSearched < caches.size() ? nextSearched : 0;
            noteEnd(caches.get(nextSearched++));
        }
    }

    /// Makes a cache idle when its thread has ended. Returns whether it is idle. Under the lock.
    private boolean noteEnd(ThreadCache cache) {
        Thread thread = cache.thread;
        if (thread != null && !thread.isAlive()) {
            table.remove(cache, thread);
            cache.thread = null;
            cache.nextIdle = idle;
            idle = cache;
            spans.events().record().putCache(cache.tag(), false);
        }
        return cache.thread == null;
    }

    /// How often a thread came for a cache: its first call, and nothing after that.
    long leaseCount() {
        lock.lock();
        try {
            return leaseCount;
        } finally {
            lock.unlock();
        }
    }

    private @Nullable ThreadCache newCache() {
        int tag = ThreadCache.TAGS.next();
        if (tag == CacheTags.NONE) {
            return null;
        }
        try {
            ThreadCache cache = new ThreadCache(tag, slabs, room, sampling);
            ThreadCache.TAGS.put(tag, cache);
            return cache;
        } catch (OutOfMemoryError full) {
            ThreadCache.TAGS.free(tag);
            throw full;
        }
    }

    /// A shared cache with its use lock held, a free one where there is one; null when the heap is closed.
    private @Nullable SharedCache acquireShared() {
        int start = (int) Thread.currentThread().threadId();
        for (int probe = 0; probe < shared.length; probe++) {
            SharedCache cache = shared((start + probe) & (shared.length - 1));
            if (cache == null || cache.useLock.tryLock()) {
                return cache;
            }
        }
        SharedCache cache = shared(start & (shared.length - 1));
        if (cache != null) {
            cache.useLock.lock();
        }
        return cache;
    }

    private @Nullable SharedCache shared(int index) {
        SharedCache cache = shared[index];
        if (cache != null) {
            return cache;
        }
        lock.lock();
        try {
            if (shared[index] == null && !closed) {
                SharedCache made = newSharedCache();
                shared[index] = made;
                if (made != null) {
                    spans.events().record().putCache(made.cache.tag(), false);
                }
            }
            return shared[index];
        } finally {
            lock.unlock();
        }
    }

    private @Nullable SharedCache newSharedCache() {
        ThreadCache created = newCache();
        if (created == null) {
            return null;
        }
        try {
            return new SharedCache(created);
        } catch (OutOfMemoryError full) {
            ThreadCache.TAGS.free(created.tag());
            throw full;
        }
    }

    /// A cache for whoever holds its use lock.
    private static final class SharedCache {
        final ThreadCache cache;
        final Mutex useLock = new Mutex();

        SharedCache(ThreadCache cache) {
            this.cache = cache;
        }
    }

    /// Gives up the leases of the current thread's cache where `all` is to go, of the shared ones, and of all whose
    /// thread has ended; gives the magazines of those back that the last visit found so too, or of `all` of those; and
    /// lists what others have freed, so that nothing stays queued for an owner that does not come.
    ///
    /// Returns whether the next visit has to go on with magazines.
    boolean unleaseIdle(boolean all) {
        boolean unfinished = false;
        for (int index = 0; true; index++) {
            ThreadCache cache;
            lock.lock();
            try {
                if (closed || index >= caches.size()) {
                    break;
                }
                cache = caches.get(index);
                unfinished |= unleaseIdle(cache, all);
            } finally {
                lock.unlock();
            }
            drain(cache);
        }
        for (SharedCache cache : shared) {
            if (cache != null) {
                if (cache.useLock.tryLock()) {
                    try {
                        cache.cache.unlease();
                    } finally {
                        cache.useLock.unlock();
                    }
                }
                drain(cache.cache);
            }
        }
        return unfinished;
    }

    private static void drain(ThreadCache cache) {
        if (cache.hasPending()) {
            cache.lock().lock();
            try {
                cache.drainPending();
            } finally {
                cache.lock().unlock();
            }
        }
    }

    /// Under the lock, which is given up after each cache: a call of the kernel may take a while.
    private boolean unleaseIdle(ThreadCache cache, boolean all) {
        if (!noteEnd(cache)) {
            if (all && cache.thread == Thread.currentThread()) {
                cache.unlease();
            }
            return false;
        }
        if (cache.givenBack) {
            return false;
        }
        if (cache.idleVisits == 0) {
            cache.unlease();
        }
        cache.idleVisits++;
        if (!all && cache.idleVisits < GIVE_BACK_VISIT) {
            return true;
        }
        giveBackMagazines(cache);
        return false;
    }

    /// Under the lock, so that nobody counts in between.
    private void giveBackMagazines(ThreadCache cache) {
        freedBytesBefore += cache.freedBytes();
        cache.moveCounts(allocatedBefore, freedBefore, elsewhereBefore);
        cache.givenBack = cache.giveBackMagazines();
        if (cache.givenBack) {
            spans.events().record().removeCache(cache.tag());
        }
    }

    /// Who is shown caches.
    public interface CacheVisitor {
        /// Is shown a cache.
        ///
        /// @param number by which records of slabs name the cache
        /// @param thread that has it, null if none has
        void visit(int number, @Nullable Thread thread);
    }

    /// Shows every cache, the shared ones first.
    public void forEachCache(CacheVisitor visitor) {
        for (ThreadCache cache : all()) {
            visitor.visit(cache.tag(), cache.thread);
        }
    }

    /// Cache number `index` of [#cacheLimit], null where there is none.
    @Nullable
    ThreadCache cache(int index) {
        lock.lock();
        try {
            return index < cacheCountLocked() ? cacheLocked(index) : null;
        } finally {
            lock.unlock();
        }
    }

    /// One more than the highest number of a cache now.
    int cacheLimit() {
        lock.lock();
        try {
            return cacheCountLocked();
        } finally {
            lock.unlock();
        }
    }

    /// Bytes of magazines: of every cache that has a thread, is shared, or whose magazines have not gone back since.
    public long magazineBytes() {
        lock.lock();
        try {
            long count = 0;
            for (int index = 0; index < cacheCountLocked(); index++) {
                ThreadCache cache = cacheLocked(index);
                count += cache == null || cache.givenBack ? 0 : 1;
            }
            return count * Magazine.CACHE_BYTES;
        } finally {
            lock.unlock();
        }
    }

    /// How many caches there are, shared ones included.
    public int cacheCount() {
        lock.lock();
        try {
            int count = caches.size();
            for (SharedCache cache : shared) {
                count += cache == null ? 0 : 1;
            }
            return count;
        } finally {
            lock.unlock();
        }
    }

    private List<ThreadCache> all() {
        lock.lock();
        try {
            return allLocked();
        } finally {
            lock.unlock();
        }
    }

    private List<ThreadCache> allLocked() {
        List<ThreadCache> all = new ArrayList<>(caches);
        for (SharedCache cache : shared) {
            if (cache != null) {
                all.add(cache.cache);
            }
        }
        return all;
    }

    /// Forgets every cache. From now on no thread finds one.
    public void close() {
        lock.lock();
        try {
            if (closed) {
                return;
            }
            closed = true;
            for (ThreadCache cache : allLocked()) {
                cache.thread = null;
                cache.lock().lock();
                try {
                    cache.drainPending(); // a record of another heap's may be queued here, and is passed on
                } finally {
                    cache.lock().unlock();
                }
                cache.forget();
                closedTags.add(cache.tag());
                spans.events().record().removeCache(cache.tag());
            }
            caches.clear();
            idle = null;
            Arrays.fill(shared, null);
            table.clear();
        } finally {
            lock.unlock();
        }
    }

    /// Gives the numbers of a closed registry's caches back, when no record has them any more.
    void freeTags() {
        lock.lock();
        try {
            closedTags.forEach(ThreadCache.TAGS::free);
            closedTags.clear();
        } finally {
            lock.unlock();
        }
    }

    /// Checks the invariants of the class header, and every cache while its owner rests. Returns how many slabs they
    /// lease or list.
    int verify() {
        lock.lock();
        try {
            Set<ThreadCache> listed = Collections.newSetFromMap(new IdentityHashMap<>());
            for (ThreadCache cache = idle; cache != null && listed.add(cache); cache = cache.nextIdle) {}
            long without = 0;
            for (ThreadCache cache : caches) {
                Thread thread = cache.thread;
                if (thread != null) {
                    table.verify(cache, thread);
                } else {
                    without += listed.contains(cache) ? 1 : listed.size() + 1;
                }
            }
            if (without != listed.size()) {
                throw new AssertionError("idle caches are not those without a thread");
            }
            table.displaced().verify();
        } finally {
            lock.unlock();
        }
        return all().stream().mapToInt(ThreadCache::verify).sum();
    }
}
