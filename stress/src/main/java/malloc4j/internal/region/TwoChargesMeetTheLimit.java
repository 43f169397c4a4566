package malloc4j.internal.region;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.LLLL_Result;

/// Two threads charge 60 bytes each where the hard limit is 100 and the soft mark 50: one passes, and then more is used
/// than the mark.
@JCStressTest
@Outcome(id = "true, false, 60, true", expect = ACCEPTABLE, desc = "The first actor came first.")
@Outcome(id = "false, true, 60, true", expect = ACCEPTABLE, desc = "The second actor came first.")
@Outcome(expect = FORBIDDEN, desc = "Both passed, neither did, bytes are lost, or the mark is not seen.")
@State
public class TwoChargesMeetTheLimit {
    private final Budget budget = new Budget(null, 50, 100);

    @Actor
    public void first(LLLL_Result result) {
        result.r1 = budget.charge(60);
    }

    @Actor
    public void second(LLLL_Result result) {
        result.r2 = budget.charge(60);
    }

    @Arbiter
    public void end(LLLL_Result result) {
        result.r3 = budget.usedBytes();
        result.r4 = budget.isAboveSoft();
    }
}
