package malloc4j.internal.slab;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.LLL_Result;

/// A block is freed remotely into a word that the owner is collecting because of another block. Between the freer's
/// OR and its last look the owner may have moved the bit to `free`: that is no double free.
@JCStressTest
@Outcome(id = "FREED, free, free", expect = ACCEPTABLE, desc = "The word was not empty: the owner takes both.")
@Outcome(id = "FREED_FIRST, free, free", expect = ACCEPTABLE, desc = "The owner had emptied the word.")
@Outcome(id = "REFUSED, .*", expect = FORBIDDEN, desc = "A correct free was taken for a double free.")
@Outcome(expect = FORBIDDEN, desc = "A block is lost, free twice, or not signalled.")
@State
public class LaterFreeMeetsCollect {
    private final long slab = Records.leased(1, 2);

    public LaterFreeMeetsCollect() {
        Slab.freeRemote(slab, 1);
    }

    @Actor
    public void freer(LLL_Result result) {
        result.r1 = Slab.freeRemote(slab, 0);
    }

    @Actor
    public void owner() {
        Slab.ownerCollect(slab);
    }

    @Arbiter
    public void end(LLL_Result result) {
        result.r2 = Records.whereCollected(slab, 0);
        result.r3 = Records.where(slab, 1);
        Records.give(slab);
    }
}
