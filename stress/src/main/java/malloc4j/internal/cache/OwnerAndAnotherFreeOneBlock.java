package malloc4j.internal.cache;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE_INTERESTING;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import malloc4j.internal.slab.Records;
import malloc4j.internal.slab.Slab;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.LLL_Result;

/// The owner and another thread free one live block. The owner writes without an atomic operation, so both may
/// pass: the documented limit of the check. The block is free once all the same.
@JCStressTest
@Outcome(id = "true, false, free", expect = ACCEPTABLE, desc = "The other thread was refused.")
@Outcome(id = "false, true, free", expect = ACCEPTABLE, desc = "The owner was refused.")
@Outcome(id = "true, true, free", expect = ACCEPTABLE_INTERESTING, desc = "Both passed; their bits met in collect.")
@Outcome(expect = FORBIDDEN, desc = "Both were refused, or the block is not free, or its word not signalled.")
@State
public class OwnerAndAnotherFreeOneBlock {
    private final ThreadCache cache = Parts.cache();
    private final long slab = Records.leased(cache.tag(), 1);

    @Actor
    public void owner(LLL_Result result) {
        result.r1 = cache.freeBlock(slab, 0);
    }

    @Actor
    public void other(LLL_Result result) {
        result.r2 = ThreadCache.freeRemote(slab, 0);
    }

    @Arbiter
    public void end(LLL_Result result) {
        Parts.drain(cache);
        Slab.ownerCollect(slab);
        result.r3 = Records.where(slab, 0);
        Records.give(slab);
        Parts.release(cache);
    }
}
