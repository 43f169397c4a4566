package malloc4j;

import java.util.ArrayList;
import java.util.List;
import java.util.ServiceConfigurationError;
import java.util.ServiceLoader;
import malloc4j.observe.Probe;
import org.jspecify.annotations.Nullable;

/// The probes that [ServiceLoader] finds beside this library: looked for once a process, when the first heap is made.
/// They are made at the first event, by the thread that tells events: so their constructors, too, may use heaps.
final class FoundProbes implements Probe {
    private static final @Nullable FoundProbes OF_PROCESS = find();

    private final List<ServiceLoader.Provider<Probe>> providers;
    private @Nullable List<Probe> probes;

    private FoundProbes(List<ServiceLoader.Provider<Probe>> providers) {
        this.providers = providers;
    }

    /// All of them as one; null where there is none.
    static @Nullable Probe ofProcess() {
        return OF_PROCESS;
    }

    private static @Nullable FoundProbes find() {
        try {
            List<ServiceLoader.Provider<Probe>> found =
                    ServiceLoader.load(Probe.class, FoundProbes.class.getClassLoader()).stream()
                            .toList();
            return found.isEmpty() ? null : new FoundProbes(found);
        } catch (ServiceConfigurationError | RuntimeException broken) {
            report(broken); // and heaps go without
            return null;
        }
    }

    private static void report(Throwable failure) {
        Thread current = Thread.currentThread();
        current.getUncaughtExceptionHandler().uncaughtException(current, failure);
    }

    private List<Probe> probes() {
        List<Probe> made = probes;
        if (made == null) {
            made = new ArrayList<>();
            for (ServiceLoader.Provider<Probe> provider : providers) {
                try {
                    made.add(provider.get());
                } catch (ServiceConfigurationError | RuntimeException broken) {
                    report(broken);
                }
            }
            probes = made;
        }
        return made;
    }

    @Override
    public void event(Event event) {
        for (Probe probe : probes()) {
            probe.event(event);
        }
    }

    @Override
    public void lost(String heap, int heapId, long count) {
        for (Probe probe : probes()) {
            probe.lost(heap, heapId, count);
        }
    }
}
