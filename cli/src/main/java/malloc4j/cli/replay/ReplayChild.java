package malloc4j.cli.replay;

import java.io.IOException;
import java.util.Arrays;
import malloc4j.cli.child.ChildLoop;
import malloc4j.cli.child.FootprintSampler;
import malloc4j.cli.child.MemoryProbe;
import malloc4j.cli.child.Workers;
import malloc4j.peers.AllocatorName;
import malloc4j.peers.CFunctions;
import org.jspecify.annotations.Nullable;

/// A child JVM of a replay: one allocator, one trace.
///
/// | asked | answered | |
/// |---|---|---|
/// | `load` | `loaded VERSION` | loads the allocator |
/// | `warm` | `warm` | rounds that nobody times |
/// | `round` | `round NANOS` | one timed round, right after one that is not |
/// | `memory` | `memory PEAK AFTER` | instead of the others: bytes at the peak of one round, and after all is freed |
/// | `footprint PEAK EVENTS` | `footprint JSON` | instead of the others: a round, looked at after so many events |
public final class ReplayChild implements ChildLoop.Answering {
    static final ChildSettings SETTINGS = ChildSettings.fromProperties();

    private static final long SETTLE_MILLIS = 300; // the JIT finishes what the start queued
    private static final long AFTER_FREE_MILLIS = 2_000; // part of the contract of residentAfterFreeBytes

    private final Trace trace;
    private final Schedule schedule;
    private final Workers workers;
    private @Nullable Replayer replayer;

    private ReplayChild() throws IOException {
        Trace image = TraceImage.read(SETTINGS.image());
        this.trace = SETTINGS.serial() ? image.serial() : image;
        this.schedule = new Schedule(trace);
        this.workers = new Workers(trace.threadCount, "replay");
    }

    public static void main(String[] arguments) {
        ChildLoop.run(ReplayChild::new);
    }

    @Override
    public String answer(String question) throws Throwable {
        String[] words = question.split(" ", 3);
        return switch (words[0]) {
            case "memory" -> memory();
            case "footprint" -> footprint(Integer.parseInt(words[1]), words[2]);
            case "load" -> "loaded " + loaded().version();
            case "warm" -> {
                loaded().warmUp();
                yield "warm";
            }
            case "round" -> "round " + loaded().steadyRound();
            default -> throw new IllegalArgumentException("asked " + question);
        };
    }

    private Replayer loaded() {
        if (replayer == null) {
            replayer = new Replayer(trace, schedule, workers);
        }
        return replayer;
    }

    /// Measures one round. Everything that does not belong to the allocator happens before the base is taken.
    private String memory() throws Throwable {
        MemoryProbe probe = settledBase();
        Replayer measured = loaded();
        measured.roundInFileOrder(Pauses.NONE);
        long peakBytes = probe.peakGrowthBytes();
        measured.freeLeftovers();
        Thread.sleep(AFTER_FREE_MILLIS);
        long afterFreeBytes = probe.growthBytes();
        return "memory " + Math.max(peakBytes, afterFreeBytes) + " " + afterFreeBytes;
    }

    private String footprint(int peakEvent, String eventNumbers) throws Throwable {
        int[] events = Arrays.stream(eventNumbers.split(","))
                .mapToInt(Integer::parseInt)
                .toArray();
        var sampler = new FootprintSampler(SETTINGS.allocator() == AllocatorName.MALLOC4J);
        sampler.begin(settledBase());
        Replayer measured = loaded();
        measured.roundInFileOrder(Pauses.after(events, event -> sampler.sample(event, event == peakEvent)));
        measured.freeLeftovers();
        return "footprint " + sampler.finish();
    }

    private MemoryProbe settledBase() throws Throwable {
        CFunctions.rehearse();
        workers.run(ignored -> {});
        Thread.sleep(SETTLE_MILLIS);
        CFunctions.trimLibc();
        return MemoryProbe.atBase();
    }
}
