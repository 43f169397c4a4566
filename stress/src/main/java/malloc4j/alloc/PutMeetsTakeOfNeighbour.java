package malloc4j.alloc;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.IZI_Result;

/// A thread takes a block while another frees its neighbour in the same word: neither change is lost. The taker
/// gets whichever is free.
@JCStressTest
@Outcome(id = "1, true, 1", expect = ACCEPTABLE, desc = "It took the one that was free before.")
@Outcome(id = "0, true, 1", expect = ACCEPTABLE, desc = "It took the one that was freed just before.")
@Outcome(expect = FORBIDDEN, desc = "A block is lost, free twice, or a correct free was refused.")
@State
public class PutMeetsTakeOfNeighbour {
    private final BlockChunk chunk = new BlockChunk(64, 2, 16);

    public PutMeetsTakeOfNeighbour() {
        chunk.take(0);
    }

    @Actor
    public void taker(IZI_Result result) {
        result.r1 = chunk.takeShared(0);
    }

    @Actor
    public void freer(IZI_Result result) {
        result.r2 = chunk.putShared(0);
    }

    @Arbiter
    public void end(IZI_Result result) {
        result.r3 = chunk.freeCount();
    }
}
