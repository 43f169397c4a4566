package malloc4j;

import java.util.ArrayList;
import java.util.List;
import java.util.ServiceConfigurationError;
import java.util.ServiceLoader;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import malloc4j.observe.MisuseReport;
import malloc4j.observe.Probe;
import org.jspecify.annotations.Nullable;

/// The probes that [ServiceLoader] finds beside this library: looked for once a process, when the first heap is made.
/// They are made by the thread that tells events, before it tells any: so their constructors, too, may use heaps. A
/// thread of the program that has something to tell at once waits for that, which happens once; but not for ever: it
/// may have what a constructor waits for.
final class FoundProbes implements Probe {
    private static final @Nullable FoundProbes OF_PROCESS = find();
    private static final long MAX_WAIT_NANOS = TimeUnit.SECONDS.toNanos(10);

    private final List<ServiceLoader.Provider<Probe>> providers;
    private final CountDownLatch isMade = new CountDownLatch(1);
    private volatile List<Probe> probes = List.of();
    private volatile boolean isWaitedFor = true;

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

    private void make() {
        List<Probe> made = new ArrayList<>();
        try {
            for (ServiceLoader.Provider<Probe> provider : providers) {
                try {
                    made.add(provider.get());
                } catch (ServiceConfigurationError | RuntimeException broken) {
                    report(broken);
                }
            }
        } finally {
            probes = made;
            isMade.countDown();
        }
    }

    private List<Probe> awaited() {
        boolean isInterrupted = false;
        long deadline = System.nanoTime() + MAX_WAIT_NANOS;
        while (isWaitedFor && isMade.getCount() > 0) {
            try {
                boolean made = isMade.await(deadline - System.nanoTime(), TimeUnit.NANOSECONDS);
                isWaitedFor = made;
            } catch (InterruptedException later) {
                isInterrupted = true;
            }
        }
        if (isInterrupted) {
            Thread.currentThread().interrupt();
        }
        return probes;
    }

    @Override
    public void opened(String heap, int heapId) {
        if (isMade.getCount() > 0) {
            make();
        }
        for (Probe probe : probes) {
            probe.opened(heap, heapId);
        }
    }

    @Override
    public void closed(String heap, int heapId) {
        for (Probe probe : probes) {
            probe.closed(heap, heapId);
        }
    }

    @Override
    public void event(Event event) {
        for (Probe probe : probes) {
            probe.event(event);
        }
    }

    @Override
    public void sampled(Sample sample) {
        for (Probe probe : awaited()) {
            probe.sampled(sample);
        }
    }

    @Override
    public void misused(String heap, int heapId, MisuseReport report) {
        for (Probe probe : awaited()) {
            probe.misused(heap, heapId, report);
        }
    }

    @Override
    public void guardHit(GuardHit hit) {
        for (Probe probe : awaited()) {
            probe.guardHit(hit);
        }
    }

    @Override
    public void lost(String heap, int heapId, long count) {
        for (Probe probe : probes) {
            probe.lost(heap, heapId, count);
        }
    }
}
