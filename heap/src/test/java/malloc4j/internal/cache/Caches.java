package malloc4j.internal.cache;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.function.LongSupplier;
import malloc4j.internal.os.ProcessBarrier;
import malloc4j.internal.region.Budget;
import malloc4j.internal.region.ChunkMap;
import malloc4j.internal.region.Ground;
import malloc4j.internal.region.MmapSource;
import malloc4j.internal.region.PageSource;
import malloc4j.internal.slab.SizeClasses;
import malloc4j.internal.slab.Slab;
import malloc4j.internal.slab.Slabs;
import malloc4j.internal.span.Spans;

/// The caches of a heap, and what is below them, on mapped memory.
final class Caches implements AutoCloseable {
    private static final int HEAP_ID = 1 << 20; // no heap of another test has it

    final Budget budget = new Budget(null, Long.MAX_VALUE, Long.MAX_VALUE);
    final Spans spans;
    final CacheRegistry registry;
    final Reclaimer reclaimer;
    boolean torn; // whether a call was made to look as if an error had ended it

    Caches() {
        this(HEAP_ID);
    }

    Caches(int heapId) {
        this(heapId, new MmapSource(Ground.process(), MmapSource.Pages.DEFAULT));
    }

    Caches(int heapId, PageSource source) {
        spans = new Spans(source, budget, heapId);
        Slabs slabs = new Slabs(spans, heapId);
        ProcessBarrier barrier = new ProcessBarrier(Ground.process().calls());
        registry = new CacheRegistry(slabs, spans, barrier, false);
        reclaimer = new Reclaimer(spans, slabs, source, registry);
    }

    /// As [malloc4j.Heap] allocates.
    long allocate(int sizeClass) {
        long address = registry.table().allocateBlock(SizeClasses.blockBytes(sizeClass));
        if (address < 0) {
            ThreadCache cache = registry.current();
            address = cache != null ? cache.allocateBlock(sizeClass) : registry.allocateBlock(sizeClass);
        }
        assertThat(address).isPositive();
        return address;
    }

    /// As [malloc4j.Heap] frees. Returns false when the block is refused.
    boolean free(long address) {
        if (registry.table().freeBlock(address)
                || registry.table().freeElsewhere(address)
                || registry.freeUncached(address)) {
            return true;
        }
        ThreadCache cache = registry.currentToFree();
        long slab = ChunkMap.record(address);
        if (cache != null && Slab.tag(slab) == cache.tag()) {
            return cache.freeBlock(slab, address);
        }
        int sizeClass = Slab.sizeClass(slab);
        boolean freed = CacheRegistry.freeRemote(slab, address);
        if (freed) {
            registry.noteFreedRemote(cache, sizeClass);
        }
        return freed;
    }

    long slabCount() {
        return reclaimer.census().sizeClasses().stream()
                .mapToLong(each -> each.slabCount())
                .sum();
    }

    long liveBlocks() {
        return reclaimer.census().liveBlocks();
    }

    void verify() {
        reclaimer.verify();
        if (!torn) {
            reclaimer.verifyCounts();
        }
    }

    static long inThread(LongSupplier task) throws InterruptedException {
        long[] result = new long[1];
        Thread thread = Thread.ofPlatform().start(() -> result[0] = task.getAsLong());
        thread.join();
        return result[0];
    }

    @Override
    public void close() {
        verify();
        assertThat(reclaimer.close()).isZero();
        assertThat(budget.usedBytes()).isZero();
    }
}
