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
import org.openjdk.jcstress.infra.results.LL_Result;

/// A visitor claims a stock with the barrier of the whole process, while the owner, on its short way, puts a block in:
/// the visitor finds it, or the owner is stopped, or has put it in after the visit.
@JCStressTest
@Outcome(id = "true, 1", expect = ACCEPTABLE, desc = "The owner had put the block in.")
@Outcome(id = "false, 0", expect = ACCEPTABLE, desc = "The owner saw the claim.")
@Outcome(id = "true, 0", expect = ACCEPTABLE_INTERESTING, desc = "The owner put the block in after the visit.")
@Outcome(expect = FORBIDDEN, desc = "Both worked on the stock at once.")
@State
public class OwnerMeetsVisitor {
    private final ThreadCache cache = Parts.cache();
    private final LargeStock stock = Parts.stock(cache.tag());
    private final long block = Parts.largeBlock(cache.tag());

    @Actor
    public void owner(LL_Result result) {
        result.r1 = stock.put(LargeStock.NOBODY, block);
    }

    @Actor
    public void visitor(LL_Result result) {
        stock.claim();
        boolean reached = Parts.barrier().run();
        stock.awaitOwner();
        result.r2 = reached && stock.giveBack(true) ? 1 : 0;
        stock.unclaim();
    }

    @Arbiter
    public void end(LL_Result result) {
        stock.verify();
        boolean isThere = LargeBlock.tag(LargeBlock.word(LargeBlock.entry(block))) == cache.tag(); // not another test's
        if (isThere && result.r2.equals(1)) {
            result.r2 = "not gone";
        } else if (isThere && result.r1.equals(false)) {
            boolean unused = stock.put(LargeStock.NOBODY, block);
        }
        int unused = Parts.takeAll(stock, block);
        Parts.release(cache);
    }
}
