package malloc4j.internal.region;

import java.util.function.Consumer;
import malloc4j.internal.os.Mutex;
import malloc4j.observe.Probe;
import org.jspecify.annotations.Nullable;

/// The events of one heap on their way to its probe.
///
/// ```
///   written by whoever makes them, under any lock         told by EventDelivery, under none
///   | .... | event | event | event | .... |
///            tail                    head      full: the event is lost, and counted
/// ```
///
/// Concurrency: the ring is guarded by a lock below all others, held for a few stores. Noting an event makes no object
/// and calls nobody.
public final class HeapEvents {
    private static final int CAPACITY = 1 << 12;
    private static final int WORDS = 4; // time, address, size, detail

    private final String heap;
    private final int heapId;
    private final @Nullable Probe probe;
    private final @Nullable Probe witness;
    private final Ground ground;
    private final Mutex lock = new Mutex();
    private final Probe.Kind[] kinds;
    private final long[] words;
    private long head;
    private long tail;
    private long lost;
    private boolean opened; // as the next two, by the delivery
    private boolean ended;
    private boolean failed;
    private volatile @Nullable Throwable failure; // of a call by another thread
    private EventDelivery.@Nullable Entry entry;
    private volatile boolean closed;
    private volatile HeapRecord record = HeapRecord.NONE;

    /// @param probe null for none: then nothing is noted
    /// @param witness another probe, which is told when the heap is opened and closed, or null
    public HeapEvents(String heap, int heapId, @Nullable Probe probe, @Nullable Probe witness, Ground ground) {
        this.heap = heap;
        this.heapId = heapId;
        this.probe = probe;
        this.witness = witness;
        this.ground = ground;
        this.kinds = new Probe.Kind[probe == null ? 0 : CAPACITY];
        this.words = new long[WORDS * kinds.length];
    }

    /// For what the probe is told at once.
    public ProbeCalls calls() {
        return new ProbeCalls(this, probe);
    }

    /// Has what is to be seen from outside told here from now on.
    public void tell(HeapRecord where) {
        record = where;
    }

    /// Where that is told: nowhere before [#tell].
    public HeapRecord record() {
        return record;
    }

    String heap() {
        return heap;
    }

    int heapId() {
        return heapId;
    }

    /// Has the probe told from now on, if there is one, by the thread that does so for all heaps.
    public void begin() {
        if (probe != null || witness != null) {
            entry = EventDelivery.add(this, ground);
        }
    }

    /// Notes an event, if there is a probe.
    public void note(Probe.Kind kind, long address, long byteSize, int detail) {
        if (probe != null) {
            put(kind, address, byteSize, detail);
        }
    }

    private void put(Probe.Kind kind, long address, long byteSize, int detail) {
        lock.lock();
        try {
            if (head - tail == CAPACITY) {
                lost++;
                return;
            }
            int place = (int) head & (CAPACITY - 1);
            kinds[place] = kind;
            words[WORDS * place] = ground.nanoTime();
            words[WORDS * place + 1] = address;
            words[WORDS * place + 2] = byteSize;
            words[WORDS * place + 3] = detail;
            head++;
        } finally {
            lock.unlock();
        }
    }

    /// Notes that the probe could not be told something at once.
    void noteLost() {
        lock.lock();
        lost++;
        lock.unlock();
    }

    /// Notes what the probe has thrown when it was told something at once.
    void noteFailure(Throwable thrown) {
        failure = thrown;
    }

    /// Says that no event comes any more.
    public void close() {
        if (entry != null) {
            entry.keep(this); // the heap may be gone before it is told
        }
        closed = true;
    }

    /// Whether the heap is closed, and all is told.
    boolean isDone() {
        return ended;
    }

    /// Tells the probe all that is there. What it throws is reported once.
    void deliver() {
        try {
            deliverAll();
        } catch (Throwable thrown) { // the Java heap is full
            report(thrown);
        }
        Throwable elsewhere = failure;
        if (elsewhere != null) {
            report(elsewhere);
        }
    }

    private void deliverAll() {
        boolean last = closed;
        if (!opened) {
            opened = true;
            tell(probe, told -> told.opened(heap, heapId));
            tell(witness, told -> told.opened(heap, heapId));
        }
        for (Probe.Event event = next(); event != null; event = next()) {
            Probe.Event happened = event;
            tell(probe, told -> told.event(happened));
        }
        long count = takeLost();
        if (count > 0) {
            tell(probe, told -> told.lost(heap, heapId, count));
        }
        if (last && !ended) {
            tell(probe, told -> told.closed(heap, heapId));
            tell(witness, told -> told.closed(heap, heapId));
            ended = true;
        }
    }

    private void tell(@Nullable Probe told, Consumer<Probe> call) {
        if (told == null) {
            return;
        }
        try {
            call.accept(told);
        } catch (Throwable thrown) {
            report(thrown);
        }
    }

    private void report(Throwable thrown) {
        if (!failed) {
            failed = true;
            Thread current = Thread.currentThread();
            current.getUncaughtExceptionHandler().uncaughtException(current, thrown);
        }
    }

    private Probe.@Nullable Event next() {
        lock.lock();
        try {
            if (tail == head) {
                return null;
            }
            int place = (int) tail & (CAPACITY - 1);
            Probe.Event event = new Probe.Event(
                    heap,
                    heapId,
                    kinds[place],
                    words[WORDS * place],
                    words[WORDS * place + 1],
                    words[WORDS * place + 2],
                    (int) words[WORDS * place + 3]);
            tail++;
            return event;
        } finally {
            lock.unlock();
        }
    }

    private long takeLost() {
        lock.lock();
        try {
            long count = lost;
            lost = 0;
            return count;
        } finally {
            lock.unlock();
        }
    }
}
