package malloc4j.internal.cache;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import malloc4j.internal.os.Mutex;
import malloc4j.internal.region.ChunkMap;
import malloc4j.internal.region.PageGeometry;
import malloc4j.internal.region.PageSource;
import malloc4j.internal.slab.HeapWalk;
import malloc4j.internal.slab.SizeClasses;
import malloc4j.internal.slab.Slab;
import malloc4j.internal.slab.Slabs;
import malloc4j.internal.span.Spans;
import malloc4j.observe.Probe;
import malloc4j.observe.SizeClassStatistics;
import org.jspecify.annotations.Nullable;

/// Gets memory back from one heap's slabs: makes spans of the empty ones, and gives the kernel the free pages
/// inside the others.
///
/// A visit goes over the slabs that the caches have listed: no others have free blocks but those that are leased, and
/// those are passed over. What it gives back was free at the visit before already, and its slab not leased in between:
/// memory in use between two visits is left alone. Blocks leave a slab only while it is leased, so what is seen free in
/// another slab under its cache's lock stays free while the lock is held.
///
/// **A visit costs what has changed.** A list is passed over when no block that may lie in it was freed since the visit
/// that went over it last, and that has left nothing to the next ([ThreadCache#isDue]); spans, when none came back
/// ([Spans#isPurgeDue]). In a heap where nothing was freed, a visit adds up a few counts for each cache.
///
/// A visit makes no object and calls nothing through a lambda or a reference to a method: it must not fail because the
/// Java heap is full, nor leave behind a call site that could not be linked and never will be.
///
/// Concurrency: one visitor at a time; the lock of the cache in question is held over each slab. Extents are
/// released by a visitor only, so that the records it walks stay.
public final class Reclaimer implements ThreadCache.Room, Purger.Visited {
    private static final int ALL_PAGES = Slab.ALL_PAGES;
    private static final int MAX_CHUNKS = 512; // that a request looks at before the heap grows
    private static final int PROBES = 16; // chunks that a refused request looks at when a page's worth was freed
    private static final int LEASE_SHARE_SHIFT = 10; // a 1,024th must change before a thread gives its leases up again
    private static final int SHARE_SHIFT = 6; // a 64th of what is committed must come free between two fruitless visits

    private final Spans spans;
    private final Slabs slabs;
    private final PageSource source;
    private final CacheRegistry registry;
    private final Mutex visiting = new Mutex();
    private final long[] leases = new long[SizeClasses.COUNT];
    private final HeapWalk walk; // over everything
    private final HeapWalk search; // goes on where the last request has stopped
    private final long[] freedElsewhere = new long[SizeClasses.COUNT];
    private boolean unfinished; // whether the slabs of the list in question leave something to the next visit
    private long visitedBytes; // by the visit that is under way
    private long visitedSlabs;
    private long freedAtProbe = -PageGeometry.PAGE_BYTES;
    private long freedAtFruitless = -1;
    private volatile int reclaims;
    private volatile long keepBytes;
    private final AtomicLong purgedBytes = new AtomicLong();

    /// Stands on the caches, which ask it for room from now on.
    public Reclaimer(Spans spans, Slabs slabs, PageSource source, CacheRegistry registry) {
        this.spans = spans;
        this.slabs = slabs;
        this.source = source;
        this.registry = registry;
        this.walk = new HeapWalk(spans);
        this.search = new HeapWalk(spans);
        registry.setRoom(this);
    }

    /// What a heap's slabs hold, and what happened to their blocks.
    ///
    /// @param liveBlocks the blocks that are live
    /// @param liveBytes their sizes, in bytes
    /// @param allocatedBlocks the blocks that were allocated, ever
    /// @param allocatedBytes their sizes
    /// @param freedBlocks the blocks that were freed, ever
    /// @param freedBytes their sizes
    /// @param sizeClasses the classes that ever had slabs
    public record Census(
            long liveBlocks,
            long liveBytes,
            long allocatedBlocks,
            long allocatedBytes,
            long freedBlocks,
            long freedBytes,
            List<SizeClassStatistics> sizeClasses) {}

    /// Sets how many bytes of free spans [#visitIdle] leaves; `Long.MAX_VALUE` turns its visits off.
    public void keep(long byteSize) {
        keepBytes = byteSize;
    }

    /// A visit by the purger: of what was free at the last visit too, or of all. Returns whether there was, or soon
    /// will be, anything to do.
    @Override
    public boolean visitIdle(boolean all) {
        return keepBytes < Long.MAX_VALUE && visit(keepBytes, all, false);
    }

    /// Makes spans of some empty slabs, because there is no span left and the heap would have to grow. Goes on where
    /// the last search ended, and looks at some hundred chunks at most, however large the heap is. Does nothing when
    /// another thread is at it.
    @Override
    public void makeRoom() {
        if (!visiting.tryLock()) {
            return;
        }
        try {
            search.resume();
            boolean found = registry.giveBackStocks(true);
            for (int count = 0; count < MAX_CHUNKS && !found && search.next(); count++) {
                found = search.chunk().isSlab() && retireEmpty(search.chunk().record());
            }
        } finally {
            visiting.unlock();
        }
    }

    private boolean retireEmpty(long slab) {
        ThreadCache owner = lockOwner(slab);
        if (owner == null) {
            return false;
        }
        try {
            boolean unused =
                    Slab.state(slab) != Slab.LEASED && Slab.isEmpty(slab) && owner.freePages(slab) == ALL_PAGES;
            if (unused) {
                retire(owner, slab);
            }
            return unused;
        } finally {
            owner.lock().unlock();
        }
    }

    /// Gives memory back because a request was refused. Returns whether any went, by this call or by another thread's
    /// that this one has waited for, so that the request is worth another attempt.
    ///
    /// Free spans go first, then what is free in a few slabs, where the last call has stopped, if a page's worth came
    /// free. All slabs are visited only when a 64th of `usedBytes` came free since that was in vain: a heap that is
    /// full, and stays so, refuses in microseconds however large it is.
    ///
    /// @param wantedBytes how much would do
    /// @param usedBytes what the limit that was met counts
    public boolean reclaim(long wantedBytes, long usedBytes) {
        int before = reclaims;
        visiting.lock();
        try {
            if (reclaims != before) {
                return true;
            }
            long gone = spans.dirtyBytes() > 0 ? spans.purgeEnough(wantedBytes) : 0;
            if (gone < wantedBytes && registry.giveBackStocks(true)) {
                gone += spans.purgeEnough(wantedBytes - gone);
            }
            if (gone < wantedBytes) {
                long freed = registry.freedBytes();
                if (freed - freedAtProbe >= PageGeometry.PAGE_BYTES) {
                    freedAtProbe = freed;
                    gone += visitSome();
                }
                if (gone < wantedBytes && freed - freedAtFruitless >= usedBytes >>> SHARE_SHIFT) {
                    long all = visitAll();
                    freedAtFruitless = all < Math.max(wantedBytes, usedBytes >>> SHARE_SHIFT) ? freed : -1;
                    gone += all;
                }
            }
            if (gone == 0) {
                gone = visitOwnLeases(usedBytes);
            }
            if (gone == 0) {
                return false;
            }
            notePurged(gone);
            reclaims = before + 1;
            return true;
        } finally {
            visiting.unlock();
        }
    }

    /// By whoever is visiting.
    private void notePurged(long bytes) {
        spans.events().record().putPurged(purgedBytes.addAndGet(bytes));
    }

    /// Gives up what the current thread's cache has at hand, and what is free in it, if much of it has changed since it
    /// last did: the thread's next requests pay for that.
    private long visitOwnLeases(long usedBytes) {
        ThreadCache cache = registry.current();
        if (cache == null || cache.changedBytes() < usedBytes >>> LEASE_SHARE_SHIFT) {
            return 0;
        }
        cache.leasedSlabs(leases);
        cache.unlease();
        cache.forgetChanges();
        long gone = 0;
        for (long slab : leases) {
            gone += slab == 0 ? 0 : visitSlab(slab, true);
        }
        return gone + purgeDirty();
    }

    private long visitSome() {
        search.resume();
        long gone = 0;
        for (int count = 0; count < PROBES && search.next(); count++) {
            gone += search.chunk().isSlab() ? visitSlab(search.chunk().record(), true) : 0;
        }
        return gone + purgeDirty();
    }

    private long purgeDirty() {
        return spans.dirtyBytes() > 0 ? spans.purgeEnough(Long.MAX_VALUE) : 0;
    }

    /// Visits everything once, whatever has changed: what was free at the last visit too, or `all` that is free, goes
    /// back to the kernel, but for `keepBytes` of free spans. Returns how many bytes went back.
    public long visit(long keepBytes, boolean all) {
        long before = purgedBytes.get();
        visit(keepBytes, all, true);
        return purgedBytes.get() - before;
    }

    private boolean visit(long keepBytes, boolean all, boolean everything) {
        Purger.revive();
        visiting.lock();
        try {
            boolean due = visitCaches(all, everything);
            long purged = visitedBytes;
            if (everything || spans.isPurgeDue(keepBytes)) {
                due = true;
                purged += spans.purge(keepBytes, all);
            }
            notePurged(purged);
            int before = reclaims;
            reclaims = purged > 0 ? before + 1 : before; // written under the lock only
            return due;
        } finally {
            visiting.unlock();
        }
    }

    private long visitAll() {
        visitCaches(true, true);
        return visitedBytes + spans.purge(0, true);
    }

    /// Visits the slabs that are listed, or of these only those that may have changed; `visitedBytes` is what went
    /// back. Returns whether there was anything to do.
    private boolean visitCaches(boolean all, boolean everything) {
        boolean due = registry.unleaseIdle(all);
        due |= registry.giveBackStocks(all);
        visitedBytes = 0;
        registry.countFreedElsewhere(freedElsewhere);
        for (int index = registry.cacheLimit() - 1; index >= 0; index--) {
            ThreadCache cache = registry.cache(index);
            due |= cache != null && visitCache(cache, all, everything);
        }
        return due;
    }

    private boolean visitCache(ThreadCache cache, boolean all, boolean everything) {
        boolean due = false;
        for (long classes = cache.usedClasses(); classes != 0; classes &= classes - 1) {
            int sizeClass = Long.numberOfTrailingZeros(classes);
            if (cache.isDue(sizeClass, freedElsewhere[sizeClass]) || everything) {
                due = true;
                visitListed(cache, sizeClass, all);
            }
        }
        return due;
    }

    private void visitListed(ThreadCache cache, int sizeClass, boolean all) {
        unfinished = false;
        cache.beginVisit(sizeClass);
        boolean more = true;
        while (more) {
            cache.lock().lock();
            try {
                long slab = cache.nextVisited();
                more = slab != 0;
                visitedBytes += more ? visitOwned(cache, slab, all) : 0;
            } finally {
                cache.lock().unlock();
            }
        }
        cache.endVisit(sizeClass, unfinished);
    }

    /// The first slab of all in address order, or 0. Holding `visiting`.
    private long firstSlab() {
        walk.restart();
        return nextSlab();
    }

    /// The one after that which was shown last, or 0.
    private long nextSlab() {
        while (walk.next()) {
            if (walk.chunk().isSlab()) {
                return walk.chunk().record();
            }
        }
        return 0;
    }

    /// Locks the cache that owns `slab`, for the caller to unlock. Returns null, and has locked nothing, when the
    /// record is not one of a slab.
    private static @Nullable ThreadCache lockOwner(long slab) {
        int tag = Slab.tag(slab);
        ThreadCache owner = ThreadCache.TAGS.get(tag);
        if (owner == null) {
            return null;
        }
        owner.lock().lock();
        if (Slab.tag(slab) != tag) {
            owner.lock().unlock();
            return null;
        }
        return owner;
    }

    private long visitSlab(long slab, boolean all) {
        ThreadCache owner = lockOwner(slab);
        if (owner == null) {
            return 0;
        }
        try {
            return visitOwned(owner, slab, all);
        } finally {
            owner.lock().unlock();
        }
    }

    private long visitOwned(ThreadCache owner, long slab, boolean all) {
        visitedSlabs++;
        if (Slab.state(slab) == Slab.LEASED) {
            return 0;
        }
        int free = owner.freePages(slab);
        if (free == Magazine.BUSY) {
            unfinished = true;
            return 0;
        }
        int seen = all ? free : free & Slab.seenPages(slab);
        Slab.putSeenPages(slab, free);
        int held = seen & ~Slab.unchargedPages(slab);
        if (seen == ALL_PAGES) {
            held &= Slab.cleanPages(slab); // the others go back as a span; these may be part of a huge page
        }
        int done = held == 0 ? 0 : purgePages(Slab.base(slab), held);
        long purged = done == 0 ? 0 : slabs.notePurged(slab, done);
        if (seen == ALL_PAGES) {
            retire(owner, slab);
        } else {
            unfinished |= free == ALL_PAGES || (free & ~Slab.unchargedPages(slab)) != 0;
        }
        return purged;
    }

    /// Gives the pages in `pages` back, one call for each run of them. Returns those that went.
    private int purgePages(long base, int pages) {
        int done = 0;
        int rest = pages;
        while (rest != 0) {
            int from = Integer.numberOfTrailingZeros(rest);
            int count = Integer.numberOfTrailingZeros(~(rest >>> from));
            int run = (int) (((1L << count) - 1) << from);
            long address = base + ((long) from << PageGeometry.PAGE_SHIFT);
            long bytes = (long) count << PageGeometry.PAGE_SHIFT;
            if (source.purge(address, bytes) == 0) {
                spans.events().note(Probe.Kind.PURGE, address, bytes, 0);
                done |= run;
            }
            rest &= ~run;
        }
        return done;
    }

    private void retire(ThreadCache owner, long slab) {
        if (Slab.isQueued(slab)) {
            owner.drainPending();
        }
        if (Slab.state(slab) == Slab.AVAILABLE) {
            owner.remove(slab);
        }
        slabs.noteTwiceFreed(Slab.sizeClass(slab), Slab.twiceFreedCount(slab));
        slabs.freeSlab(slab);
    }

    /// What the slabs hold: exact while nobody allocates or frees. Walks no slab.
    public Census census() {
        CacheRegistry.Counts counts = registry.counts();
        List<SizeClassStatistics> sizeClasses = new ArrayList<>();
        long liveBlocks = 0;
        long liveBytes = 0;
        long allocatedBlocks = 0;
        long allocatedBytes = 0;
        long freedBlocks = 0;
        long freedBytes = 0;
        for (int sizeClass = 0; sizeClass < SizeClasses.COUNT; sizeClass++) {
            long retired = slabs.retiredCount(sizeClass);
            long made = slabs.madeCount(sizeClass);
            if (made > 0) {
                long live = counts.live(sizeClass);
                int blockBytes = SizeClasses.blockBytes(sizeClass);
                long free = Math.max(0, (made - retired) * SizeClasses.capacity(sizeClass) - live);
                long allocated = counts.allocated(sizeClass);
                long freed = counts.freed(sizeClass);
                sizeClasses.add(new SizeClassStatistics(
                        blockBytes, made - retired, live, free, allocated, freed, made, retired));
                liveBlocks += live;
                liveBytes += live * blockBytes;
                allocatedBlocks += allocated;
                allocatedBytes += allocated * blockBytes;
                freedBlocks += freed;
                freedBytes += freed * blockBytes;
            }
        }
        return new Census(
                liveBlocks,
                liveBytes,
                allocatedBlocks,
                allocatedBytes,
                freedBlocks,
                freedBytes,
                List.copyOf(sizeClasses));
    }

    /// Checks that the counts are those of the blocks, while no thread uses the heap, and when no call was ever torn;
    /// throws [AssertionError] when they are not.
    public void verifyCounts() {
        long[] live = new long[SizeClasses.COUNT];
        long[] slabCounts = new long[SizeClasses.COUNT];
        visiting.lock();
        try {
            for (long slab = firstSlab(); slab != 0; slab = nextSlab()) {
                live[Slab.sizeClass(slab)] += Slab.liveCount(slab) - Slab.twiceFreedCount(slab); // not noted yet
                slabCounts[Slab.sizeClass(slab)]++;
            }
        } finally {
            visiting.unlock();
        }
        CacheRegistry.Counts counts = registry.counts();
        for (int sizeClass = 0; sizeClass < SizeClasses.COUNT; sizeClass++) {
            long counted = counts.allocated(sizeClass) - counts.freed(sizeClass);
            long slabCount = slabs.madeCount(sizeClass) - slabs.retiredCount(sizeClass);
            if (counted != live[sizeClass] || slabCount != slabCounts[sizeClass]) {
                throw new AssertionError("size class " + sizeClass + " has " + live[sizeClass] + " live blocks in "
                        + slabCounts[sizeClass] + " slabs, counted are " + counted + " in " + slabCount);
            }
        }
    }

    /// How many slabs visits have looked at, ever.
    long visitedSlabs() {
        visiting.lock();
        try {
            return visitedSlabs;
        } finally {
            visiting.unlock();
        }
    }

    /// Bytes that visits have given back to the kernel, in all.
    public long purgedBytes() {
        return purgedBytes.get();
    }

    /// Checks every record, slab, list and extent while no thread uses the heap; throws [AssertionError] on the
    /// first invariant that does not hold.
    public void verify() {
        visiting.lock();
        try {
            int held = 0;
            long uncharged = 0;
            for (long slab = firstSlab(); slab != 0; slab = nextSlab()) {
                ThreadCache owner = lockOwner(slab);
                if (owner != null) {
                    try {
                        verifySlab(owner, slab);
                        held += Slab.state(slab) == Slab.FULL ? 0 : 1;
                        uncharged += Integer.bitCount(Slab.unchargedPages(slab));
                    } finally {
                        owner.lock().unlock();
                    }
                }
            }
            if (registry.verify() != held) {
                throw new AssertionError("leased and available slabs are not those that the caches hold");
            }
            spans.verify(uncharged, registry.stockedBytes());
            ChunkMap.main().verify();
        } finally {
            visiting.unlock();
        }
    }

    private void verifySlab(ThreadCache owner, long slab) {
        if (!owner.isOf(slabs)) {
            throw new AssertionError("a slab in this heap's extent belongs to another heap");
        }
        Slab.verify(slab);
        owner.verifyEntry(slab);
        boolean hidden = Slab.state(slab) == Slab.FULL && Slab.liveCount(slab) < Slab.capacity(slab);
        if (hidden && !Slab.isQueued(slab)) {
            throw new AssertionError("a slab that is in no list has free blocks");
        }
    }

    /// Releases everything. Returns 0, or minus errno of the first refusal; it can be called again.
    public long close() {
        visiting.lock();
        try {
            registry.close();
            long result = spans.close();
            if (result == 0) {
                registry.freeTags();
            }
            return result;
        } finally {
            visiting.unlock();
        }
    }
}
