package malloc4j.internal.cache;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import malloc4j.internal.region.ChunkMap;
import malloc4j.internal.slab.SizeClasses;
import malloc4j.internal.slab.Slab;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.LL_Result;

/// The owner frees a block of a slab that is not leased, and takes it again from its magazine, twice, while a visitor
/// asks which of the slab's pages it may give to the kernel. The block's page is never among them: it is live, or in
/// a slot.
@JCStressTest
@Outcome(id = "same, kept", expect = ACCEPTABLE, desc = "The visitor leaves the block's page alone.")
@Outcome(id = "same, busy", expect = ACCEPTABLE, desc = "The visitor leaves the slab to the next visit.")
@Outcome(id = "same, given", expect = FORBIDDEN, desc = "The visitor takes away the memory of a block in use.")
@Outcome(expect = FORBIDDEN, desc = "The owner did not get back what it freed.")
@State
public class PairMeetsVisitor {
    private static final int SIZE_CLASS = SizeClasses.of(SizeClasses.MAX_SMALL_BYTES); // two blocks a slab

    private final ThreadCache cache = Parts.cache();
    private final long block = cache.allocateBlock(SIZE_CLASS);
    private final long slab = ChunkMap.record(block);
    private final long other;

    public PairMeetsVisitor() {
        cache.allocateBlock(SIZE_CLASS);
        other = cache.allocateBlock(SIZE_CLASS); // of another slab: the first is leased no longer
    }

    @Actor
    public void owner(LL_Result result) {
        boolean same = true;
        for (int pair = 0; pair < 2; pair++) {
            cache.freeBlock(slab, block);
            same &= cache.allocateBlock(SIZE_CLASS) == block;
        }
        result.r1 = same ? "same" : "other";
    }

    @Actor
    public void visitor(LL_Result result) {
        cache.lock().lock();
        try {
            int pages = cache.freePages(slab);
            result.r2 = pages == Magazine.BUSY ? "busy" : (pages & Slab.pagesOf(slab, block)) == 0 ? "kept" : "given";
        } finally {
            cache.lock().unlock();
        }
    }

    @Arbiter
    public void end() {
        Parts.freeSlab(cache, slab);
        Parts.freeSlab(cache, ChunkMap.record(other));
        Parts.release(cache);
    }
}
