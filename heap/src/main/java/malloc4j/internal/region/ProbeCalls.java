package malloc4j.internal.region;

import java.util.List;
import malloc4j.internal.memory.StackProbe;
import malloc4j.observe.MisuseReport;
import malloc4j.observe.Probe;
import org.jspecify.annotations.Nullable;

/// Calls of a heap's probe by the thread that something happens to, for which its stack is what matters: samples,
/// misuse, touched guards. All else goes by [HeapEvents], and another thread.
///
/// A probe can do no harm here either: nothing that it throws gets out, the delivery's thread reports the first; where
/// the stack is short it is not called, which counts as lost; and what it does with heaps itself it is not told.
///
/// Concurrency: any thread, with no lock held.
public final class ProbeCalls {
    private static final ThreadLocal<Boolean> INSIDE = new ThreadLocal<>();

    private final HeapEvents events;
    private final @Nullable Probe probe;

    ProbeCalls(HeapEvents events, @Nullable Probe probe) {
        this.events = events;
        this.probe = probe;
    }

    /// Whether there is a probe: so that nobody else makes what it would be told.
    public boolean isTold() {
        return probe != null;
    }

    /// Tells of a sample.
    public void sampled(long address, long byteSize, double weight, List<StackTraceElement> stack) {
        call(told -> told.sampled(new Probe.Sample(events.heap(), events.heapId(), address, byteSize, weight, stack)));
    }

    /// Tells of a misused block.
    public void misused(MisuseReport report) {
        call(told -> told.misused(events.heap(), events.heapId(), report));
    }

    /// Tells of a touched guard.
    public void guardHit(Probe.GuardHit hit) {
        call(told -> told.guardHit(hit));
    }

    /// The calling thread is told nothing from now on: it calls probes all the time.
    static void leaveOut() {
        INSIDE.set(true);
    }

    @SuppressWarnings("ThreadLocalUsage") // of all heaps together
    private void call(Call call) {
        if (probe == null || INSIDE.get() != null) {
            return;
        }
        try {
            StackProbe.requireForWhole();
            INSIDE.set(true);
        } catch (StackOverflowError | OutOfMemoryError noRoom) {
            events.noteLost();
            return;
        }
        try {
            call.of(probe);
        } catch (Throwable failure) {
            events.noteFailure(failure);
        } finally {
            INSIDE.remove();
        }
    }

    @FunctionalInterface
    private interface Call {
        void of(Probe told);
    }
}
