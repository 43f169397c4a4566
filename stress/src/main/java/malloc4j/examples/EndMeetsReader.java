package malloc4j.examples;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import java.lang.foreign.MemorySegment;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.LL_Result;

/// The producer adds its last message and closes its end while the consumer looks: who sees the end sees the
/// message.
@JCStressTest
@Outcome(id = "true, 1", expect = ACCEPTABLE, desc = "Closed before the consumer looked.")
@Outcome(id = "false, 1", expect = ACCEPTABLE, desc = "Closed later, the message was there.")
@Outcome(id = "false, empty", expect = ACCEPTABLE, desc = "Both later.")
@Outcome(expect = FORBIDDEN, desc = "The end was seen before the message: that would be lost.")
@State
public class EndMeetsReader {
    private final MemorySegment ring = Rings.empty();
    private final MessageRing.Producer producer = new MessageRing.Producer(ring, () -> true);
    private final MessageRing.Consumer consumer = new MessageRing.Consumer(ring, () -> true);

    @Actor
    public void producer() {
        producer.offer(Rings.of(1));
        producer.close();
    }

    @Actor
    public void consumer(LL_Result result) {
        result.r1 = consumer.peerHasEnded();
        result.r2 = Rings.poll(consumer);
    }
}
