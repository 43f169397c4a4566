package malloc4j.internal.cache;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.LongStream;
import malloc4j.internal.os.Mutex;
import malloc4j.internal.region.PageMap;
import malloc4j.internal.region.PageSource;
import malloc4j.internal.slab.SizeClasses;
import malloc4j.internal.slab.Slab;
import malloc4j.internal.slab.Slabs;
import malloc4j.internal.span.Spans;
import malloc4j.observe.SizeClassStatistics;

/// Gets memory back from one heap's slabs: makes spans of the empty ones, and gives the kernel the free pages
/// inside the others.
///
/// A visit goes over all slabs in address order. What it gives back was free at the visit before already, and its
/// slab not leased in between: memory in use between two visits is left alone. Blocks leave a slab only while it is
/// leased, so what is seen free in another slab under its cache's lock stays free while the lock is held; leased
/// slabs are passed over.
///
/// Concurrency: one visitor at a time; the lock of the cache in question is held over each slab. Regions are
/// released by a visitor only, so that the records it walks stay.
public final class Reclaimer {
    private static final int ALL_PAGES = (int) ((1L << PageMap.PAGES_PER_CHUNK) - 1);
    private static final int WORTHWHILE_SHIFT =
            5; // a search that frees less than a 32nd of the slabs is not repeated soon

    private final Spans spans;
    private final Slabs slabs;
    private final PageSource source;
    private final CacheRegistry registry;
    private final Mutex visiting = new Mutex();
    private boolean skipSearch;
    private volatile long keepBytes;
    private final AtomicLong purgedBytes = new AtomicLong();

    Reclaimer(Spans spans, Slabs slabs, PageSource source, CacheRegistry registry) {
        this.spans = spans;
        this.slabs = slabs;
        this.source = source;
        this.registry = registry;
    }

    /// What a heap's slabs hold.
    ///
    /// @param liveBlocks the blocks that are live
    /// @param liveBytes their sizes, in bytes
    /// @param sizeClasses the classes that have slabs
    public record Census(long liveBlocks, long liveBytes, List<SizeClassStatistics> sizeClasses) {}

    /// Sets how many bytes of free spans [#visitIdle] leaves; `Long.MAX_VALUE` turns its visits off.
    public void keep(long byteSize) {
        keepBytes = byteSize;
    }

    /// A visit by the purger: of what was free at the last visit too, or of all.
    void visitIdle(boolean all) {
        if (keepBytes < Long.MAX_VALUE) {
            visit(keepBytes, all);
        }
    }

    /// Makes spans of the empty slabs of all caches, because there is no span left and the heap would have to grow.
    /// Does nothing when another thread is at it, or when the last search was in vain.
    public void makeRoom() {
        if (!visiting.tryLock()) {
            return;
        }
        try {
            if (skipSearch) {
                skipSearch = false;
                return;
            }
            int[] seen = new int[1];
            int[] freed = new int[1];
            spans.forEachChunk(slab -> withOwner(slab, owner -> {
                seen[0]++;
                if (Slab.state(slab) != Slab.LEASED && Slab.isEmpty(slab) && owner.freePages(slab) == ALL_PAGES) {
                    retire(owner, slab);
                    freed[0]++;
                }
            }));
            skipSearch = freed[0] < seen[0] >>> WORTHWHILE_SHIFT;
        } finally {
            visiting.unlock();
        }
    }

    /// Visits everything once: what was free at the last visit too, or `all` that is free, goes back to the kernel,
    /// but for `keepBytes` of free spans. Returns how many bytes went back.
    public long visit(long keepBytes, boolean all) {
        Purger.revive();
        visiting.lock();
        try {
            registry.unleaseIdle(all);
            long[] purged = new long[1];
            spans.forEachChunk(slab -> withOwner(slab, owner -> purged[0] += visitSlab(owner, slab, all)));
            purged[0] += spans.purge(keepBytes, all);
            purgedBytes.addAndGet(purged[0]);
            return purged[0];
        } finally {
            visiting.unlock();
        }
    }

    private interface SlabVisitor {
        void visit(ThreadCache owner);
    }

    /// Calls `visitor` under the lock of the cache that owns `slab`, if the record is one of a slab.
    private static void withOwner(long slab, SlabVisitor visitor) {
        int tag = Slab.tag(slab);
        ThreadCache owner = CacheTags.get(tag);
        if (owner == null) {
            return;
        }
        owner.lock().lock();
        try {
            if (Slab.tag(slab) == tag) {
                visitor.visit(owner);
            }
        } finally {
            owner.lock().unlock();
        }
    }

    private long visitSlab(ThreadCache owner, long slab, boolean all) {
        if (Slab.state(slab) == Slab.LEASED) {
            return 0;
        }
        int free = owner.freePages(slab);
        int seen = all ? free : free & Slab.seenPages(slab);
        Slab.putSeenPages(slab, free);
        if (seen == ALL_PAGES) {
            retire(owner, slab);
            return 0;
        }
        int purged = Slab.purgedPages(slab);
        int done = purgePages(Slab.base(slab), seen & ~purged);
        Slab.putPurgedPages(slab, purged | done);
        return (long) Integer.bitCount(done) << PageMap.PAGE_SHIFT;
    }

    /// Gives the pages in `pages` back, one call for each run of them. Returns those that went.
    private int purgePages(long base, int pages) {
        int done = 0;
        int rest = pages;
        while (rest != 0) {
            int from = Integer.numberOfTrailingZeros(rest);
            int count = Integer.numberOfTrailingZeros(~(rest >>> from));
            int run = (int) (((1L << count) - 1) << from);
            long address = base + ((long) from << PageMap.PAGE_SHIFT);
            if (source.purge(address, (long) count << PageMap.PAGE_SHIFT) == 0) {
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
        slabs.freeSlab(slab);
    }

    /// Counts what the slabs hold: exact while nobody allocates or frees.
    public Census census() {
        return census(0, 0);
    }

    /// As [#census()], counting `spareBlocks` of a size class as free: the heap's own, which it uses for nothing.
    public Census census(int spareClass, int spareBlocks) {
        long[] slabCounts = new long[SizeClasses.COUNT];
        long[] liveCounts = new long[SizeClasses.COUNT];
        visiting.lock();
        try {
            spans.forEachChunk(slab -> withOwner(slab, owner -> {
                slabCounts[Slab.sizeClass(slab)]++;
                liveCounts[Slab.sizeClass(slab)] += Slab.liveCount(slab);
            }));
        } finally {
            visiting.unlock();
        }
        liveCounts[spareClass] -= Math.min(spareBlocks, liveCounts[spareClass]);
        List<SizeClassStatistics> sizeClasses = new ArrayList<>();
        long liveBytes = 0;
        for (int sizeClass = 0; sizeClass < SizeClasses.COUNT; sizeClass++) {
            long slabCount = slabCounts[sizeClass];
            if (slabCount > 0) {
                long live = liveCounts[sizeClass];
                int blockBytes = SizeClasses.blockBytes(sizeClass);
                long free = slabCount * SizeClasses.capacity(sizeClass) - live;
                sizeClasses.add(new SizeClassStatistics(blockBytes, slabCount, live, free));
                liveBytes += live * blockBytes;
            }
        }
        return new Census(LongStream.of(liveCounts).sum(), liveBytes, List.copyOf(sizeClasses));
    }

    /// Bytes that visits have given back to the kernel, in all.
    public long purgedBytes() {
        return purgedBytes.get();
    }

    /// Checks every record, slab, list and region while no thread uses the heap; throws [AssertionError] on the
    /// first invariant that does not hold.
    public void verify() {
        visiting.lock();
        try {
            int[] held = new int[1];
            spans.forEachChunk(slab -> withOwner(slab, owner -> {
                if (owner.registry() != registry) {
                    throw new AssertionError("a slab in this heap's region belongs to another heap");
                }
                Slab.verify(slab);
                held[0] += Slab.state(slab) == Slab.FULL ? 0 : 1;
            }));
            if (registry.verify() != held[0]) {
                throw new AssertionError("leased and available slabs are not those that the caches hold");
            }
            spans.verify();
            PageMap.main().verify();
        } finally {
            visiting.unlock();
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
