package malloc4j.internal.cache;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import malloc4j.internal.slab.Records;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.LLLL_Result;

/// Two threads free a block each of two full slabs of one cache: the owner finds both slabs in its list.
@JCStressTest
@Outcome(id = "true, true, listed, listed", expect = ACCEPTABLE, desc = "Both were in the queue.")
@Outcome(expect = FORBIDDEN, desc = "A slab fell out of the queue, or a correct free was refused.")
@State
public class TwoSlabsAreQueued {
    private final ThreadCache cache = Parts.cache();
    private final long slab1 = Records.full(cache.tag());
    private final long slab2 = Records.full(cache.tag());

    @Actor
    public void first(LLLL_Result result) {
        result.r1 = ThreadCache.freeRemote(slab1, 0);
    }

    @Actor
    public void second(LLLL_Result result) {
        result.r2 = ThreadCache.freeRemote(slab2, 0);
    }

    @Arbiter
    public void end(LLLL_Result result) {
        Parts.drain(cache);
        result.r3 = Parts.outlook(slab1, 0);
        result.r4 = Parts.outlook(slab2, 0);
        Records.give(slab1);
        Records.give(slab2);
        Parts.release(cache);
    }
}
