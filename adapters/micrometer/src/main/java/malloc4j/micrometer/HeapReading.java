package malloc4j.micrometer;

import java.lang.ref.WeakReference;
import java.util.BitSet;
import java.util.concurrent.TimeUnit;
import java.util.function.ToDoubleFunction;
import malloc4j.Heap;
import malloc4j.observe.HeapStatistics;
import org.jspecify.annotations.Nullable;

/// What the meters of one heap in one registry read: one [Heap#statistics] for all of them.
///
/// A registry asks each meter once a scrape. So a reading is good once for each meter: the one that is asked again
/// belongs to the next scrape, and has a new reading taken. And for a second at most, for whoever asks for one meter
/// only now and then.
///
/// Concurrency: any thread, under the monitor. The heap is not kept: of one that is closed or gone, counters stay at
/// what they were, and gauges have no value.
final class HeapReading {
    private static final long MAX_AGE_NANOS = TimeUnit.SECONDS.toNanos(1);

    private final WeakReference<Heap> reference;
    private final BitSet asked = new BitSet();
    private @Nullable HeapStatistics latest;
    private long takenNanos;
    private boolean isOver;

    HeapReading(Heap heap) {
        reference = new WeakReference<>(heap);
    }

    /// The value of a gauge.
    ///
    /// @param meter its number
    synchronized double gauge(int meter, ToDoubleFunction<HeapStatistics> value) {
        refresh(meter);
        return isOver || latest == null ? Double.NaN : value.applyAsDouble(latest);
    }

    /// The value of a counter.
    ///
    /// @param meter its number
    synchronized double count(int meter, ToDoubleFunction<HeapStatistics> value) {
        refresh(meter);
        return latest == null ? 0 : value.applyAsDouble(latest);
    }

    /// A limit, -1 for none, as `jvm.memory.max` has it.
    double limit(ToDoubleFunction<Heap> value) {
        Heap heap = reference.get();
        if (heap == null) {
            return Double.NaN;
        }
        try {
            double bytes = value.applyAsDouble(heap);
            return bytes >= Long.MAX_VALUE ? -1 : bytes;
        } catch (IllegalStateException closed) {
            return Double.NaN;
        }
    }

    private void refresh(int meter) {
        long now = System.nanoTime();
        if (latest == null || asked.get(meter) || now - takenNanos > MAX_AGE_NANOS) {
            take();
            takenNanos = now;
            asked.clear();
        }
        asked.set(meter);
    }

    private void take() {
        Heap heap = reference.get();
        isOver = heap == null;
        if (heap != null) {
            try {
                latest = heap.statistics();
            } catch (IllegalStateException closed) {
                isOver = true;
            }
        }
    }
}
