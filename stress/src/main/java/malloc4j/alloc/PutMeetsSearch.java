package malloc4j.alloc;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.IZI_Result;

/// A block is freed while another thread searches the chunk, finds its word empty and clears the summary bit:
/// whoever searches afterwards finds the block.
@JCStressTest
@Outcome(id = "-1, true, 0", expect = ACCEPTABLE, desc = "The search was over before the block was freed.")
@Outcome(id = "0, true, 0", expect = ACCEPTABLE, desc = "The search found the block.")
@Outcome(expect = FORBIDDEN, desc = "The block is free and no search finds it.")
@State
public class PutMeetsSearch {
    private final BlockChunk chunk = new BlockChunk(64, 1, 16);

    public PutMeetsSearch() {
        chunk.take(0); // the summary still mentions the word
    }

    @Actor
    public void searcher(IZI_Result result) {
        result.r1 = chunk.find(0);
    }

    @Actor
    public void freer(IZI_Result result) {
        result.r2 = chunk.putShared(0);
    }

    @Arbiter
    public void end(IZI_Result result) {
        result.r3 = chunk.find(0);
    }
}
