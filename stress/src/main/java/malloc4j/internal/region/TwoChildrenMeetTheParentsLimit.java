package malloc4j.internal.region;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.LLLL_Result;

/// Two heaps charge 60 bytes each where their common parent's hard limit is 100: one passes, and what the other had
/// charged below is undone.
@JCStressTest
@Outcome(id = "true, false, 60, 60", expect = ACCEPTABLE, desc = "The first child came first.")
@Outcome(id = "false, true, 60, 60", expect = ACCEPTABLE, desc = "The second child came first.")
@Outcome(expect = FORBIDDEN, desc = "Both passed, neither did, or parent and children disagree.")
@State
public class TwoChildrenMeetTheParentsLimit {
    private final Budget parent = new Budget(null, Long.MAX_VALUE, 100);
    private final Budget child1 = new Budget(parent, Long.MAX_VALUE, Long.MAX_VALUE);
    private final Budget child2 = new Budget(parent, Long.MAX_VALUE, Long.MAX_VALUE);

    @Actor
    public void first(LLLL_Result result) {
        result.r1 = child1.charge(60);
    }

    @Actor
    public void second(LLLL_Result result) {
        result.r2 = child2.charge(60);
    }

    @Arbiter
    public void end(LLLL_Result result) {
        result.r3 = parent.usedBytes();
        result.r4 = child1.usedBytes() + child2.usedBytes();
    }
}
