package malloc4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import malloc4j.alloc.BlockPool;
import malloc4j.internal.memory.RawMemory;
import malloc4j.observe.AllocationSite;
import malloc4j.observe.MisuseReport;
import malloc4j.observe.MisuseReport.Finding;
import malloc4j.observe.Probe;
import org.junit.jupiter.api.Test;

/// What a probe is told by the thread that it happens to, and that it does no harm there.
class ProbeAtOnceTest {
    private static final int BYTES = 1_000;

    private static class Recorder implements Probe {
        final List<Sample> samples = new CopyOnWriteArrayList<>();
        final List<MisuseReport> reports = new CopyOnWriteArrayList<>();
        final List<GuardHit> hits = new CopyOnWriteArrayList<>();
        final List<Thread> threads = new CopyOnWriteArrayList<>();
        final List<String> opened = new CopyOnWriteArrayList<>();
        final AtomicLong lost = new AtomicLong();

        @Override
        public void opened(String heap, int heapId) {
            opened.add(heap);
        }

        @Override
        public void event(Event event) {}

        @Override
        public void sampled(Sample sample) {
            samples.add(sample);
            threads.add(Thread.currentThread());
        }

        @Override
        public void misused(String heap, int heapId, MisuseReport report) {
            reports.add(report);
            threads.add(Thread.currentThread());
        }

        @Override
        public void guardHit(GuardHit hit) {
            hits.add(hit);
            threads.add(Thread.currentThread());
        }

        @Override
        public void lost(String heap, int heapId, long count) {
            lost.addAndGet(count);
        }
    }

    private static Heap heap(Probe probe, long profileBytes) {
        return Heap.create(HeapOptions.builder()
                .name("told")
                .probe(probe)
                .profileBytes(profileBytes)
                .build());
    }

    private static void await(BooleanSupplier condition) {
        for (int attempt = 0; attempt < 1_500 && !condition.getAsBoolean(); attempt++) {
            LockSupport.parkNanos(20_000_000);
        }
        assertThat(condition.getAsBoolean()).isTrue();
    }

    @Test
    void aProbeIsToldFirstThatAHeapWasMade() {
        Recorder recorder = new Recorder();
        try (Heap heap = heap(recorder, 0)) {
            await(() -> recorder.opened.equals(List.of("told")));
            heap.verify();
        }
    }

    @Test
    void eachSampleIsToldByTheThreadThatAllocates() {
        Recorder recorder = new Recorder();
        try (Heap heap = heap(recorder, 1)) {
            long block = heap.malloc(BYTES);

            assertThat(recorder.samples).singleElement().satisfies(sample -> {
                assertThat(sample.heap()).isEqualTo("told");
                assertThat(sample.heapId()).isEqualTo(heap.heapId());
                assertThat(sample.address()).isEqualTo(block);
                assertThat(sample.byteSize()).isEqualTo(heap.usableSize(block));
                assertThat(sample.weight()).isCloseTo(1, within(1e-9));
                assertThat(sample.bytes()).isCloseTo((double) heap.usableSize(block), within(1e-3));
                assertThat(sample.stack().getFirst().getMethodName())
                        .isEqualTo("eachSampleIsToldByTheThreadThatAllocates");
            });
            assertThat(recorder.threads).containsExactly(Thread.currentThread());
            heap.free(block);
        }
    }

    @Test
    void samplesAddUpToTheProfile() {
        Recorder recorder = new Recorder();
        try (Heap heap = heap(recorder, 4_096)) {
            for (int count = 0; count < 50_000; count++) {
                heap.free(heap.malloc(16 + count % 3_000));
            }
            heap.free(heap.malloc(40 << 20));
            double bytes =
                    recorder.samples.stream().mapToDouble(Probe.Sample::bytes).sum();
            double blocks =
                    recorder.samples.stream().mapToDouble(Probe.Sample::weight).sum();

            List<AllocationSite> sites = heap.profile().sites();
            assertThat(bytes)
                    .isCloseTo(
                            (double) sites.stream()
                                    .mapToLong(AllocationSite::totalBytes)
                                    .sum(),
                            within(10.0));
            assertThat(blocks)
                    .isCloseTo(
                            (double) sites.stream()
                                    .mapToLong(AllocationSite::totalBlocks)
                                    .sum(),
                            within(10.0));
        }
    }

    @Test
    void blocksThatAreOnlyGuardedAreNoSamples() {
        Recorder recorder = new Recorder();
        try (Heap heap =
                Heap.create(HeapOptions.builder().probe(recorder).guardEvery(1).build())) {
            heap.free(heap.malloc(BYTES));
        }
        assertThat(recorder.samples).isEmpty();
    }

    @Test
    void misuseIsToldBeforeItIsThrown() {
        Recorder recorder = new Recorder();
        try (Heap heap = heap(recorder, 0)) {
            long block = heap.malloc(BYTES);
            assertThatThrownBy(() -> heap.free(block + 16))
                    .isInstanceOfSatisfying(BlockMisuseException.class, thrown -> assertThat(recorder.reports)
                            .containsExactly(thrown.report()));
            heap.free(block);
            assertThatThrownBy(() -> heap.realloc(block, 10)).isInstanceOf(BlockMisuseException.class);
            assertThatThrownBy(() -> heap.free(MemorySegment.ofArray(new byte[1])))
                    .isInstanceOf(BlockMisuseException.class);
            assertThat(recorder.reports)
                    .extracting(MisuseReport::finding)
                    .containsExactly(Finding.INTERIOR, Finding.FREE_BLOCK, Finding.JAVA_HEAP);
            assertThat(recorder.threads).containsOnly(Thread.currentThread());
        }
    }

    @Test
    void misuseIsToldThatThrowsNothing() {
        Recorder recorder = new Recorder();
        try (Heap heap = heap(recorder, 0)) {
            CFamily counting = heap.cFamily(MisusePolicy.COUNT);
            CFamily failing = heap.cFamily(MisusePolicy.FAIL);
            long block = counting.malloc(BYTES);
            counting.free(block + 16);
            failing.free(block + 32);
            counting.free(block);
            assertThat(recorder.reports).extracting(MisuseReport::address).containsExactly(block + 16, block + 32);
            assertThat(recorder.reports).extracting(MisuseReport::finding).containsOnly(Finding.INTERIOR);
        }
    }

    @Test
    void misuseOfAPoolIsToldToItsHeapsProbe() {
        Recorder recorder = new Recorder();
        try (Heap heap = heap(recorder, 0);
                BlockPool pool = BlockPool.ofSize(64).confined(heap)) {
            long block = pool.malloc();
            pool.free(block);
            assertThatThrownBy(() -> pool.free(block)).isInstanceOf(BlockMisuseException.class);
            assertThat(recorder.reports).singleElement().satisfies(report -> assertThat(report.allocator())
                    .isEqualTo(pool.toString()));
        }
    }

    @Test
    void aGuardHitIsToldOnce() {
        Recorder recorder = new Recorder();
        try (Heap heap = Heap.create(
                HeapOptions.builder().name("told").probe(recorder).guardEvery(1).build())) {
            long block = heap.malloc(BYTES);
            heap.free(block);
            InternalError fault = touched(block);

            Optional<String> text = Heap.explain(fault);
            assertThat(Heap.explain(new IllegalStateException(fault))).isEqualTo(text);
            assertThat(recorder.hits).singleElement().satisfies(hit -> {
                assertThat(hit.text()).isEqualTo(text.orElseThrow());
                assertThat(hit.what()).isEqualTo("use after free");
                assertThat(hit.heapId()).isEqualTo(heap.heapId());
                assertThat(hit.isGuess()).isEqualTo(text.orElseThrow().contains("this is a guess"));
                assertThat(hit.address()).isIn(0L, block);
                assertThat(hit.block().address()).isEqualTo(block);
                assertThat(hit.stack()).isEqualTo(List.of(fault.getStackTrace()));
            });
        }
    }

    private static InternalError touched(long address) {
        try {
            long unused = RawMemory.getLong(address);
        } catch (InternalError fault) {
            return fault;
        }
        throw new AssertionError("no guard");
    }

    @Test
    void aProbeMayThrowAndUseTheHeapAndIsNotToldOfWhatItDoesItself() {
        Heap[] heap = new Heap[1];
        AtomicLong told = new AtomicLong();
        Probe probe = new Probe() {
            @Override
            public void event(Event event) {
                heap[0].free(heap[0].malloc(BYTES)); // by the daemon thread
            }

            @Override
            public void sampled(Sample sample) {
                told.incrementAndGet();
                long block = heap[0].malloc(BYTES);
                heap[0].free(block);
                assertThatThrownBy(() -> heap[0].free(block)).isInstanceOf(BlockMisuseException.class);
                throw new IllegalStateException("of a probe");
            }

            @Override
            public void misused(String name, int heapId, MisuseReport report) {
                told.incrementAndGet();
                throw new AssertionError("of a probe");
            }
        };
        List<Throwable> reported = new ArrayList<>();
        Thread.UncaughtExceptionHandler before = Thread.getDefaultUncaughtExceptionHandler();
        Thread.setDefaultUncaughtExceptionHandler((thread, failure) -> reported.add(failure));
        try {
            heap[0] = heap(probe, 1);
            try (Heap used = heap[0]) {
                long block = used.malloc(BYTES);
                used.free(block);
                assertThatThrownBy(() -> used.free(block)).isInstanceOf(BlockMisuseException.class);
                used.cFamily(MisusePolicy.COUNT).free(block);
                assertThat(told).hasValue(3);
                used.verify();
                await(() -> reported.size() == 1);
            }
        } finally {
            Thread.setDefaultUncaughtExceptionHandler(before);
        }
        assertThat(reported).as("said once").hasSize(1);
    }

    @Test
    void whereTheStackIsShortTheProbeIsNotCalledAndToldOfTheLoss() throws InterruptedException {
        Recorder recorder = new Recorder();
        try (Heap heap = heap(recorder, 1)) {
            heap.free(heap.malloc(BYTES));
            Thread deep = new Thread(null, () -> descend(heap, 0), "deep", 256 << 10);
            deep.start();
            deep.join();
            heap.verify();
            long allocated = heap.statistics().allocatedBlocks();
            await(() -> recorder.samples.size() + recorder.lost.get() >= allocated);
        }
    }

    private static void descend(Heap heap, int depth) {
        try {
            if (depth < Integer.MAX_VALUE) {
                descend(heap, depth + 1);
            }
        } catch (StackOverflowError end) {
            heap.free(heap.malloc(BYTES)); // in some frame there is the stack for it
        }
    }
}
