package malloc4j.examples;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import java.lang.foreign.MemorySegment;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.LL_Result;

/// A message is added to an empty ring while the consumer looks: it sees the whole message or none.
@JCStressTest
@Outcome(id = "1, empty", expect = ACCEPTABLE, desc = "Added before the consumer looked.")
@Outcome(id = "empty, 1", expect = ACCEPTABLE, desc = "Added after the consumer looked.")
@Outcome(expect = FORBIDDEN, desc = "The message was seen in part, twice or never.")
@State
public class MessageMeetsReader {
    private final MemorySegment ring = Rings.empty();
    private final MessageRing.Producer producer = new MessageRing.Producer(ring, () -> true);
    private final MessageRing.Consumer consumer = new MessageRing.Consumer(ring, () -> true);

    @Actor
    public void producer() {
        producer.offer(Rings.of(1));
    }

    @Actor
    public void consumer(LL_Result result) {
        result.r1 = Rings.poll(consumer);
    }

    @Arbiter
    public void end(LL_Result result) {
        result.r2 = Rings.poll(consumer);
    }
}
