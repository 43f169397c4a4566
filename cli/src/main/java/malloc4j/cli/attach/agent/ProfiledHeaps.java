package malloc4j.cli.attach.agent;

import java.io.IOException;
import java.io.ObjectOutputStream;
import java.lang.instrument.Instrumentation;
import java.lang.ref.WeakReference;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// The open heaps of this process, of every copy of the library that is loaded, and their profiles. Those that it has
/// started itself it stops at the end; heaps that somebody else samples are only read.
///
/// It keeps no heap from being collected, and one that is closed meanwhile is left out.
final class ProfiledHeaps implements AutoCloseable {
    private static final String START = "startProfile";

    private final Instrumentation instrumentation;
    /// Places are the heaps' numbers.
    private final List<WeakReference<Object>> known = new ArrayList<>();

    private final List<WeakReference<Object>> started = new ArrayList<>();

    ProfiledHeaps(Instrumentation instrumentation) {
        this.instrumentation = instrumentation;
    }

    /// Begins to take samples of the heaps of which nobody takes any.
    FoundHeaps start(long sampleBytes) throws ReflectiveOperationException {
        List<Class<?>> libraries = libraries();
        int heapCount = 0;
        for (Class<?> library : libraries) {
            Method start = library.getMethod(START, long.class);
            for (Object heap : Libraries.openHeaps(library)) {
                heapCount++;
                try {
                    if (sampleBytes(profile(heap, 0)) == 0) {
                        start.invoke(heap, sampleBytes);
                        started.add(new WeakReference<>(heap));
                    }
                } catch (InvocationTargetException refused) {
                    throwUnlessClosed(refused, library, heap);
                }
            }
        }
        return new FoundHeaps(libraries.size(), heapCount, started.size());
    }

    /// Writes how many profiles there are, and each behind the number of its heap, which stays the same.
    ///
    /// @param youngestNanos how old live blocks are at least that are in them
    void writeProfiles(long youngestNanos, ObjectOutputStream out) throws IOException, ReflectiveOperationException {
        Map<Integer, Object> profiles = new LinkedHashMap<>();
        for (Class<?> library : libraries()) {
            for (Object heap : Libraries.openHeaps(library)) {
                try {
                    Object profile = profile(heap, youngestNanos);
                    if (sampleBytes(profile) > 0) {
                        profiles.put(number(heap), profile);
                    }
                } catch (InvocationTargetException refused) {
                    throwUnlessClosed(refused, library, heap);
                }
            }
        }
        out.writeInt(profiles.size());
        for (Map.Entry<Integer, Object> profile : profiles.entrySet()) {
            out.writeInt(profile.getKey());
            out.writeObject(profile.getValue());
        }
    }

    @Override
    @SuppressWarnings("CatchingUnchecked")
    public void close() {
        for (WeakReference<Object> reference : started) {
            Object heap = reference.get();
            try {
                if (heap != null) {
                    heap.getClass().getMethod("stopProfile").invoke(heap);
                }
            } catch (Throwable failed) {
                // closed meanwhile; the others are stopped all the same
            }
        }
    }

    /// The copies of the library, without those that are too old to have a profile.
    private List<Class<?>> libraries() {
        return Libraries.with(START, instrumentation);
    }

    private static long sampleBytes(Object profile) throws ReflectiveOperationException {
        return (long) profile.getClass().getMethod("sampleBytes").invoke(profile);
    }

    private static Object profile(Object heap, long youngestNanos) throws ReflectiveOperationException {
        return heap.getClass().getMethod("profile", Duration.class).invoke(heap, Duration.ofNanos(youngestNanos));
    }

    private static void throwUnlessClosed(InvocationTargetException refused, Class<?> library, Object heap)
            throws ReflectiveOperationException {
        if (Libraries.openHeaps(library).contains(heap)) {
            throw refused;
        }
    }

    private int number(Object heap) {
        for (int number = 0; number < known.size(); number++) {
            if (known.get(number).refersTo(heap)) {
                return number;
            }
        }
        known.add(new WeakReference<>(heap));
        return known.size() - 1;
    }
}
