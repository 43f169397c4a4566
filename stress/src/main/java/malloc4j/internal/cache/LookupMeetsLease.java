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

/// Two threads allocate twice, as a heap does, from caches that they lease at the same time: each finds its own cache,
/// without a lock, and stays with it.
@JCStressTest
@Outcome(id = "own, own", expect = ACCEPTABLE, desc = "Each found its own cache.")
@Outcome(expect = FORBIDDEN, desc = "A thread found a foreign cache, or leased a second.")
@State
public class LookupMeetsLease {
    private static final int SIZE_CLASS = 0;

    private final CacheRegistry registry = Parts.registry();
    private long block1;
    private long block2;

    @Actor
    public void first(LL_Result result) {
        block1 = allocate();
        result.r1 = again(block1);
    }

    @Actor
    public void second(LL_Result result) {
        block2 = allocate();
        result.r2 = again(block2);
    }

    private long allocate() {
        long address = registry.table().allocateBlock(SizeClasses.blockBytes(SIZE_CLASS));
        return address >= 0 ? address : registry.allocateBlock(SIZE_CLASS);
    }

    private String again(long block) {
        ThreadCache cache = registry.current();
        if (cache != null && cache.thread != Thread.currentThread()) {
            return "foreign";
        }
        return ChunkMap.record(allocate()) == ChunkMap.record(block) ? "own" : "second";
    }

    @Arbiter
    public void end() {
        free(block1);
        if (ChunkMap.record(block2) != ChunkMap.record(block1)) {
            free(block2);
        }
        registry.close();
        registry.freeTags();
    }

    private static void free(long block) {
        long slab = ChunkMap.record(block);
        ThreadCache owner = ThreadCache.TAGS.get(Slab.tag(slab));
        if (owner != null) {
            Parts.freeSlab(owner, slab);
        }
    }
}
