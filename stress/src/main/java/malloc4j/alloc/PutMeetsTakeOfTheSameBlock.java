package malloc4j.alloc;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.II_Result;

/// A thread writes into its block and frees it; the one that is given the block next sees what was written.
@JCStressTest
@Outcome(id = "-1, 0", expect = ACCEPTABLE, desc = "The block was not free yet.")
@Outcome(id = "0, 7", expect = ACCEPTABLE, desc = "The block was given on, with all that was written.")
@Outcome(expect = FORBIDDEN, desc = "The next holder sees the block as it was before the last one wrote.")
@State
public class PutMeetsTakeOfTheSameBlock {
    private final BlockChunk chunk = new BlockChunk(64, 1, 16);
    private int contents;

    public PutMeetsTakeOfTheSameBlock() {
        chunk.take(0);
    }

    @Actor
    public void holder() {
        contents = 7;
        chunk.putShared(0);
    }

    @Actor
    public void next(II_Result result) {
        result.r1 = chunk.takeShared(0);
        result.r2 = result.r1 < 0 ? 0 : contents;
    }
}
