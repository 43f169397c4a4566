package malloc4j.internal.cache;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE_INTERESTING;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import malloc4j.internal.span.LargeBlock;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.LLL_Result;

/// The owner frees a large block and takes it again, while another thread frees what it thinks is the first one: the
/// mark it makes is of the first life, or of the second, and the block is live, or free once.
@JCStressTest
@Outcome(id = "true, false, 0", expect = ACCEPTABLE, desc = "The other was refused, and the owner has the block again.")
@Outcome(
        id = "true, true, 0",
        expect = ACCEPTABLE_INTERESTING,
        desc = "Both passed, and the owner has the block again.")
@Outcome(id = "true, true, 1", expect = ACCEPTABLE, desc = "The other freed the second life, or took the block along.")
@Outcome(id = "true, false, 1", expect = ACCEPTABLE, desc = "The other was refused; the owner's take saw its mark.")
@Outcome(id = "false, true, 1", expect = ACCEPTABLE, desc = "The owner was refused.")
@Outcome(expect = FORBIDDEN, desc = "The block is lost, or had twice.")
@State
public class OwnerCyclesALargeBlockThatAnotherFrees {
    private final ThreadCache cache = Parts.cache();
    private final LargeStock stock = Parts.stock(cache.tag());
    private final long block = Parts.largeBlock(cache.tag());
    private final long bytes = Parts.largeBytes();
    private boolean taken;

    @Actor
    public void owner(LLL_Result result) {
        result.r1 = stock.put(LargeStock.NOBODY, block);
        taken = stock.take(LargeStock.NOBODY, bytes) == block;
    }

    @Actor
    public void other(LLL_Result result) {
        long entry = LargeBlock.entry(block);
        result.r2 = stock.putRemote(block, entry, LargeBlock.word(entry));
    }

    @Arbiter
    public void end(LLL_Result result) {
        int count = Parts.takeAll(stock, block);
        result.r3 = count;
        if (count == 0 && taken) {
            boolean unused = stock.put(LargeStock.NOBODY, block);
            if (Parts.takeAll(stock, block) != 1) {
                result.r3 = "lost";
            }
        } else if (count == 0) {
            result.r3 = "lost";
        }
        Parts.release(cache);
    }
}
