package malloc4j.internal.slab;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.LLL_Result;

/// A second free is refused while the owner collects the first, uses the block up and puts the slab away as full,
/// unless it sees a signal. If the refusal leaves a signal behind, somebody has to be told: the next correct free
/// of a block would not be the first, and nobody would queue the slab ever.
@JCStressTest
@Outcome(id = "REFUSED, full, FREED_FIRST", expect = ACCEPTABLE, desc = "No signal was left: the next free queues.")
@Outcome(id = "REFUSED, listed, .*", expect = ACCEPTABLE, desc = "A signal was left, and the owner saw it.")
@Outcome(id = "REFUSED_FIRST, .*", expect = ACCEPTABLE, desc = "A signal was left, and the refused one queues.")
@Outcome(id = "REFUSED, full, FREED", expect = FORBIDDEN, desc = "The slab is full for ever.")
@Outcome(expect = FORBIDDEN, desc = "A double free passed, or a correct one was refused.")
@State
public class RefusalMeetsExhaustion {
    private final long slab = Records.leased(1, 2);

    public RefusalMeetsExhaustion() {
        Slab.freeRemote(slab, 0);
    }

    @Actor
    public void freerOfFreed(LLL_Result result) {
        result.r1 = Slab.freeRemote(slab, 0);
    }

    @Actor
    public void owner(LLL_Result result) {
        Slab.ownerCollect(slab);
        result.r2 = Slab.hasRemote(slab) ? "listed" : "full";
    }

    @Arbiter
    public void nextFreer(LLL_Result result) {
        result.r3 = Slab.freeRemote(slab, 1);
        Records.give(slab);
    }
}
