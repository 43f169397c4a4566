package malloc4j.micrometer;

import static org.assertj.core.api.Assertions.assertThat;

import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.io.IOException;
import java.lang.ref.WeakReference;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import malloc4j.Heap;
import malloc4j.HeapOptions;
import malloc4j.observe.Probe;
import org.junit.jupiter.api.Test;

/// Meters of heaps in registries.
class HeapMetricsTest {
    private static final long MIB = 1 << 20;
    private static final int METERS = 15;

    private static void await(BooleanSupplier condition) {
        for (int attempt = 0; attempt < 1_500 && !condition.getAsBoolean(); attempt++) {
            LockSupport.parkNanos(20_000_000);
        }
        assertThat(condition.getAsBoolean()).isTrue();
    }

    private static Heap heap(String name) {
        return Heap.create(
                HeapOptions.builder().name(name).hardLimitBytes(64 * MIB).build());
    }

    private static long count(MeterRegistry registry, String heap) {
        return registry.getMeters().stream()
                .filter(meter -> heap.equals(meter.getId().getTag("heap")))
                .count();
    }

    private static double gauge(MeterRegistry registry, String name, Heap heap) {
        return registry.get(name)
                .tags("heap", heap.options().name(), "id", Integer.toString(heap.heapId()))
                .gauge()
                .value();
    }

    private static double counter(MeterRegistry registry, String name, Heap heap) {
        return registry.get(name)
                .tags("heap", heap.options().name(), "id", Integer.toString(heap.heapId()))
                .functionCounter()
                .count();
    }

    @Test
    void metersTellWhatTheHeapHoldsAndHasDone() {
        MeterRegistry registry = new SimpleMeterRegistry();
        try (Heap heap = heap("metered");
                HeapMetrics metrics = new HeapMetrics(heap)) {
            metrics.bindTo(registry);
            long kept = heap.malloc(1_000);
            heap.free(heap.malloc(2_000));
            assertThat(gauge(registry, "malloc4j.memory.used", heap)).isEqualTo((double) heap.usableSize(kept));
            assertThat(gauge(registry, "malloc4j.blocks.used", heap)).isEqualTo(1);
            assertThat(counter(registry, "malloc4j.blocks.allocated", heap)).isEqualTo(2);
            assertThat(counter(registry, "malloc4j.blocks.freed", heap)).isEqualTo(1);
            assertThat(gauge(registry, "malloc4j.memory.max", heap)).isEqualTo(64.0 * MIB);
            assertThat(gauge(registry, "malloc4j.memory.soft.max", heap)).isEqualTo(-1);
            heap.free(kept);
            assertThat(gauge(registry, "malloc4j.blocks.used", heap))
                    .as("asked again")
                    .isZero();
        }
    }

    @Test
    void everyMeterHasADescriptionAndAUnit() {
        MeterRegistry registry = new SimpleMeterRegistry();
        try (Heap heap = heap("said");
                HeapMetrics metrics = new HeapMetrics(heap, Tags.of("service", "shop"))) {
            metrics.bindTo(registry);
            assertThat(registry.getMeters()).hasSize(METERS).allSatisfy(meter -> {
                Meter.Id id = meter.getId();
                assertThat(id.getName()).startsWith("malloc4j.");
                assertThat(id.getDescription()).isNotBlank();
                assertThat(id.getBaseUnit()).isNotBlank();
                assertThat(id.getTag("service")).isEqualTo("shop");
            });
        }
    }

    @Test
    void thePageHasEveryMeterAndNoOther() throws IOException {
        String page =
                Files.readString(Path.of(System.getProperty("basedir", ".")).resolve("../../docs/observing.md"));
        MeterRegistry registry = new SimpleMeterRegistry();
        try (Heap heap = heap("told");
                HeapMetrics metrics = new HeapMetrics(heap)) {
            metrics.bindTo(registry);
            assertThat(registry.getMeters().stream()
                            .map(meter -> meter.getId().getName())
                            .collect(Collectors.toSet()))
                    .isEqualTo(Pattern.compile("`(malloc4j(\\.[a-z]+)+)`")
                            .matcher(page.substring(page.indexOf("| gauge |")))
                            .results()
                            .map(found -> found.group(1))
                            .collect(Collectors.toSet()));
        }
    }

    @Test
    void aScrapeReadsAHeapOnce() {
        try (Heap heap = heap("scraped")) {
            HeapReading reading = new HeapReading(heap);
            double before = reading.gauge(0, each -> each.liveBlocks());
            long kept = heap.malloc(100);
            assertThat(reading.gauge(1, each -> each.liveBlocks()))
                    .as("the same reading")
                    .isEqualTo(before);
            assertThat(reading.gauge(0, each -> each.liveBlocks()))
                    .as("the next one")
                    .isEqualTo(before + 1);
            assertThat(reading.gauge(1, each -> each.liveBlocks())).isEqualTo(before + 1);
            heap.free(kept);
        }
    }

    @Test
    void heapsThatAreOpenedAndClosedLaterAreFollowed() {
        MeterRegistry registry = new SimpleMeterRegistry();
        Probe own = event -> {};
        try (Heap first = heap("first");
                HeapMetrics metrics = new HeapMetrics()) {
            metrics.bindTo(registry);
            assertThat(count(registry, "first")).isEqualTo(METERS);
            try (Heap later =
                    Heap.create(HeapOptions.builder().name("later").probe(own).build())) {
                await(() -> count(registry, "later") == METERS);
                assertThat(gauge(registry, "malloc4j.memory.max", later)).isEqualTo(-1);
            }
            await(() -> count(registry, "later") == 0);
            assertThat(count(registry, "first")).isEqualTo(METERS);
            assertThat(first.heapId()).isPositive();
        }
        assertThat(registry.getMeters()).as("after close").isEmpty();
    }

    @Test
    void aClosedHeapHasNoGaugesAndItsLastCounts() {
        HeapReading reading;
        try (Heap heap = heap("over")) {
            heap.free(heap.malloc(100));
            reading = new HeapReading(heap);
            assertThat(reading.count(0, each -> each.allocatedBlocks())).isEqualTo(1);
        }
        assertThat(reading.count(0, each -> each.allocatedBlocks())).isEqualTo(1);
        assertThat(reading.gauge(1, each -> each.liveBlocks())).isNaN();
        assertThat(reading.limit(Heap::hardLimitBytes)).isIn(Double.NaN, 64.0 * MIB);
    }

    @Test
    void metersDoNotKeepAHeap() {
        MeterRegistry registry = new SimpleMeterRegistry();
        HeapMetrics metrics = new HeapMetrics();
        metrics.bindTo(registry);
        WeakReference<Heap> forgotten = forgotten(registry);
        await(() -> {
            System.gc();
            return forgotten.refersTo(null);
        });
        metrics.close();
    }

    private static WeakReference<Heap> forgotten(MeterRegistry registry) {
        Heap heap = heap("forgotten");
        await(() -> count(registry, "forgotten") == METERS);
        return new WeakReference<>(heap);
    }

    @Test
    void prometheusShowsNamesUnitsAndTagsInItsManner() {
        PrometheusMeterRegistry registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
        try (Heap heap = heap("shown");
                Heap twin = heap("shown");
                HeapMetrics metrics = new HeapMetrics()) {
            metrics.bindTo(registry);
            long kept = heap.malloc(1_000);
            String page = registry.scrape();
            List<String> lines = page.lines().toList();
            String tags = "{heap=\"shown\",id=\"" + heap.heapId() + "\"}";
            assertThat(lines)
                    .contains(
                            "# TYPE malloc4j_memory_used_bytes gauge",
                            "# TYPE malloc4j_memory_allocated_bytes_total counter",
                            "malloc4j_memory_used_bytes" + tags + " " + (double) heap.usableSize(kept),
                            "malloc4j_blocks_used_blocks" + tags + " 1.0",
                            "malloc4j_blocks_allocated_blocks_total" + tags + " 1.0",
                            "malloc4j_memory_max_bytes" + tags + " " + "6.7108864E7",
                            "malloc4j_blocks_used_blocks{heap=\"shown\",id=\"" + twin.heapId() + "\"} 0.0");
            assertThat(lines.stream()
                            .filter(line -> line.contains(tags))
                            .map(line -> line.substring(0, line.indexOf('{')))
                            .collect(Collectors.toSet()))
                    .hasSize(METERS);
            heap.free(kept);
        }
    }
}
