package malloc4j.internal.os;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.III_Result;

/// Two threads count, plainly, under one lock: one of them comes first, and the second sees what it has written.
@JCStressTest
@Outcome(
        id = {"1, 2, 2", "2, 1, 2"},
        expect = ACCEPTABLE,
        desc = "One after the other.")
@Outcome(expect = FORBIDDEN, desc = "Both at a time, or the second has missed what the first wrote.")
@State
public class TwoThreadsLockOneMutex {
    private final Mutex mutex = new Mutex();
    private int count;

    @Actor
    public void waiter(III_Result result) {
        mutex.lock();
        result.r1 = ++count;
        mutex.unlock();
    }

    @Actor
    public void trier(III_Result result) {
        while (!mutex.tryLock()) {
            Thread.onSpinWait();
        }
        result.r2 = ++count;
        mutex.unlock();
    }

    @Arbiter
    public void end(III_Result result) {
        result.r3 = count;
    }
}
