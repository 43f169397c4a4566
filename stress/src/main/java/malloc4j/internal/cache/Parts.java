package malloc4j.internal.cache;

import malloc4j.internal.os.ProcessBarrier;
import malloc4j.internal.region.Budget;
import malloc4j.internal.region.Ground;
import malloc4j.internal.region.MmapSource;
import malloc4j.internal.region.PageGeometry;
import malloc4j.internal.region.PageSource;
import malloc4j.internal.slab.SizeClasses;
import malloc4j.internal.slab.Slab;
import malloc4j.internal.slab.Slabs;
import malloc4j.internal.span.Spans;

/// What lies below the caches of the tests: one heap's spans over mmap, without a purger.
final class Parts {
    static final int HEAP_ID = 1;
    private static final PageSource SOURCE = new MmapSource(Ground.process(), MmapSource.Pages.DEFAULT);
    private static final Spans SPANS = new Spans(SOURCE, new Budget(null, Long.MAX_VALUE, Long.MAX_VALUE), HEAP_ID);
    private static final Slabs SLABS = new Slabs(SPANS, HEAP_ID);
    private static final ProcessBarrier BARRIER =
            new ProcessBarrier(Ground.process().calls());
    private static final int LARGE_PAGES = 1 + (int) (SizeClasses.MAX_SMALL_BYTES / PageGeometry.PAGE_BYTES);

    private Parts() {}

    static CacheRegistry registry() {
        return new CacheRegistry(SLABS, SPANS, BARRIER, false);
    }

    private static void noRoom() {}

    /// A cache that its tag leads to, and no thread.
    static ThreadCache cache() {
        int tag = ThreadCache.TAGS.next();
        ThreadCache cache = new ThreadCache(tag, SLABS, Parts::noRoom, Sampling.NONE);
        ThreadCache.TAGS.put(tag, cache);
        return cache;
    }

    /// Gives a cache's number back, whose slabs are freed.
    static void release(ThreadCache cache) {
        cache.forget();
        ThreadCache.TAGS.free(cache.tag());
    }

    /// A stock for blocks of the cache with number `tag`, whose owner is no thread: the short way is open to id 0.
    static LargeStock stock(int tag) {
        return new LargeStock(tag, SPANS, BARRIER, Sampling.NONE);
    }

    /// A live large block of that cache.
    static long largeBlock(int tag) {
        return SPANS.allocateLarge(LARGE_PAGES, 1, true, tag);
    }

    static long largeBytes() {
        return LARGE_PAGES * PageGeometry.PAGE_BYTES;
    }

    static ProcessBarrier barrier() {
        return BARRIER;
    }

    /// How often the owner gets a block out of its stock now, which then goes back to the spans.
    static int takeAll(LargeStock stock, long block) {
        int count = 0;
        while (stock.takeSlow(LargeStock.NOBODY, LARGE_PAGES) == block) {
            count++;
        }
        if (count > 0) {
            SPANS.endLarge(block, false);
        }
        return count;
    }

    static void drain(ThreadCache cache) {
        cache.lock().lock();
        try {
            cache.drainPending();
        } finally {
            cache.lock().unlock();
        }
    }

    /// Frees a real slab with whatever is live in it; it must be in no queue.
    static void freeSlab(ThreadCache cache, long slab) {
        cache.lock().lock();
        try {
            SLABS.freeSlab(slab);
        } finally {
            cache.lock().unlock();
        }
    }

    /// What the owner will find of a block that was freed remotely into a slab without free blocks, when it looks
    /// next: it is `collected`, the slab is `listed` or still `leased` with the block signalled, or the block is
    /// `lost`.
    static String outlook(long slab, int index) {
        if ((Slab.freeWord(Slab.pair(slab, 0)) & 1L << index) != 0) {
            return "collected";
        }
        if (!Slab.hasRemote(slab)) {
            return "lost";
        }
        return switch (Slab.state(slab)) {
            case Slab.LEASED -> "leased";
            case Slab.AVAILABLE -> "listed";
            default -> "lost";
        };
    }
}
