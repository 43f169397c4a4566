package malloc4j.internal.slab;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.LLL_Result;

/// The first block of a word is freed remotely while the owner collects: the owner gets it now or at the next time.
@JCStressTest
@Outcome(id = "FREED_FIRST, true, free", expect = ACCEPTABLE, desc = "Signalled before the owner looked.")
@Outcome(id = "FREED_FIRST, false, free", expect = ACCEPTABLE, desc = "Signalled after the owner looked.")
@Outcome(expect = FORBIDDEN, desc = "A correct free was refused, or the block is lost, free twice, or not signalled.")
@State
public class FirstFreeMeetsCollect {
    private final long slab = Records.leased(1, 1);

    @Actor
    public void freer(LLL_Result result) {
        result.r1 = Slab.freeRemote(slab, 0);
    }

    @Actor
    public void owner(LLL_Result result) {
        result.r2 = Slab.ownerCollect(slab) >= 0;
    }

    @Arbiter
    public void end(LLL_Result result) {
        result.r3 = Records.whereCollected(slab, 0);
        Records.give(slab);
    }
}
