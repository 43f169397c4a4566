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

/// The owner of a large block and another thread free it. The owner writes without an atomic operation, so both may
/// pass: the documented limit of the check. The block is in the stock once all the same.
@JCStressTest
@Outcome(id = "true, false, 1", expect = ACCEPTABLE, desc = "The other thread was refused.")
@Outcome(id = "false, true, 1", expect = ACCEPTABLE, desc = "The owner was refused.")
@Outcome(id = "true, true, 1", expect = ACCEPTABLE_INTERESTING, desc = "Both passed; the letter found it stocked.")
@Outcome(expect = FORBIDDEN, desc = "Both were refused, or the block is free never, or twice.")
@State
public class OwnerAndAnotherFreeOneLargeBlock {
    private final ThreadCache cache = Parts.cache();
    private final LargeStock stock = Parts.stock(cache.tag());
    private final long block = Parts.largeBlock(cache.tag());

    @Actor
    public void owner(LLL_Result result) {
        result.r1 = stock.put(LargeStock.NOBODY, block);
    }

    @Actor
    public void other(LLL_Result result) {
        long entry = LargeBlock.entry(block);
        result.r2 = stock.putRemote(block, entry, LargeBlock.word(entry));
    }

    @Arbiter
    public void end(LLL_Result result) {
        result.r3 = Parts.takeAll(stock, block);
        Parts.release(cache);
    }
}
