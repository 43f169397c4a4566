package malloc4j.internal.slab;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.LLL_Result;

/// A second free of block 0 is refused and undoes its bit while block 1, in the same word, is freed correctly.
/// Whoever frees block 1 must not take the bit about to be undone for somebody's who signals the word: the block
/// would never be collected, and no later one of its word either.
@JCStressTest
@Outcome(id = "REFUSED, FREED_FIRST, free", expect = ACCEPTABLE, desc = "The freer of block 1 found the word empty.")
@Outcome(id = "REFUSED_FIRST, FREED, free", expect = ACCEPTABLE, desc = "It did not: the refused one tells the owner.")
@Outcome(id = ".*unsignalled", expect = FORBIDDEN, desc = "Block 1 waits in a word that nobody will collect.")
@Outcome(expect = FORBIDDEN, desc = "A double free passed, or a correct one was refused.")
@State
public class RefusalMeetsFreeOfNeighbour {
    private final long slab = Records.leased(1, 2);

    public RefusalMeetsFreeOfNeighbour() {
        Slab.freeRemote(slab, 0);
    }

    @Actor
    public void freerOfFreed(LLL_Result result) {
        result.r1 = Slab.freeRemote(slab, 0);
    }

    /// The owner's thread takes this way too when its cache is not at its table index.
    @Actor
    public void ownerThenFreerOfNeighbour(LLL_Result result) {
        Slab.ownerCollect(slab);
        result.r2 = Slab.freeRemote(slab, 1);
    }

    @Arbiter
    public void end(LLL_Result result) {
        result.r3 = Records.whereCollected(slab, 1);
        Records.give(slab);
    }
}
