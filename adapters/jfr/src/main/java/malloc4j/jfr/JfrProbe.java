package malloc4j.jfr;

import jdk.jfr.FlightRecorder;
import malloc4j.observe.MisuseReport;
import malloc4j.observe.Probe;

/// Writes what heaps do as events of JDK Flight Recorder. Nobody calls it: where this jar is, heaps find it, but for
/// those that were given a probe of their own. While no recording runs, an event costs the question whether one does.
///
/// @since 0.1.0
public final class JfrProbe implements Probe {
    private final boolean isActive;

    /// For [java.util.ServiceLoader].
    public JfrProbe() {
        isActive = isThere() && FlightRecorder.isAvailable();
        if (isActive) {
            PeriodicEvents.register();
            RareEvents.TYPES.forEach(FlightRecorder::register); // here, and not when a thread of the program needs one
            ReportEvents.TYPES.forEach(FlightRecorder::register);
        }
    }

    /// Whether this Java has Flight Recorder: one made by `jlink` may not.
    private static boolean isThere() {
        return ModuleLayer.boot().findModule("jdk.jfr").isPresent();
    }

    @Override
    public void event(Event event) {
        if (isActive) {
            RareEvents.commit(event);
        }
    }

    @Override
    public void lost(String heap, int heapId, long count) {
        if (isActive) {
            RareEvents.commitLost(heap, heapId, count);
        }
    }

    @Override
    public void sampled(Sample sample) {
        if (isActive) {
            ReportEvents.Sample.commitOf(sample);
        }
    }

    @Override
    public void misused(String heap, int heapId, MisuseReport report) {
        if (isActive) {
            ReportEvents.Misuse.commitOf(heap, heapId, report);
        }
    }

    @Override
    public void guardHit(GuardHit hit) {
        if (isActive) {
            ReportEvents.GuardHit.commitOf(hit);
        }
    }
}
