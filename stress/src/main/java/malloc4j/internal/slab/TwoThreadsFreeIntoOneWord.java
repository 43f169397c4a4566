package malloc4j.internal.slab;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.LLLL_Result;

/// Two threads, neither the owner, free two blocks that share a word: both are freed, and exactly one of them has
/// to tell the owner.
@JCStressTest
@Outcome(id = "FREED_FIRST, FREED, free, free", expect = ACCEPTABLE, desc = "The first actor found the word empty.")
@Outcome(id = "FREED, FREED_FIRST, free, free", expect = ACCEPTABLE, desc = "The second actor found the word empty.")
@Outcome(expect = FORBIDDEN, desc = "A block was refused or lost, or the owner is told twice or never.")
@State
public class TwoThreadsFreeIntoOneWord {
    private final long slab = Records.leased(1, 2);

    @Actor
    public void first(LLLL_Result result) {
        result.r1 = Slab.freeRemote(slab, 0);
    }

    @Actor
    public void second(LLLL_Result result) {
        result.r2 = Slab.freeRemote(slab, 1);
    }

    @Arbiter
    public void end(LLLL_Result result) {
        result.r3 = Records.whereCollected(slab, 0);
        result.r4 = Records.where(slab, 1);
        Records.give(slab);
    }
}
