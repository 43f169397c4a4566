package malloc4j.internal.region;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.ZZL_Result;

/// A charge of 90 bytes that a level in the middle or the top refuses meets a charge of 60 bytes that fits, by another
/// heap below the same parent: it is never refused because of the other.
@JCStressTest
@Outcome(id = "false, true, 60", expect = ACCEPTABLE, desc = "What fits is granted.")
@Outcome(expect = FORBIDDEN, desc = "A charge that was refused has been in the way of another.")
@State
public class RefusalAboveMeetsSiblingsCharge {
    private final Budget top = new Budget(null, Long.MAX_VALUE, 80);
    private final Budget middle = new Budget(top, Long.MAX_VALUE, 85);
    private final Budget small = new Budget(middle, Long.MAX_VALUE, 100);
    private final Budget other = new Budget(middle, Long.MAX_VALUE, Long.MAX_VALUE);

    @Actor
    public void refused(ZZL_Result result) {
        result.r1 = small.charge(90);
    }

    @Actor
    public void granted(ZZL_Result result) {
        result.r2 = other.charge(60);
    }

    @Arbiter
    public void end(ZZL_Result result) {
        result.r3 = top.usedBytes();
    }
}
