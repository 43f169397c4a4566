package malloc4j.internal.cache;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.JJ_Result;

/// The owner winds the countdowns of a magazine up, twice, while another thread reads what they have counted: which
/// that does not change.
@JCStressTest
@Outcome(id = "0, 0", expect = ACCEPTABLE, desc = "Nothing was allocated or freed.")
@Outcome(expect = FORBIDDEN, desc = "A count of two epochs.")
@State
public class CountMeetsRewind {
    private final ThreadCache cache = Parts.cache();
    private final long magazine = Magazine.of(cache.magazines(), 0);

    public CountMeetsRewind() {
        Magazine.rewind(magazine, 7, 1_000);
    }

    @Actor
    public void owner() {
        Magazine.rewind(magazine, 100, 5);
        Magazine.rewind(magazine, 3, 40);
    }

    @Actor
    public void reader(JJ_Result result) {
        result.r1 = Magazine.allocatedCount(magazine);
        result.r2 = Magazine.freedCount(magazine);
    }

    @Arbiter
    public void end() {
        Magazine.clear(cache.magazines(), 1);
        Parts.release(cache);
    }
}
