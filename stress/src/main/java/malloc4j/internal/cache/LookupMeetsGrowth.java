package malloc4j.internal.cache;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import malloc4j.internal.os.Mutex;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.LLL_Result;

/// A thread puts itself into a [ThreadTable] and looks itself up without the lock, while another does the same, and
/// removes those that have ended and puts more in, until the table has moved to new slots.
///
/// Ids are made up: each actor is the only one that uses its own.
@JCStressTest
@Outcome(id = "first, second, 10", expect = ACCEPTABLE, desc = "Each finds its own, and nothing is lost.")
@Outcome(expect = FORBIDDEN, desc = "A thread found nothing, or what is not its own, or the table is damaged.")
@State
public class LookupMeetsGrowth {
    private static final int ENDED = 6; // the first table has 16 slots, and moves at the eighth id
    private static final int MORE = 8;

    private final ThreadTable<String> table = new ThreadTable<>();
    private final Mutex lock = new Mutex();

    public LookupMeetsGrowth() {
        for (int id = 0; id < ENDED; id++) {
            put(1_000 + id, "ended");
        }
    }

    private void put(long id, String value) {
        lock.lock();
        try {
            table.makeRoom();
            table.put(id, value);
        } finally {
            lock.unlock();
        }
    }

    @Actor
    public void first(LLL_Result result) {
        put(1, "first");
        result.r1 = found(1, "first");
    }

    @Actor
    public void second(LLL_Result result) {
        put(2, "second");
        for (int id = 0; id < ENDED; id++) {
            lock.lock();
            try {
                table.remove(1_000 + id);
            } finally {
                lock.unlock();
            }
        }
        for (int id = 0; id < MORE; id++) {
            put(2_000 + id, "other");
        }
        result.r2 = found(2, "second");
    }

    /// What a thread finds of its own at several look-ups: its value, or what was wrong.
    private String found(long id, String own) {
        for (int count = 0; count < 4; count++) {
            String value = table.get(id);
            if (!own.equals(value)) {
                return String.valueOf(value);
            }
        }
        return own;
    }

    @Arbiter
    public void end(LLL_Result result) {
        table.verify();
        result.r3 = table.size();
    }
}
