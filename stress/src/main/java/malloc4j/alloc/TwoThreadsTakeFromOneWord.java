package malloc4j.alloc;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.III_Result;

/// Two threads take from a word that has two free blocks: each gets one of its own.
@JCStressTest
@Outcome(id = "0, 1, 0", expect = ACCEPTABLE, desc = "The first actor's compare-and-set came first.")
@Outcome(id = "1, 0, 0", expect = ACCEPTABLE, desc = "The second actor's compare-and-set came first.")
@Outcome(expect = FORBIDDEN, desc = "A block was given out twice, or lost.")
@State
public class TwoThreadsTakeFromOneWord {
    private final BlockChunk chunk = new BlockChunk(64, 2, 16);

    @Actor
    public void first(III_Result result) {
        result.r1 = chunk.takeShared(0);
    }

    @Actor
    public void second(III_Result result) {
        result.r2 = chunk.takeShared(0);
    }

    @Arbiter
    public void end(III_Result result) {
        result.r3 = chunk.freeCount();
    }
}
