package malloc4j.internal.region;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.ZZL_Result;

/// A charge of 60 bytes meets the lowering of the hard limit from 100 to 50; another follows: the first passes or not,
/// a later one never does.
@JCStressTest
@Outcome(id = "true, false, 60", expect = ACCEPTABLE, desc = "The charge came first.")
@Outcome(id = "false, false, 0", expect = ACCEPTABLE, desc = "The limit came first.")
@Outcome(expect = FORBIDDEN, desc = "A charge passed the limit, or bytes are lost.")
@State
public class ChargeMeetsLowerLimit {
    private final Budget budget = new Budget(null, Long.MAX_VALUE, 100);

    @Actor
    public void charge(ZZL_Result result) {
        result.r1 = budget.charge(60);
    }

    @Actor
    public void lower() {
        budget.putHardBytes(50);
    }

    @Arbiter
    public void end(ZZL_Result result) {
        result.r2 = budget.charge(60);
        result.r3 = budget.usedBytes();
    }
}
