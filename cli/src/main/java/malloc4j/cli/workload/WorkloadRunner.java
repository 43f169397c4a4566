package malloc4j.cli.workload;

import java.util.function.Function;
import org.HdrHistogram.Histogram;

/// The workload of this JVM on the allocator of this JVM. Nothing of the allocator is loaded until [#prepare].
public final class WorkloadRunner implements AutoCloseable {
    private final Team team = new Team(Plan.WORKLOAD);

    /// What a round did.
    ///
    /// @param operations calls of the allocator, by all threads
    /// @param nanos from its begin to its end
    public record Round(long operations, long nanos) {}

    /// Uses the threads once, so that what they take is there.
    public void rehearse() {
        team.rehearse();
    }

    /// Loads the allocator and allocates what is live at first.
    ///
    /// @return the allocator's name and version
    public String prepare() {
        String version = Subject.ALLOCATOR.version();
        Plan.WORKLOAD.prepare(team);
        return version;
    }

    public Round round(long nanos) {
        return round(Stop.afterNanos(nanos));
    }

    /// The same work whatever the allocator's speed, within a limit.
    public Round roundOfPasses(long atMostNanos) {
        return round(Stop.afterPasses(Plan.WORKLOAD.memoryPasses(), atMostNanos));
    }

    private Round round(Stop stop) {
        long begin = System.nanoTime();
        long operations = Plan.WORKLOAD.round(team, stop);
        return new Round(operations, System.nanoTime() - begin);
    }

    /// Frees all that is live.
    public void finish() {
        Plan.WORKLOAD.finish(team);
    }

    /// From here on operations are sampled. The code is compiled again.
    public void startSampling() {
        Sampling.switchTo(true);
    }

    /// Forgets the samples so far.
    public void clearSamples() {
        for (Hand hand : team.hands()) {
            hand.mallocNanos().reset();
            hand.freeNanos().reset();
        }
    }

    public Histogram mallocNanos() {
        return sum(Hand::mallocNanos);
    }

    public Histogram freeNanos() {
        return sum(Hand::freeNanos);
    }

    private Histogram sum(Function<Hand, Histogram> of) {
        var sum = new Histogram(Hand.DIGITS);
        for (Hand hand : team.hands()) {
            sum.add(of.apply(hand));
        }
        return sum;
    }

    @Override
    public void close() {
        team.close();
    }
}
