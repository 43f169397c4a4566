package malloc4j.internal.cache;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import malloc4j.internal.span.LargeBlock;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.LLL_Result;

/// Two threads free a large block that neither owns: one is refused, and the owner collects the block once.
@JCStressTest
@Outcome(
        id = {"true, false, 1", "false, true, 1"},
        expect = ACCEPTABLE,
        desc = "One was refused.")
@Outcome(expect = FORBIDDEN, desc = "Both passed, or none, or the block is free never, or twice.")
@State
public class TwoThreadsFreeOneLargeBlock {
    private final ThreadCache cache = Parts.cache();
    private final LargeStock stock = Parts.stock(cache.tag());
    private final long block = Parts.largeBlock(cache.tag());

    @Actor
    public void one(LLL_Result result) {
        result.r1 = free();
    }

    @Actor
    public void another(LLL_Result result) {
        result.r2 = free();
    }

    private boolean free() {
        long entry = LargeBlock.entry(block);
        return stock.putRemote(block, entry, LargeBlock.word(entry));
    }

    @Arbiter
    public void end(LLL_Result result) {
        result.r3 = Parts.takeAll(stock, block);
        Parts.release(cache);
    }
}
