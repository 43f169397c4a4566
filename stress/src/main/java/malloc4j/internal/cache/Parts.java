package malloc4j.internal.cache;

import malloc4j.internal.region.Budget;
import malloc4j.internal.region.Ground;
import malloc4j.internal.region.MmapSource;
import malloc4j.internal.region.PageSource;
import malloc4j.internal.slab.Slab;
import malloc4j.internal.slab.Slabs;
import malloc4j.internal.span.Spans;

/// What lies below the caches of the tests: one heap's spans over mmap, without a purger.
final class Parts {
    private static final int HEAP_ID = 1;
    private static final PageSource SOURCE = new MmapSource(Ground.process(), MmapSource.Pages.DEFAULT);
    private static final Spans SPANS = new Spans(SOURCE, new Budget(null, Long.MAX_VALUE, Long.MAX_VALUE), HEAP_ID);
    private static final Slabs SLABS = new Slabs(SPANS, HEAP_ID);
    private static final CacheRegistry REGISTRY = registry();

    private Parts() {}

    static CacheRegistry registry() {
        return new CacheRegistry(SLABS, SPANS, SOURCE, false);
    }

    /// A cache that its tag leads to, and no thread.
    static ThreadCache cache() {
        int tag = CacheTags.PROCESS.next();
        ThreadCache cache = new ThreadCache(tag, REGISTRY, SLABS);
        CacheTags.PROCESS.put(tag, cache);
        return cache;
    }

    /// Gives a cache's number back, whose slabs are freed.
    static void release(ThreadCache cache) {
        cache.forget();
        CacheTags.PROCESS.free(cache.tag());
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
