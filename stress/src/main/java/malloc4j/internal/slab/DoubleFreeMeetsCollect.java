package malloc4j.internal.slab;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.LL_Result;

/// A block that has been freed remotely is freed again while the owner moves its bit from one word to the other: it
/// has a bit in one of them at every moment, so the second free is refused.
@JCStressTest
@Outcome(id = "REFUSED, free", expect = ACCEPTABLE, desc = "The bit was seen in one word or the other.")
@Outcome(id = "REFUSED, .*", expect = FORBIDDEN, desc = "Refused, but it left a bit behind or took one away.")
@Outcome(expect = FORBIDDEN, desc = "The second free passed.")
@State
public class DoubleFreeMeetsCollect {
    private final long slab = Records.leased(1, 1);

    public DoubleFreeMeetsCollect() {
        Slab.freeRemote(slab, 0);
    }

    @Actor
    public void freer(LL_Result result) {
        result.r1 = Slab.freeRemote(slab, 0);
    }

    @Actor
    public void owner() {
        Slab.ownerCollect(slab);
    }

    @Arbiter
    public void end(LL_Result result) {
        result.r2 = Records.whereCollected(slab, 0);
        Records.give(slab);
    }
}
