package malloc4j.examples;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import java.lang.foreign.MemorySegment;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.LLL_Result;

/// The consumer takes the message that fills a ring while the producer tries to add another in the same place:
/// nothing is written over before it is read.
@JCStressTest
@Outcome(id = "true, 1, 2", expect = ACCEPTABLE, desc = "Read first, then written over.")
@Outcome(id = "false, 1, empty", expect = ACCEPTABLE, desc = "Refused, for the ring was still full.")
@Outcome(expect = FORBIDDEN, desc = "A message was written over while it was read, or lost.")
@State
public class RoomIsUsedAgain {
    private final MemorySegment ring = Rings.empty();
    private final MessageRing.Producer producer = new MessageRing.Producer(ring, () -> true);
    private final MessageRing.Consumer consumer = new MessageRing.Consumer(ring, () -> true);

    public RoomIsUsedAgain() {
        producer.offer(Rings.of(1));
    }

    @Actor
    public void producer(LLL_Result result) {
        result.r1 = producer.offer(Rings.of(2));
    }

    @Actor
    public void consumer(LLL_Result result) {
        result.r2 = Rings.poll(consumer);
    }

    @Arbiter
    public void end(LLL_Result result) {
        result.r3 = Rings.poll(consumer);
    }
}
