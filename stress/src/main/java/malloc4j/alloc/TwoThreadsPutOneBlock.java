package malloc4j.alloc;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.ZZI_Result;

/// Two threads free the same live block of a pool: one is refused, and the block is free once.
@JCStressTest
@Outcome(id = "true, false, 1", expect = ACCEPTABLE, desc = "The first actor's OR came first.")
@Outcome(id = "false, true, 1", expect = ACCEPTABLE, desc = "The second actor's OR came first.")
@Outcome(expect = FORBIDDEN, desc = "Both freed it, or nobody did.")
@State
public class TwoThreadsPutOneBlock {
    private final BlockChunk chunk = new BlockChunk(64, 1, 16);

    public TwoThreadsPutOneBlock() {
        chunk.take(0);
    }

    @Actor
    public void first(ZZI_Result result) {
        result.r1 = chunk.putShared(0);
    }

    @Actor
    public void second(ZZI_Result result) {
        result.r2 = chunk.putShared(0);
    }

    @Arbiter
    public void end(ZZI_Result result) {
        result.r3 = chunk.freeCount();
    }
}
