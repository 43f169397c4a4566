package malloc4j.jfr;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import jdk.jfr.EventType;
import jdk.jfr.FlightRecorder;
import jdk.jfr.Recording;
import jdk.jfr.SettingDescriptor;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingStream;
import malloc4j.Heap;
import malloc4j.HeapOptions;
import org.junit.jupiter.api.Test;
import program.Calls;

/// What a recording can set, and that an event which is off is not written.
class SettingsTest {
    private static final long MIB = 1 << 20;

    private static Heap heap(String name) {
        return Heap.create(HeapOptions.builder().name(name).profileBytes(1).build());
    }

    private static List<EventType> types() {
        return FlightRecorder.getFlightRecorder().getEventTypes().stream()
                .filter(type -> type.getName().startsWith("malloc4j."))
                .toList();
    }

    @Test
    void everyTypeIsKnownAsSoonAsAHeapWasMade() {
        try (Heap heap = heap("first")) {
            Calls.cycle(heap, 1, 100); // waits for the probe
            assertThat(types()).hasSize(16);
        }
    }

    @Test
    void whatIsOffIsNotWritten() {
        try (Heap heap = heap("off")) {
            Calls.cycle(heap, 1, 100);
            Map<String, String> settings = new HashMap<>();
            types().forEach(type -> settings.put(type.getName() + "#enabled", "false"));
            settings.put("malloc4j.Trim#enabled", "true");
            try (Recorded recorded = new Recorded(settings)) {
                Calls.cycle(heap, 10, 100);
                Calls.cycle(heap, 1, 40 * MIB);
                long unused = Calls.freeTwice(heap);
                heap.trim(0);
                RecordedEvent last = recorded.awaitOne("malloc4j.Trim", "off");
                assertThat(last.getLong("byteSize")).isPositive();
                assertThat(recorded.all())
                        .extracting(event -> event.getEventType().getName())
                        .filteredOn(name -> name.startsWith("malloc4j."))
                        .containsOnly("malloc4j.Trim");
            }
        }
    }

    @Test
    void withoutARecordingNothingIsWritten() {
        try (Heap heap = heap("before")) {
            Calls.cycle(heap, 10, 100);
            try (Recorded recorded = Recorded.of("malloc4j.AllocationSample")) {
                Calls.cycle(heap, 3, 100);
                assertThat(recorded.events("malloc4j.AllocationSample", "before"))
                        .hasSize(3);
            }
            Calls.cycle(heap, 10, 100);
        }
    }

    @Test
    void whatIsSmallerThanTheMinimumIsLeftOut() {
        String minimum = "malloc4j.Map#minimumSize";
        try (Recorded recorded = new Recorded(Map.of("malloc4j.Map#enabled", "true", minimum, "50 MB"));
                Heap heap = heap("sized")) {
            Calls.cycle(heap, 1, 40 * MIB);
            Calls.cycle(heap, 1, 50 * MIB);
            Calls.cycle(heap, 1, 60 * MIB);
            List<RecordedEvent> events = recorded.await("malloc4j.Map", "sized", found -> found.size() >= 2);
            assertThat(events)
                    .extracting(event -> event.getLong("byteSize"))
                    .containsExactlyInAnyOrder(50 * MIB, 60 * MIB);
            recorded.recording().setSettings(Map.of("malloc4j.Map#enabled", "true", minimum, "40 MB"));
            Calls.cycle(heap, 1, 40 * MIB);
            recorded.await("malloc4j.Map", "sized", found -> found.size() == 3);
        }
    }

    @Test
    void sizesAreReadAsFlightRecorderWritesThem() {
        assertThat(MinimumSize.parse("0 B")).hasValue(0);
        assertThat(MinimumSize.parse("4096")).hasValue(4_096);
        assertThat(MinimumSize.parse(" 64 kB ")).hasValue(65_536);
        assertThat(MinimumSize.parse("1M")).hasValue(MIB);
        assertThat(MinimumSize.parse("2 GiB")).hasValue(2L << 30);
        for (String wrong : List.of("", "MB", "-1 B", "1 TB", "1.5 MB", "9999999999999")) {
            assertThat(MinimumSize.parse(wrong)).as(wrong).isEmpty();
        }
    }

    @Test
    void ofSeveralRecordingsTheSmallestMinimumCounts() {
        MinimumSize minimum = new MinimumSize();
        assertThat(minimum.getValue()).isEqualTo("0 B");
        assertThat(minimum.combine(Set.of("1 MB", "64 kB", "nonsense"))).isEqualTo("64 kB");
        assertThat(minimum.combine(Set.of("nonsense"))).isEqualTo("0 B");
        minimum.setValue("1 MB");
        minimum.setValue("nonsense");
        assertThat(minimum.getValue()).isEqualTo("1 MB");
        assertThat(minimum.bytes()).isEqualTo(MIB);
    }

    @Test
    void aThresholdLeavesOutWhatTakesNoTime() {
        Map<String, String> settings =
                Map.of("malloc4j.AllocationSample#enabled", "true", "malloc4j.AllocationSample#threshold", "1 ms");
        try (Recorded recorded = new Recorded(settings);
                Heap heap = heap("thresholds")) {
            Calls.cycle(heap, 10, 100);
            assertThat(recorded.events("malloc4j.AllocationSample", "thresholds"))
                    .isEmpty();
        }
    }

    @Test
    void aStreamHasThemAsTheyHappen() throws InterruptedException {
        CountDownLatch seen = new CountDownLatch(3);
        List<Integer> ids = new ArrayList<>();
        try (RecordingStream stream = new RecordingStream();
                Heap heap = heap("streamed")) {
            stream.enable("malloc4j.HeapStatistics").withPeriod(Duration.ofMillis(20));
            stream.onEvent("malloc4j.HeapStatistics", event -> {
                if (event.getString("heap").equals("streamed")) {
                    ids.add(event.getInt("heapId"));
                    seen.countDown();
                }
            });
            stream.startAsync();
            assertThat(seen.await(60, TimeUnit.SECONDS)).isTrue();
            assertThat(ids).containsOnly(heap.heapId());
        }
    }

    @Test
    void periodsAndStacksAreWhatIsDocumented() {
        try (Heap heap = heap("defaults");
                Recording recording = new Recording()) {
            Calls.cycle(heap, 1, 100);
            for (EventType type : types()) {
                boolean isPeriodic = type.getSettingDescriptors().stream()
                        .map(SettingDescriptor::getName)
                        .anyMatch("period"::equals);
                boolean hasStack = type.getSettingDescriptors().stream()
                        .filter(setting -> setting.getName().equals("stackTrace"))
                        .anyMatch(setting -> setting.getDefaultValue().equals("true"));
                assertThat(hasStack)
                        .as(type.getName())
                        .isEqualTo(Set.of("malloc4j.AllocationSample", "malloc4j.Misuse", "malloc4j.GuardHit")
                                .contains(type.getName()));
                assertThat(isPeriodic)
                        .as(type.getName())
                        .isEqualTo(Set.of(
                                        "malloc4j.HeapStatistics",
                                        "malloc4j.HeapActivity",
                                        "malloc4j.SizeClassStatistics",
                                        "malloc4j.ResidentSetSize")
                                .contains(type.getName()));
                assertThat(type.getLabel()).isNotBlank();
                assertThat(type.getDescription()).isNotBlank();
                assertThat(type.getCategoryNames()).containsExactly("malloc4j");
                assertThat(type.getFields()).as(type.getName()).allSatisfy(field -> assertThat(field.getLabel())
                        .isNotBlank());
            }
            assertThat(recording.getSettings()).isEmpty();
        }
    }
}
