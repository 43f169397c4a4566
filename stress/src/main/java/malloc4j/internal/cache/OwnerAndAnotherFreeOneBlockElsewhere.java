package malloc4j.internal.cache;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE_INTERESTING;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.LLL_Result;

/// The owner and another thread free one live block, the other by the short way. The owner writes without an atomic
/// operation, so both may pass: the documented limit of the check. The block is free once all the same.
@JCStressTest
@Outcome(id = "true, false, free free", expect = ACCEPTABLE, desc = "The other thread was refused.")
@Outcome(id = "false, true, free free", expect = ACCEPTABLE, desc = "The owner was refused.")
@Outcome(
        id = "true, true, free free",
        expect = ACCEPTABLE_INTERESTING,
        desc = "Both passed; their bits met in collect.")
@Outcome(expect = FORBIDDEN, desc = "Both were refused, or a block is not free, or its word not signalled.")
@State
public class OwnerAndAnotherFreeOneBlockElsewhere {
    private final TwoBlocks blocks = new TwoBlocks();

    @Actor
    public void owner(LLL_Result result) {
        result.r1 = blocks.cache.freeBlock(blocks.slab, blocks.block);
    }

    @Actor
    public void other(LLL_Result result) {
        result.r2 = blocks.freeElsewhere();
    }

    @Arbiter
    public void end(LLL_Result result) {
        result.r3 = blocks.end();
    }
}
