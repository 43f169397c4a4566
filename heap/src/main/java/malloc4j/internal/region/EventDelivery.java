package malloc4j.internal.region;

import java.lang.ref.WeakReference;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/// Tells probes the events of their heaps, on a daemon thread that is there while such a heap is.
///
/// Concurrency: the list and the thread change under the monitor; a probe is called under none. Heaps are referred to
/// weakly, until they are closed: then until that is told.
public final class EventDelivery implements Runnable {
    private static final long PERIOD_NANOS = TimeUnit.MILLISECONDS.toNanos(20);
    private static final EventDelivery INSTANCE = new EventDelivery();

    private final List<Entry> heaps = new ArrayList<>();
    private @Nullable Thread thread;

    private EventDelivery() {}

    /// The events of one heap.
    static final class Entry extends WeakReference<HeapEvents> {
        private volatile @Nullable HeapEvents closed; // keeps them

        private Entry(HeapEvents events) {
            super(events);
        }

        /// Makes no object: the Java heap may be full.
        void keep(HeapEvents events) {
            closed = events;
        }

        boolean isOver() {
            HeapEvents events = closed != null ? closed : get();
            return events == null || events.isDone();
        }
    }

    /// Delivers the events of a heap from now on, until [HeapEvents#close].
    static Entry add(HeapEvents events, Ground ground) {
        Entry entry = new Entry(events);
        INSTANCE.start(entry, ground);
        return entry;
    }

    private synchronized void start(Entry entry, Ground ground) {
        heaps.add(entry);
        if (thread == null || !thread.isAlive()) {
            Thread created = ground.unstarted("malloc4j-probe", this);
            created.start();
            thread = created;
        }
    }

    @Override
    public void run() {
        ProbeCalls.leaveOut();
        while (goesOn()) {
            for (int index = 0; deliver(index); index++) {}
            LockSupport.parkNanos(PERIOD_NANOS);
            boolean unused = Thread.interrupted();
        }
    }

    /// Forgets the heaps that are gone, or that were closed and have told all. Returns whether any is left.
    private synchronized boolean goesOn() {
        heaps.removeIf(Entry::isOver);
        if (heaps.isEmpty()) {
            thread = null;
        }
        return !heaps.isEmpty();
    }

    private boolean deliver(int index) {
        HeapEvents events;
        synchronized (this) {
            if (index >= heaps.size()) {
                return false;
            }
            events = heaps.get(index).get();
        }
        if (events != null) {
            events.deliver();
        }
        return true;
    }
}
