package malloc4j.cli.replay;

import java.io.BufferedReader;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;

/// A child JVM of a replay: one allocator, one trace. It answers each line on its standard input by one line on its
/// standard output that begins with [#ANSWER], and ends with its input.
///
/// | asked | answered | |
/// |---|---|---|
/// | `load` | `loaded VERSION` | loads the allocator |
/// | `warm` | `warm` | rounds that nobody times |
/// | `round` | `round NANOS` | one timed round, right after one that is not |
/// | `memory` | `memory PEAK AFTER` | instead of the others: bytes at the peak of one round, and after all is freed |
///
/// `absent REASON` answers `load` and `memory` when the allocator is not installed, `failed REASON` anything. After
/// either the child ends.
public final class ReplayChild {
    static final ChildSettings SETTINGS = ChildSettings.fromProperties();

    static final String ANSWER = "replay: ";
    private static final long SETTLE_MILLIS = 300; // the JIT finishes what the start queued
    private static final long AFTER_FREE_MILLIS = 2_000; // part of the contract of residentAfterFreeBytes

    private final PrintStream answers;
    private final Trace trace;
    private final Schedule schedule;
    private final Workers workers;

    private ReplayChild(PrintStream answers) throws IOException {
        this.answers = answers;
        Trace image = TraceImage.read(SETTINGS.image());
        this.trace = SETTINGS.serial() ? image.serial() : image;
        this.schedule = new Schedule(trace);
        this.workers = new Workers(trace.threadCount);
    }

    public static void main(String[] arguments) throws IOException {
        var answers = new PrintStream(new FileOutputStream(FileDescriptor.out), true, StandardCharsets.UTF_8);
        try (var questions = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8))) {
            new ReplayChild(answers).serve(questions);
        } catch (Throwable e) {
            Throwable cause = e;
            while (cause instanceof ExceptionInInitializerError && cause.getCause() != null) {
                cause = cause.getCause();
            }
            if (cause instanceof AllocatorAbsent) {
                answers.println(ANSWER + "absent " + cause.getMessage());
            } else {
                answers.println(ANSWER + "failed " + ReplayFailure.describe(cause));
            }
        }
        System.exit(0);
    }

    private void serve(BufferedReader questions) throws Throwable {
        Replayer replayer = null;
        for (String question = questions.readLine(); question != null; question = questions.readLine()) {
            if (question.equals("memory")) {
                answer(memory());
                return;
            }
            if (replayer == null) {
                replayer = new Replayer(trace, schedule, workers);
            }
            switch (question) {
                case "load" -> answer("loaded " + ReplayLoop.allocatorVersion());
                case "warm" -> {
                    replayer.warmUp();
                    answer("warm");
                }
                case "round" -> answer("round " + replayer.steadyRound());
                default -> throw new IllegalArgumentException("asked " + question);
            }
        }
    }

    /// Measures one round. Everything that does not belong to the allocator happens before the base is taken.
    private String memory() throws Throwable {
        CFunctions.rehearse();
        workers.run(ignored -> {});
        Thread.sleep(SETTLE_MILLIS);
        CFunctions.trimLibc();
        MemoryProbe probe = MemoryProbe.atBase();
        var replayer = new Replayer(trace, schedule, workers);
        replayer.roundInFileOrder();
        long peakBytes = probe.peakGrowthBytes();
        replayer.freeLeftovers();
        Thread.sleep(AFTER_FREE_MILLIS);
        long afterFreeBytes = probe.growthBytes();
        return "memory " + Math.max(peakBytes, afterFreeBytes) + " " + afterFreeBytes;
    }

    private void answer(String text) {
        answers.println(ANSWER + text);
    }
}
