package malloc4j.internal.cache;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.LLL_Result;

/// Two threads, neither the owner, free the same live block by the short way: one is refused, and the block is free
/// once.
@JCStressTest
@Outcome(id = "true, false, free free", expect = ACCEPTABLE, desc = "The first actor came first.")
@Outcome(id = "false, true, free free", expect = ACCEPTABLE, desc = "The second actor came first.")
@Outcome(expect = FORBIDDEN, desc = "Both freed it, nobody did, or a block is lost.")
@State
public class TwoThreadsFreeOneBlockElsewhere {
    private final TwoBlocks blocks = new TwoBlocks();

    @Actor
    public void first(LLL_Result result) {
        result.r1 = blocks.freeElsewhere();
    }

    @Actor
    public void second(LLL_Result result) {
        result.r2 = blocks.freeElsewhere();
    }

    @Arbiter
    public void end(LLL_Result result) {
        result.r3 = blocks.end();
    }
}
