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

/// The owner's leased slab is used up. While it looks for remote frees, finds none and goes to put the slab away,
/// one happens, and a visitor that holds the lock drains the queue: the slab is leased, so the visitor does not
/// list it. Then the owner has to.
///
/// The free happens in the visitor's thread and under the lock, which a free does not need: so two actors do for
/// three.
@JCStressTest
@Outcome(id = "true, collected", expect = ACCEPTABLE, desc = "The owner collected it before it put the slab away.")
@Outcome(id = "true, leased", expect = ACCEPTABLE, desc = "The owner went on with the slab.")
@Outcome(id = "true, reused", expect = ACCEPTABLE, desc = "The owner took the very block again.")
@Outcome(id = "true, listed", expect = ACCEPTABLE, desc = "The owner finds the slab in its list.")
@Outcome(id = "false, .*", expect = FORBIDDEN, desc = "A correct free was taken for a double free.")
@Outcome(expect = FORBIDDEN, desc = "The slab is full for ever, though a block in it is free.")
@State
public class ExhaustionMeetsVisitor {
    private static final int LARGEST = SizeClasses.of(SizeClasses.MAX_SMALL_BYTES); // two blocks a slab

    private final ThreadCache cache = Parts.cache();
    private final long block = cache.allocateBlock(LARGEST);
    private final long slab = ChunkMap.record(block);
    private long taken;

    public ExhaustionMeetsVisitor() {
        cache.allocateBlock(LARGEST);
    }

    @Actor
    public void owner() {
        taken = cache.allocateBlock(LARGEST);
    }

    @Actor
    public void freerAndVisitor(LL_Result result) {
        cache.lock().lock();
        try {
            result.r1 = ThreadCache.freeRemote(slab, block);
            cache.drainPending();
        } finally {
            cache.lock().unlock();
        }
    }

    @Arbiter
    public void end(LL_Result result) {
        Parts.drain(cache);
        result.r2 = taken == block ? "reused" : Parts.outlook(slab, Slab.index(product()));
        Parts.freeSlab(cache, slab);
        if (ChunkMap.record(taken) != slab) {
            Parts.freeSlab(cache, ChunkMap.record(taken));
        }
        Parts.release(cache);
    }

    private long product() {
        return Slab.product(block, Slab.reciprocal(slab));
    }
}
