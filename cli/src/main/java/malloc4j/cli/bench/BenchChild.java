package malloc4j.cli.bench;

import java.io.IOException;
import malloc4j.cli.child.ChildLoop;
import malloc4j.cli.child.FootprintSampler;
import malloc4j.cli.child.MemoryProbe;
import malloc4j.cli.workload.WorkloadRunner;
import malloc4j.peers.CFunctions;
import org.HdrHistogram.Histogram;

/// A child JVM of a bench: one allocator, one workload.
///
/// | asked | answered | |
/// |---|---|---|
/// | `load` | `loaded VERSION` | loads the allocator, allocates what is live at first |
/// | `warm NANOS` | `warm` | runs so long |
/// | `round NANOS` | `round OPERATIONS NANOS CPU OTHERS STEAL` | a timed round, right after half as long |
/// | `latency NANOS` | `latency MALLOC FREE` | samples, after as long a time that compiles the code again |
/// | `finish` | `finished` | frees all, which checks what is live when verifying |
/// | `memory NANOS` | `memory PEAK END` | instead of the others: bytes at the peak, and after all is freed |
/// | `footprint NANOS HEAP` | `footprint JSON` | instead of the others: looks at memory; HEAP: at malloc4j's heap too |
public final class BenchChild implements ChildLoop.Answering {
    private static final long SETTLE_MILLIS = 300; // the JIT finishes what the start queued
    private static final long AFTER_FREE_MILLIS = 2_000; // part of the contract of endResidentBytes

    private final WorkloadRunner runner = new WorkloadRunner();

    private BenchChild() {}

    public static void main(String[] arguments) {
        ChildLoop.run(BenchChild::new);
    }

    @Override
    public String answer(String question) throws Throwable {
        String[] words = question.split(" ");
        return switch (words[0]) {
            case "load" -> "loaded " + runner.prepare();
            case "warm" -> {
                runner.round(nanos(words));
                yield "warm";
            }
            case "round" -> round(nanos(words));
            case "latency" -> latency(nanos(words));
            case "finish" -> {
                runner.finish();
                yield "finished";
            }
            case "memory" -> memory(nanos(words));
            case "footprint" -> footprint(nanos(words), Boolean.parseBoolean(words[2]));
            default -> throw new IllegalArgumentException("asked " + question);
        };
    }

    private static long nanos(String[] words) {
        return Long.parseLong(words[1]);
    }

    /// While the other allocators had their turns, the caches went cold, and an allocator that gives memory back
    /// when idle has given it back: a program that keeps running has neither, so a time passes before the clock
    /// starts.
    private String round(long nanos) throws IOException {
        runner.round(nanos / 2);
        MachineLoad.Snapshot before = MachineLoad.Snapshot.take();
        WorkloadRunner.Round round = runner.round(nanos);
        MachineLoad load = before.until(MachineLoad.Snapshot.take());
        return "round %d %d %d %d %d"
                .formatted(round.operations(), round.nanos(), load.ownNanos(), load.othersNanos(), load.stealNanos());
    }

    private String latency(long nanos) {
        runner.startSampling();
        runner.round(nanos);
        runner.clearSamples();
        runner.round(nanos);
        return "latency " + percentiles(runner.mallocNanos()) + " " + percentiles(runner.freeNanos());
    }

    /// `COUNT,P50,P90,P99,P99.9,P99.99,MAX`.
    private static String percentiles(Histogram histogram) {
        return String.join(
                ",",
                String.valueOf(histogram.getTotalCount()),
                String.valueOf(histogram.getValueAtPercentile(50)),
                String.valueOf(histogram.getValueAtPercentile(90)),
                String.valueOf(histogram.getValueAtPercentile(99)),
                String.valueOf(histogram.getValueAtPercentile(99.9)),
                String.valueOf(histogram.getValueAtPercentile(99.99)),
                String.valueOf(histogram.getMaxValue()));
    }

    /// Everything that does not belong to the allocator happens before the base is taken.
    private String memory(long atMostNanos) throws Throwable {
        MemoryProbe probe = settledBase();
        String unused = runner.prepare();
        runner.roundOfPasses(atMostNanos);
        long peakBytes = probe.peakGrowthBytes();
        runner.finish();
        Thread.sleep(AFTER_FREE_MILLIS);
        long endBytes = probe.growthBytes();
        return "memory " + Math.max(peakBytes, endBytes) + " " + endBytes;
    }

    private String footprint(long atMostNanos, boolean isHeap) throws Throwable {
        var sampler = new FootprintSampler(isHeap);
        sampler.begin(settledBase());
        String unused = runner.prepare();
        sampler.sampleBeside(() -> runner.roundOfPasses(atMostNanos));
        runner.finish();
        return "footprint " + sampler.finish();
    }

    private MemoryProbe settledBase() throws Throwable {
        CFunctions.rehearse();
        runner.rehearse();
        Thread.sleep(SETTLE_MILLIS);
        CFunctions.trimLibc();
        return MemoryProbe.atBase();
    }
}
