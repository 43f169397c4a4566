package malloc4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import malloc4j.faults.ChildJvm;
import malloc4j.observe.Probe;
import malloc4j.observe.Probe.Event;
import malloc4j.observe.Probe.Kind;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Probes: what they are told, and that they do no harm.
class ProbeTest {
    private static final long MIB = 1 << 20;

    private static final class Recorder implements Probe {
        final List<Event> events = new ArrayList<>();

        @Override
        public synchronized void event(Event event) {
            events.add(event);
        }

        synchronized List<Event> all(Kind kind) {
            return events.stream().filter(event -> event.kind() == kind).toList();
        }
    }

    private static void await(BooleanSupplier condition) {
        for (int attempt = 0; attempt < 1_500 && !condition.getAsBoolean(); attempt++) {
            LockSupport.parkNanos(20_000_000);
        }
        assertThat(condition.getAsBoolean()).isTrue();
    }

    @Test
    void aProbeIsToldWhatAHeapDoesSeldom() {
        Recorder recorder = new Recorder();
        HeapOptions options = HeapOptions.builder()
                .name("told")
                .probe(recorder)
                .hardLimitBytes(128 * MIB)
                .build();
        try (Heap heap = Heap.create(options)) {
            long small = heap.malloc(4_096);
            long huge = heap.malloc(64 * MIB);
            assertThatThrownBy(() -> heap.malloc(100 * MIB)).isInstanceOf(OutOfNativeMemoryError.class);
            heap.free(huge);
            heap.free(small);
            heap.trim(0);
            Set<Kind> expected = EnumSet.allOf(Kind.class);

            await(() -> expected.stream().noneMatch(kind -> recorder.all(kind).isEmpty()));

            assertThat(recorder.all(Kind.MAP))
                    .anySatisfy(event -> assertThat(event.address()).isEqualTo(huge));
            assertThat(recorder.all(Kind.UNMAP)).singleElement().satisfies(event -> {
                assertThat(event.address()).isEqualTo(huge);
                assertThat(event.byteSize()).isEqualTo(64 * MIB);
                assertThat(event.heap()).isEqualTo("told");
            });
            assertThat(recorder.all(Kind.SLAB_MADE)).singleElement().satisfies(event -> {
                assertThat(event.detail()).isEqualTo(4_096);
                assertThat(small - event.address()).isBetween(0L, 65_535L);
            });
            assertThat(recorder.all(Kind.SLAB_RETIRED)).hasSize(1);
            assertThat(recorder.all(Kind.REFUSAL)).singleElement().satisfies(event -> assertThat(event.byteSize())
                    .isEqualTo(100 * MIB));
            assertThat(recorder.all(Kind.LIMIT_MET)).hasSize(1);
            assertThat(recorder.all(Kind.TRIM)).hasSize(1);
        }
    }

    @Test
    void aProbeMayThrowAndUseTheHeapThatItIsToldOf() {
        AtomicLong told = new AtomicLong();
        Heap[] heap = new Heap[1];
        Probe probe = event -> {
            told.incrementAndGet();
            long block = heap[0].malloc(100_000); // more events
            heap[0].free(block);
            throw new IllegalStateException("of a probe");
        };
        Thread.UncaughtExceptionHandler before = Thread.getDefaultUncaughtExceptionHandler();
        List<Throwable> reported = new ArrayList<>();
        Thread.setDefaultUncaughtExceptionHandler((thread, failure) -> reported.add(failure));
        try {
            heap[0] = Heap.create(HeapOptions.builder().probe(probe).build());
            try (Heap used = heap[0]) {
                for (int count = 0; count < 100; count++) {
                    used.free(used.malloc(40 * MIB));
                }
                await(() -> told.get() >= 100);
                used.verify();
                assertThat(reported).as("said once").hasSize(1);
            }
        } finally {
            Thread.setDefaultUncaughtExceptionHandler(before);
        }
    }

    @Test
    void aProbeThatIsTooSlowLosesEventsAndHoldsNobodyUp() {
        CountDownLatch go = new CountDownLatch(1);
        AtomicLong told = new AtomicLong();
        AtomicLong lost = new AtomicLong();
        Probe probe = new Probe() {
            @Override
            public void event(Event event) {
                told.incrementAndGet();
                try {
                    go.await();
                } catch (InterruptedException interrupted) {
                    throw new AssertionError(interrupted);
                }
            }

            @Override
            public void lost(String name, int heapId, long count) {
                lost.addAndGet(count);
            }
        };
        int pairs = 4_000;
        try (Heap heap = Heap.create(HeapOptions.builder().probe(probe).build())) {
            for (int count = 0; count < pairs; count++) {
                heap.free(heap.malloc(40 * MIB));
            }
            go.countDown();
            await(() -> told.get() + lost.get() == 2L * pairs);
            assertThat(lost.get()).isPositive();
        }
    }

    @Test
    void probesThatTheServiceLoaderFindsAreToldOfHeapsWithoutOne(@TempDir Path directory)
            throws IOException, InterruptedException {
        Path services = Files.createDirectories(directory.resolve("META-INF/services"));
        Files.writeString(services.resolve(Probe.class.getName()), FoundProbeChild.Found.class.getName());
        ChildJvm child = ChildJvm.small("-Xbootclasspath/a:" + directory);
        assertThat(child.run(FoundProbeChild.class)).endsWith("told\n").doesNotContain("not told");
    }

    @Test
    void aProbeIsToldFirstThatAHeapWasOpenedAndLastThatItWasClosed() {
        List<String> told = Collections.synchronizedList(new ArrayList<>());
        Probe probe = new Probe() {
            @Override
            public void opened(String name, int heapId) {
                boolean isKnown = Heap.all().stream().anyMatch(each -> each.heapId() == heapId);
                told.add(name + " opened, known: " + isKnown);
            }

            @Override
            public void event(Event event) {
                told.add("event");
            }

            @Override
            public void closed(String name, int heapId) {
                told.add(name + " closed");
            }
        };
        Heap heap = Heap.create(HeapOptions.builder().name("brief").probe(probe).build());
        heap.free(heap.malloc(40 * MIB));
        await(() -> told.contains("event"));
        heap.close();
        await(() -> told.contains("brief closed"));
        assertThat(told).startsWith("brief opened, known: true", "event").endsWith("brief closed");
        assertThat(told).containsOnlyOnce("brief opened, known: true", "brief closed");
    }

    @Test
    void openHeapsAreKnownByNameAndClosedOnesAreNot() {
        Heap heap = Heap.create(HeapOptions.builder().name("known").build());
        assertThat(Heap.all()).contains(heap);
        assertThat(Heap.all()).extracting(each -> each.options().name()).contains("known");
        heap.close();
        assertThat(Heap.all()).doesNotContain(heap);
    }
}
