package malloc4j.jfr;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import jdk.jfr.consumer.RecordedEvent;
import malloc4j.BlockMisuseException;
import malloc4j.Heap;
import malloc4j.HeapOptions;
import malloc4j.MisusePolicy;
import malloc4j.OutOfNativeMemoryError;
import malloc4j.alloc.BlockPool;
import malloc4j.observe.HeapStatistics;
import malloc4j.observe.SizeClassStatistics;
import org.junit.jupiter.api.Test;
import program.Calls;

/// Each event, read from recordings of this JVM.
class EventsTest {
    private static final long MIB = 1 << 20;

    private static Heap heap(String name) {
        return Heap.create(HeapOptions.builder().name(name).build());
    }

    private static void assertOf(RecordedEvent event, Heap heap) {
        assertThat(event.getString("heap")).isEqualTo(heap.options().name());
        assertThat(event.getInt("heapId")).isEqualTo(heap.heapId());
    }

    @Test
    void mapsAndUnmapsSayWhatAndWhen() {
        try (Recorded recorded = Recorded.of("malloc4j.Map", "malloc4j.Unmap");
                Heap heap = heap("maps")) {
            Instant before = Instant.now().minusMillis(1);
            long block = heap.malloc(40 * MIB);
            heap.free(block);
            for (String type : List.of("malloc4j.Map", "malloc4j.Unmap")) {
                RecordedEvent event = recorded.awaitOne(type, "maps");
                assertOf(event, heap);
                assertThat(event.getLong("address")).isEqualTo(block);
                assertThat(event.getLong("byteSize")).isEqualTo(40 * MIB);
                assertThat(event.getInstant("happened"))
                        .isBetween(before, event.getStartTime().plusMillis(1));
                assertThat(event.getStackTrace()).as("of another thread").isNull();
            }
        }
    }

    @Test
    void slabsAndPurgesAndTrimsAreThere() {
        try (Recorded recorded =
                        Recorded.of("malloc4j.SlabMade", "malloc4j.SlabRetired", "malloc4j.Purge", "malloc4j.Trim");
                Heap heap = heap("slabs")) {
            long block = heap.malloc(4_096);
            heap.segment(block).fill((byte) 1);
            heap.free(block);
            assertThat(heap.trim(0)).isTrue();
            for (String type : List.of("malloc4j.SlabMade", "malloc4j.SlabRetired")) {
                RecordedEvent event = recorded.awaitOne(type, "slabs");
                assertThat(event.getInt("blockBytes")).isEqualTo(4_096);
                assertThat(block - event.getLong("address")).isBetween(0L, 65_535L);
            }
            long trimmed = recorded.awaitOne("malloc4j.Trim", "slabs").getLong("byteSize");
            List<RecordedEvent> purges = recorded.events("malloc4j.Purge", "slabs");
            assertThat(purges.stream()
                            .mapToLong(event -> event.getLong("byteSize"))
                            .sum())
                    .isEqualTo(heap.statistics().purgedBytes())
                    .isGreaterThanOrEqualTo(trimmed)
                    .isPositive();
        }
    }

    @Test
    void aLimitThatIsMetAndTheRefusalAreThere() {
        HeapOptions options =
                HeapOptions.builder().name("limited").hardLimitBytes(MIB).build();
        try (Recorded recorded = Recorded.of("malloc4j.LimitMet", "malloc4j.Refusal");
                Heap heap = Heap.create(options)) {
            assertThatThrownBy(() -> heap.malloc(5 * MIB)).isInstanceOf(OutOfNativeMemoryError.class);
            RecordedEvent refusal = recorded.awaitOne("malloc4j.Refusal", "limited");
            assertThat(refusal.getLong("byteSize")).isEqualTo(5 * MIB);
            assertThat(refusal.getString("error")).isEqualTo("EDQUOT");
            assertThat(recorded.awaitOne("malloc4j.LimitMet", "limited").getLong("byteSize"))
                    .isEqualTo(5 * MIB);
        }
    }

    @Test
    void misuseNamesTheCallTheBlockAndTheLine() {
        HeapOptions options =
                HeapOptions.builder().name("misused").profileBytes(1).build();
        try (Recorded recorded = Recorded.of("malloc4j.Misuse");
                Heap heap = Heap.create(options)) {
            long freed = Calls.freeTwice(heap);
            long live = heap.malloc(100);
            heap.cFamily(MisusePolicy.COUNT).free(live + 16);
            List<RecordedEvent> events = recorded.events("malloc4j.Misuse", "misused");
            assertThat(events).hasSize(2);
            RecordedEvent inside = events.stream()
                    .filter(event -> event.getString("finding").equals("INTERIOR"))
                    .findFirst()
                    .orElseThrow();
            assertOf(inside, heap);
            assertThat(inside.getString("call")).isEqualTo("free");
            assertThat(inside.getLong("address")).isEqualTo(live + 16);
            assertThat(inside.getLong("blockAddress")).isEqualTo(live);
            assertThat(inside.getLong("blockBytes")).isEqualTo(heap.usableSize(live));
            assertThat(inside.getString("allocated")).contains("by thread", "EventsTest.misuseNames");
            assertThat(inside.getString("freed")).isEmpty();
            assertThat(inside.getString("text")).contains("of heap 'misused': interior address: 16 bytes inside");

            RecordedEvent twice = events.get(events.indexOf(inside) == 0 ? 1 : 0);
            assertThat(twice.getLong("address")).isEqualTo(freed);
            assertThat(twice.getString("site")).startsWith("program.Calls.freeTwice(Calls.java:");
            assertThat(twice.getThread().getJavaName())
                    .isEqualTo(Thread.currentThread().getName());
            assertThat(twice.getStackTrace().getFrames())
                    .anySatisfy(frame -> assertThat(frame.getMethod().getName()).isEqualTo("freeTwice"));
        }
    }

    @Test
    void aGuardHitNamesTheLineAndTheBlockAndIsThereOnce() {
        HeapOptions options =
                HeapOptions.builder().name("guarded").guardEvery(1).build();
        try (Recorded recorded = Recorded.of("malloc4j.GuardHit");
                Heap heap = Heap.create(options)) {
            InternalError fault = Calls.useAfterFree(heap);
            String text = Heap.explain(fault).orElseThrow();
            assertThat(Heap.explain(fault)).isPresent();
            List<RecordedEvent> hits = recorded.events("malloc4j.GuardHit", "guarded");
            assertThat(hits).hasSize(1);
            RecordedEvent hit = hits.getFirst();
            assertOf(hit, heap);
            assertThat(hit.getString("finding")).startsWith("use after free");
            assertThat(hit.getString("site")).startsWith("program.Calls.useAfterFree(Calls.java:");
            assertThat(hit.getLong("address")).isIn(0L, hit.getLong("blockAddress"));
            assertThat(hit.getLong("blockBytes")).isEqualTo(100);
            assertThat(hit.getString("allocated")).contains("program.Calls.useAfterFree");
            assertThat(hit.getString("freed")).contains("program.Calls.useAfterFree");
            assertThat(hit.getString("text"))
                    .startsWith(text + "\n    touched\n        at ")
                    .contains("\n        at program.Calls.useAfterFree(Calls.java:");
        }
    }

    @Test
    void samplesNameTheLineAndHaveTheStackOfWhoAllocates() {
        HeapOptions options = HeapOptions.builder().name("each").profileBytes(1).build();
        try (Recorded recorded = Recorded.of("malloc4j.AllocationSample");
                Heap heap = Heap.create(options)) {
            Calls.cycle(heap, 10, 1_024);
            List<RecordedEvent> samples = recorded.events("malloc4j.AllocationSample", "each");
            assertThat(samples).hasSize(10).allSatisfy(sample -> {
                assertOf(sample, heap);
                assertThat(sample.getString("site")).startsWith("program.Calls.cycle(Calls.java:");
                assertThat(sample.getLong("byteSize")).isEqualTo(1_024);
                assertThat(sample.getLong("weight")).isEqualTo(1_024);
                assertThat(sample.getDouble("blocks")).isCloseTo(1, within(1e-9));
                assertThat(sample.getLong("address")).isPositive();
                assertThat(sample.getThread().getJavaName())
                        .isEqualTo(Thread.currentThread().getName());
                assertThat(sample.getStackTrace().getFrames())
                        .anySatisfy(
                                frame -> assertThat(frame.getMethod().getName()).isEqualTo("cycle"));
            });
        }
    }

    @Test
    void weightsOfSamplesAddUpToWhatIsAllocated() {
        int count = 200_000;
        HeapOptions options =
                HeapOptions.builder().name("sums").profileBytes(16_384).build();
        try (Recorded recorded = Recorded.of("malloc4j.AllocationSample");
                Heap heap = Heap.create(options)) {
            for (int done = 0; done < count; done++) {
                Calls.cycle(heap, 1, 16L + done % 1_600);
            }
            HeapStatistics truth = heap.statistics();
            List<RecordedEvent> samples = recorded.events("malloc4j.AllocationSample", "sums");
            double bytes = (double)
                    samples.stream().mapToLong(event -> event.getLong("weight")).sum();
            double blocks = samples.stream()
                    .mapToDouble(event -> event.getDouble("blocks"))
                    .sum();
            // of a sum of weights one standard deviation is about the root of their squares
            double byteDeviation = Math.sqrt(samples.stream()
                    .mapToDouble(event -> Math.pow((double) event.getLong("weight"), 2))
                    .sum());
            double blockDeviation = Math.sqrt(samples.stream()
                    .mapToDouble(event -> Math.pow(event.getDouble("blocks"), 2))
                    .sum());
            assertThat(samples.size()).isGreaterThan(100);
            assertThat(bytes).isCloseTo((double) truth.allocatedBytes(), within(5 * byteDeviation));
            assertThat(blocks).isCloseTo((double) truth.allocatedBlocks(), within(5 * blockDeviation));
            long total = heap.profile().totalBytes();
            assertThat(bytes).as("as the profile has it").isCloseTo((double) total, within(total / 1_000.0));
        }
    }

    @Test
    void statisticsAreThoseOfTheHeap() {
        try (Heap heap = heap("statistics")) {
            Calls.cycle(heap, 1_000, 64);
            long block = heap.malloc(100_000);
            heap.segment(block).fill((byte) 1);
            HeapStatistics truth = heap.statistics();
            try (Recorded recorded = Recorded.of(
                    "malloc4j.HeapStatistics",
                    "malloc4j.HeapActivity",
                    "malloc4j.SizeClassStatistics",
                    "malloc4j.ResidentSetSize")) {
                RecordedEvent now = recorded.awaitOne("malloc4j.HeapStatistics", "statistics");
                assertOf(now, heap);
                assertThat(now.getLong("liveBytes")).isEqualTo(truth.liveBytes());
                assertThat(now.getLong("liveBlocks")).isEqualTo(truth.liveBlocks());
                assertThat(now.getLong("activeBytes")).isEqualTo(truth.spanBytes() + truth.hugeBytes());
                assertThat(now.getLong("reservedBytes")).isEqualTo(truth.reservedBytes());
                assertThat(now.getLong("committedBytes")).isBetween(1L, truth.committedBytes());
                assertThat(now.getLong("dirtyBytes")).isBetween(0L, truth.dirtyBytes());

                RecordedEvent ever = recorded.awaitOne("malloc4j.HeapActivity", "statistics");
                assertThat(ever.getLong("allocatedBytes")).isEqualTo(truth.allocatedBytes());
                assertThat(ever.getLong("allocatedBlocks")).isEqualTo(truth.allocatedBlocks());
                assertThat(ever.getLong("freedBytes")).isEqualTo(truth.freedBytes());
                assertThat(ever.getLong("freedBlocks")).isEqualTo(truth.freedBlocks());
                assertThat(ever.getLong("refusals")).isEqualTo(truth.refusals());
                assertThat(ever.getLong("systemCalls")).isGreaterThanOrEqualTo(truth.systemCalls());
                assertThat(ever.getInt("threadCaches")).isEqualTo(truth.threadCaches());

                RecordedEvent resident = recorded.awaitOne("malloc4j.ResidentSetSize", "statistics");
                assertThat(resident.getLong("residentBytes"))
                        .isGreaterThanOrEqualTo(100_000)
                        .isLessThan(truth.reservedBytes() + MIB);

                SizeClassStatistics first = truth.sizeClasses().getFirst();
                RecordedEvent small = recorded.awaitOne("malloc4j.SizeClassStatistics", "statistics");
                assertThat(small.getInt("blockBytes")).isEqualTo(first.blockBytes());
                assertThat(small.getLong("allocatedBlocks")).isEqualTo(first.allocatedBlocks());
                assertThat(small.getLong("freedBlocks")).isEqualTo(first.freedBlocks());
                assertThat(small.getLong("liveBytes")).isEqualTo(first.liveBlocks() * first.blockBytes());
                assertThat(small.getLong("freeBytes")).isEqualTo(first.freeBlocks() * first.blockBytes());
                assertThat(small.getLong("slabsMade")).isEqualTo(first.slabsMade());
            }
        }
    }

    @Test
    void everyHeapOfManyHasItsStatistics() {
        int count = 200;
        List<Heap> heaps = new ArrayList<>();
        try (Recorded recorded = Recorded.of("malloc4j.HeapStatistics")) {
            for (int number = 0; number < count; number++) {
                Heap heap = heap("many");
                long unused = heap.malloc(1_000L * number + 1);
                heaps.add(heap);
            }
            Set<Integer> all = heaps.stream().map(Heap::heapId).collect(Collectors.toSet());
            List<RecordedEvent> events = recorded.await("malloc4j.HeapStatistics", "many", found -> found.stream()
                    .map(event -> event.getInt("heapId"))
                    .collect(Collectors.toSet())
                    .containsAll(all));
            Heap last = heaps.getLast();
            assertThat(events)
                    .filteredOn(event -> event.getInt("heapId") == last.heapId())
                    .last()
                    .satisfies(event -> assertThat(event.getLong("liveBytes"))
                            .isEqualTo(last.statistics().liveBytes()));
        } finally {
            heaps.forEach(Heap::close);
        }
    }

    @Test
    void heapsMayBeClosedWhilePeriodicEventsAreMade() throws InterruptedException {
        try (Recorded recorded = new Recorded(Map.of())) {
            for (String type : List.of(
                    "malloc4j.HeapStatistics",
                    "malloc4j.HeapActivity",
                    "malloc4j.SizeClassStatistics",
                    "malloc4j.ResidentSetSize")) {
                recorded.recording().enable(type).withPeriod(Duration.ofMillis(1));
            }
            long end = System.nanoTime() + Duration.ofSeconds(2).toNanos();
            while (System.nanoTime() - end < 0) {
                for (int count = 0; count < 20; count++) {
                    try (Heap heap = heap("short")) {
                        Calls.cycle(heap, 10, 100);
                        long unused = heap.malloc(1_000);
                        unused = heap.malloc(40 * MIB);
                    }
                }
                Thread.sleep(1);
            }
            try (Heap heap = heap("after")) {
                RecordedEvent event = recorded.awaitOne("malloc4j.HeapStatistics", "after");
                assertOf(event, heap);
            }
            assertThat(recorded.events("malloc4j.HeapStatistics", "short")).isNotEmpty();
        }
    }

    @Test
    void aPoolsMisuseIsOfItsHeap() {
        try (Recorded recorded = Recorded.of("malloc4j.Misuse");
                Heap heap = heap("below");
                BlockPool pool = BlockPool.ofSize(64).confined(heap)) {
            long block = pool.malloc();
            pool.free(block);
            assertThatThrownBy(() -> pool.free(block)).isInstanceOf(BlockMisuseException.class);
            assertThat(recorded.events("malloc4j.Misuse", "below"))
                    .singleElement()
                    .satisfies(event -> assertThat(event.getLong("address")).isEqualTo(block));
        }
    }
}
