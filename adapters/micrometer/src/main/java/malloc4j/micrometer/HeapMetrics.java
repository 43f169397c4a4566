package malloc4j.micrometer;

import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tag;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.binder.BaseUnits;
import io.micrometer.core.instrument.binder.MeterBinder;
import java.lang.ref.WeakReference;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;
import malloc4j.Heap;
import malloc4j.observe.HeapStatistics;
import org.jspecify.annotations.Nullable;

/// Meters of heaps: of one, or of all that are open, also of those that are opened later.
///
/// ```
///   new HeapMetrics().bindTo(registry);
///
///   malloc4j.memory.used{heap="cache",id="1"}     and so on: docs/observing.md has all
/// ```
///
/// A scrape costs one [Heap#statistics] a heap, some microseconds, however many meters there are. The meters of a heap
/// are there some 20 ms after it was opened, and go as long after it was closed. Heaps are referred to weakly.
///
/// Concurrency: any thread, at any time.
///
/// @since 0.1.0
public final class HeapMetrics implements MeterBinder, AutoCloseable {
    private static final List<HeapMeter> METERS = List.of(
            gauge("memory.used", BaseUnits.BYTES, "Usable sizes of live blocks", HeapStatistics::liveBytes),
            gauge("memory.dirty", BaseUnits.BYTES, "Free pages kept for reuse", HeapStatistics::dirtyBytes),
            gauge("memory.committed", BaseUnits.BYTES, "What the limits count", HeapStatistics::committedBytes),
            gauge(
                    "memory.reserved",
                    BaseUnits.BYTES,
                    "Mapped for the heap, in use or not",
                    HeapStatistics::reservedBytes),
            gauge("blocks.used", "blocks", "Live blocks", HeapStatistics::liveBlocks),
            gauge("caches", "caches", "Caches of threads", HeapStatistics::threadCaches),
            counter(
                    "memory.allocated",
                    BaseUnits.BYTES,
                    "Allocated, freed since or not",
                    HeapStatistics::allocatedBytes),
            counter("memory.freed", BaseUnits.BYTES, "Freed", HeapStatistics::freedBytes),
            counter("memory.purged", BaseUnits.BYTES, "Given back to the kernel", HeapStatistics::purgedBytes),
            counter("blocks.allocated", "blocks", "Mallocs", HeapStatistics::allocatedBlocks),
            counter("blocks.freed", "blocks", "Frees", HeapStatistics::freedBlocks),
            counter("refusals", "requests", "Requests refused for want of memory", HeapStatistics::refusals),
            counter("system.calls", "calls", "System calls made for the heap", HeapStatistics::systemCalls));

    private final @Nullable WeakReference<Heap> only;
    private final Tags tags;
    private final List<Binding> bindings = new ArrayList<>();
    private final Runnable listener = this::update;

    /// Of all heaps.
    public HeapMetrics() {
        this(List.of());
    }

    /// Of all heaps.
    ///
    /// @param tags of every meter, beside the heap's name and number
    public HeapMetrics(Iterable<Tag> tags) {
        this(tags, null);
    }

    /// Of one heap.
    public HeapMetrics(Heap heap) {
        this(heap, List.of());
    }

    /// Of one heap.
    ///
    /// @param tags of every meter, beside the heap's name and number
    public HeapMetrics(Heap heap, Iterable<Tag> tags) {
        this(tags, heap);
    }

    private HeapMetrics(Iterable<Tag> tags, @Nullable Heap only) {
        this.tags = Tags.of(tags);
        this.only = only == null ? null : new WeakReference<>(only);
    }

    /// Adds the meters of the heaps that are open, and follows those that are opened and closed until [#close].
    @Override
    public synchronized void bindTo(MeterRegistry registry) {
        if (bindings.isEmpty()) {
            MeterProbe.add(listener);
        }
        bindings.add(new Binding(registry));
        update();
    }

    /// Removes the meters from their registries, and follows no heap any more.
    @Override
    public synchronized void close() {
        MeterProbe.remove(listener);
        bindings.forEach(binding -> binding.show(List.of(), tags));
        bindings.clear();
    }

    private synchronized void update() {
        Heap heap = only == null ? null : only.get();
        List<Heap> shown = Heap.all().stream()
                .filter(open -> only == null || open.equals(heap))
                .toList();
        bindings.forEach(binding -> binding.show(shown, tags));
    }

    private static HeapMeter gauge(String name, String unit, String text, ToDoubleFunction<HeapStatistics> value) {
        return new HeapMeter(name, unit, text, false, value);
    }

    private static HeapMeter counter(String name, String unit, String text, ToDoubleFunction<HeapStatistics> value) {
        return new HeapMeter(name, unit, text, true, value);
    }

    /// One meter that each heap has.
    private record HeapMeter(
            String name, String unit, String text, boolean isCounter, ToDoubleFunction<HeapStatistics> value) {
        Meter register(int number, HeapReading reading, Tags tags, MeterRegistry registry) {
            String full = "malloc4j." + name;
            if (isCounter) { // which has its object weakly: the gauges keep it
                return FunctionCounter.builder(full, reading, asked -> asked.count(number, value))
                        .description(text)
                        .baseUnit(unit)
                        .tags(tags)
                        .register(registry);
            }
            return Gauge.builder(full, () -> reading.gauge(number, value))
                    .description(text)
                    .baseUnit(unit)
                    .tags(tags)
                    .register(registry);
        }
    }

    /// The meters in one registry, by heap. Under the monitor of the metrics.
    private record Binding(MeterRegistry registry, Map<Integer, List<Meter>> meters) {
        Binding(MeterRegistry registry) {
            this(registry, new HashMap<>());
        }

        /// Adds the meters of heaps that have none, and removes those of all other heaps.
        void show(List<Heap> heaps, Tags tags) {
            Set<Integer> ids = heaps.stream().map(Heap::heapId).collect(Collectors.toSet());
            meters.forEach((id, ofHeap) -> {
                if (!ids.contains(id)) {
                    ofHeap.forEach(registry::remove);
                }
            });
            meters.keySet().retainAll(ids);
            for (Heap heap : heaps) {
                meters.computeIfAbsent(heap.heapId(), unused -> add(heap, tags));
            }
        }

        private List<Meter> add(Heap heap, Tags tags) {
            Tags all = tags.and("heap", heap.options().name(), "id", Integer.toString(heap.heapId()));
            HeapReading reading = new HeapReading(heap);
            List<Meter> added = new ArrayList<>();
            for (int number = 0; number < METERS.size(); number++) {
                added.add(METERS.get(number).register(number, reading, all, registry));
            }
            added.add(limit("memory.max", "Hard limit, -1 for none", reading, Heap::hardLimitBytes, all));
            added.add(limit("memory.soft.max", "Soft limit, -1 for none", reading, Heap::softLimitBytes, all));
            return added;
        }

        private Meter limit(String name, String text, HeapReading reading, ToDoubleFunction<Heap> value, Tags all) {
            return Gauge.builder("malloc4j." + name, () -> reading.limit(value))
                    .description(text)
                    .baseUnit(BaseUnits.BYTES)
                    .tags(all)
                    .register(registry);
        }
    }
}
