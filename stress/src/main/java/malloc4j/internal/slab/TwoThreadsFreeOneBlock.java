package malloc4j.internal.slab;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.LLL_Result;

/// Two threads, neither the owner, free the same live block: one is refused, and the block is free once.
@JCStressTest
@Outcome(id = "FREED_FIRST, REFUSED, free", expect = ACCEPTABLE, desc = "The first actor's OR came first.")
@Outcome(id = "REFUSED, FREED_FIRST, free", expect = ACCEPTABLE, desc = "The second actor's OR came first.")
@Outcome(expect = FORBIDDEN, desc = "Both freed it, nobody did, or nobody has to tell the owner.")
@State
public class TwoThreadsFreeOneBlock {
    private final long slab = Records.leased(1, 1);

    @Actor
    public void first(LLL_Result result) {
        result.r1 = Slab.freeRemote(slab, 0);
    }

    @Actor
    public void second(LLL_Result result) {
        result.r2 = Slab.freeRemote(slab, 0);
    }

    @Arbiter
    public void end(LLL_Result result) {
        result.r3 = Records.whereCollected(slab, 0);
        Records.give(slab);
    }
}
