package malloc4j.cli.bench;

import java.util.Locale;
import malloc4j.cli.child.ChildLoop;
import malloc4j.cli.child.MemoryProbe;
import malloc4j.cli.workload.ReturnProbe;
import malloc4j.cli.workload.ReturnRunner;
import malloc4j.peers.CFunctions;

/// A child JVM of a probe of what memory goes back: one allocator, one probe.
///
/// | asked | answered |
/// |---|---|
/// | `probe NAME IDLE_MILLIS` | `probed PEAK FREED BRIEF IDLE LIGHT TRIMMED LIVE VERSION` |
///
/// Bytes of the allocator's resident memory: with everything allocated, after the frees, three seconds later, after
/// all of the idleness, after two seconds of light use, and after the allocator was called to give back all (-1
/// where it has no such call). LIVE is the bytes of pages that a live block touches.
public final class ReturnChild implements ChildLoop.Answering {
    static final long BRIEF_MILLIS = 3_000;

    private static final long SETTLE_MILLIS = 300; // the JIT finishes what the start queued
    private static final long LIGHT_NANOS = 2_000_000_000;

    private final ReturnRunner runner = new ReturnRunner();

    private ReturnChild() {}

    public static void main(String[] arguments) {
        ChildLoop.run(ReturnChild::new);
    }

    @Override
    public String answer(String question) throws Throwable {
        String[] words = question.split(" ", 3);
        if (!words[0].equals("probe")) {
            throw new IllegalArgumentException("asked " + question);
        }
        return probe(ReturnProbe.valueOf(words[1]), Long.parseLong(words[2]));
    }

    private String probe(ReturnProbe probe, long idleMillis) throws Throwable {
        CFunctions.rehearse();
        runner.rehearse();
        Thread.sleep(SETTLE_MILLIS);
        CFunctions.trimLibc();
        MemoryProbe memory = MemoryProbe.atBase();
        String version = runner.allocate();
        long peak = memory.growthBytes();
        runner.free(probe);
        long freed = memory.growthBytes();
        Thread.sleep(Math.min(BRIEF_MILLIS, idleMillis));
        long brief = memory.growthBytes();
        Thread.sleep(Math.max(0, idleMillis - BRIEF_MILLIS));
        long idle = memory.growthBytes();
        runner.useLightly(LIGHT_NANOS);
        long light = memory.growthBytes();
        long trimmed = runner.trim() ? memory.growthBytes() : -1;
        return String.format(
                Locale.ROOT,
                "probed %d %d %d %d %d %d %d %s",
                peak,
                freed,
                brief,
                idle,
                light,
                trimmed,
                runner.livePageBytes(),
                version);
    }
}
