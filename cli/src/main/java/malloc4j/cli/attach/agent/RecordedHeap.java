package malloc4j.cli.attach.agent;

import java.lang.instrument.Instrumentation;
import java.lang.ref.WeakReference;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// The heap of this process of which a trace is written; what was begun here ends here, however the command ends.
final class RecordedHeap implements AutoCloseable {
    private static final String START = "startRecording";
    private static final String STOP = "stopRecording";
    private static final int NONE = -1;

    private final Instrumentation instrumentation;
    private @Nullable WeakReference<Object> recorded;

    RecordedHeap(Instrumentation instrumentation) {
        this.instrumentation = instrumentation;
    }

    /// Begins to record the oldest heap of a name, or for an empty one the only heap. Where there is none such, nothing
    /// has begun.
    FoundRecording start(String name, String file) throws ReflectiveOperationException {
        List<Class<?>> libraries = Libraries.with(START, instrumentation);
        List<Object> heaps = new ArrayList<>();
        List<String> names = new ArrayList<>();
        for (Class<?> library : libraries) {
            for (Object heap : Libraries.openHeaps(library)) {
                heaps.add(heap);
                names.add(name(heap));
            }
        }
        int chosen = name.isEmpty() ? heaps.size() == 1 ? 0 : NONE : names.indexOf(name);
        if (chosen != NONE) {
            Object heap = heaps.get(chosen);
            heap.getClass().getMethod(START, Path.class).invoke(heap, Path.of(file));
            recorded = new WeakReference<>(heap);
        }
        return new FoundRecording(libraries.size(), names, chosen);
    }

    private static String name(Object heap) throws ReflectiveOperationException {
        Object options = heap.getClass().getMethod("options").invoke(heap);
        return (String) options.getClass().getMethod("name").invoke(options);
    }

    /// Ends it; where the heap is closed, it has ended.
    void stop() throws ReflectiveOperationException {
        WeakReference<Object> reference = recorded;
        recorded = null;
        Object heap = reference == null ? null : reference.get();
        if (heap != null && Libraries.openHeaps(heap.getClass()).contains(heap)) {
            heap.getClass().getMethod(STOP).invoke(heap);
        }
    }

    @Override
    @SuppressWarnings("CatchingUnchecked")
    public void close() {
        try {
            stop();
        } catch (Throwable failed) {
            // it has ended by itself, and the log of the process says so
        }
    }
}
