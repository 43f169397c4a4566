package malloc4j.internal.cache;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import malloc4j.internal.slab.Records;
import malloc4j.internal.slab.Slab;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.LLL_Result;

/// A full slab is in the queue because block 1 was freed. While block 0 is freed, the owner drains the queue, uses
/// up what it finds in the slab and puts it away as full: then the slab must get into the queue again, or have
/// given both.
@JCStressTest
@Outcome(
        id = "true, (collected|listed), (collected|listed)",
        expect = ACCEPTABLE,
        desc = "The owner has it or finds it.")
@Outcome(id = "false, .*", expect = FORBIDDEN, desc = "A correct free was taken for a double free.")
@Outcome(expect = FORBIDDEN, desc = "The slab is full for ever, though a block in it is free.")
@State
public class QueueMeetsDrain {
    private final ThreadCache cache = Parts.cache();
    private final long slab = Records.full(cache.tag());

    public QueueMeetsDrain() {
        ThreadCache.freeRemote(slab, Records.BLOCK_BYTES);
    }

    @Actor
    public void freer(LLL_Result result) {
        result.r1 = ThreadCache.freeRemote(slab, 0);
    }

    @Actor
    public void owner() {
        cache.lock().lock();
        try {
            cache.drainPending();
            cache.remove(slab);
            Slab.putState(slab, Slab.LEASED);
        } finally {
            cache.lock().unlock();
        }
        Slab.ownerCollect(slab);
        cache.lock().lock();
        try {
            Slab.putState(slab, Slab.FULL);
            cache.drainPending();
        } finally {
            cache.lock().unlock();
        }
    }

    @Arbiter
    public void end(LLL_Result result) {
        Parts.drain(cache);
        result.r2 = Parts.outlook(slab, 0);
        result.r3 = Parts.outlook(slab, 1);
        Records.give(slab);
        Parts.release(cache);
    }
}
