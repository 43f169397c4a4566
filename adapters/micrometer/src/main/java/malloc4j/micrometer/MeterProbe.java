package malloc4j.micrometer;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import malloc4j.observe.Probe;

/// Tells those who have meters that a heap was opened or closed. Nobody calls it: where this jar is, heaps find it. It
/// needs no Micrometer, so a program without it goes on.
///
/// @since 0.1.0
public final class MeterProbe implements Probe {
    private static final List<Runnable> LISTENERS = new CopyOnWriteArrayList<>();

    /// For [java.util.ServiceLoader].
    public MeterProbe() {}

    static void add(Runnable listener) {
        LISTENERS.add(listener);
    }

    static void remove(Runnable listener) {
        LISTENERS.remove(listener);
    }

    private static void tell() {
        LISTENERS.forEach(Runnable::run);
    }

    @Override
    public void opened(String heap, int heapId) {
        tell();
    }

    @Override
    public void closed(String heap, int heapId) {
        tell();
    }

    @Override
    public void event(Event event) {
        // meters are read
    }
}
