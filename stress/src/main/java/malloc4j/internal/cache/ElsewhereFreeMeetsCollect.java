package malloc4j.internal.cache;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import malloc4j.internal.slab.Slab;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.LL_Result;

/// A block is freed by the short way into a word that others have freed another block of, which the owner is
/// collecting. Between the compare-and-set and its last look the owner may have moved the bit to `free`: that is no
/// double free.
@JCStressTest
@Outcome(id = "true, free free", expect = ACCEPTABLE, desc = "The owner has both, by its first collecting or the next.")
@Outcome(id = "false, .*", expect = FORBIDDEN, desc = "A correct free was taken for a double free.")
@Outcome(expect = FORBIDDEN, desc = "A block is lost, free twice, or not signalled.")
@State
public class ElsewhereFreeMeetsCollect {
    private final TwoBlocks blocks = new TwoBlocks();

    @Actor
    public void freer(LL_Result result) {
        result.r1 = blocks.freeElsewhere();
    }

    @Actor
    public void owner() {
        Slab.ownerCollect(blocks.slab);
    }

    @Arbiter
    public void end(LL_Result result) {
        result.r2 = blocks.end();
    }
}
