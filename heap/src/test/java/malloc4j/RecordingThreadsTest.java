package malloc4j;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.function.IntConsumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Recordings of a heap that several threads use, begun and ended while they do.
class RecordingThreadsTest {
    private static final int THREADS = 4;
    private static final long DEADLINE_NANOS = TimeUnit.SECONDS.toNanos(60);

    @TempDir
    Path folder;

    /// Blocks on their way from one thread to another.
    private final AtomicLongArray exchange = new AtomicLongArray(256);

    private final AtomicLong allocated = new AtomicLong();
    private final AtomicLong reallocated = new AtomicLong();
    private final AtomicLong freed = new AtomicLong();

    /// One step: a new or a changed block is left for whoever comes by, and what lay there is freed.
    private void step(Heap heap, SplittableRandom random) {
        int kind = random.nextInt(8);
        int byteSize = random.nextInt(random.nextInt(64) == 0 ? 200_000 : 600);
        long block = kind == 0
                ? heap.calloc(1, byteSize)
                : kind == 1 ? heap.alignedAlloc(64, byteSize) : heap.malloc(byteSize);
        allocated.getAndIncrement();
        if (kind == 2) {
            block = heap.realloc(block, random.nextInt(2_000));
            reallocated.getAndIncrement();
        }
        free(heap, exchange.getAndSet(random.nextInt(exchange.length()), block));
    }

    private void free(Heap heap, long block) {
        if (block != 0) {
            heap.free(block);
            freed.getAndIncrement();
        }
    }

    private void freeAll(Heap heap) {
        for (int index = 0; index < exchange.length(); index++) {
            free(heap, exchange.getAndSet(index, 0));
        }
    }

    private static void inThreads(IntConsumer work, Callable<Boolean> meanwhile) throws Exception {
        try (ExecutorService threads = Executors.newFixedThreadPool(THREADS)) {
            List<Future<?>> results = new ArrayList<>();
            for (int index = 0; index < THREADS; index++) {
                int number = index;
                results.add(threads.submit(() -> work.accept(number)));
            }
            assertThat(meanwhile.call()).isTrue();
            for (Future<?> result : results) {
                result.get();
            }
        }
    }

    @Test
    void everyCallOfRacingThreadsIsInTheTraceOnce() throws Exception {
        Path file = folder.resolve("racing.trace");
        Heap heap = Heap.create(HeapOptions.builder().record(file.toString()).build());
        inThreads(
                number -> {
                    SplittableRandom random = new SplittableRandom(number);
                    for (int count = 0; count < 50_000; count++) {
                        step(heap, random);
                    }
                },
                () -> true);
        freeAll(heap);
        heap.verify();
        heap.close();
        RecordedTrace trace = RecordedTrace.read(file);
        assertThat(trace.live()).isEmpty();
        assertThat(trace.threads()).isBetween(2, THREADS + 1); // the last one may have the number of one that has ended
        assertThat(trace.lines()).hasSize((int) (allocated.get() + reallocated.get() + freed.get()));
        assertThat(trace.lines().stream().filter(line -> line.startsWith("r"))).hasSize((int) reallocated.get());
    }

    /// Each block has a size of its own, which says in the trace which block is freed: by whom, and after what.
    @Test
    void eachThreadsCallsAreInTheTraceInItsOrderAndOfItsBlocks() throws Exception {
        Path file = folder.resolve("order.trace");
        Heap heap = Heap.create(HeapOptions.builder().record(file.toString()).build());
        ConcurrentHashMap<Long, Integer> sizes = new ConcurrentHashMap<>();
        List<List<String>> expected = new ArrayList<>();
        for (int index = 0; index < THREADS; index++) {
            expected.add(new ArrayList<>());
        }
        inThreads(
                number -> {
                    SplittableRandom random = new SplittableRandom(number);
                    List<String> calls = expected.get(number);
                    for (int count = 0; count < 10_000; count++) {
                        int byteSize = count * THREADS + number;
                        long block = heap.malloc(byteSize);
                        calls.add("a " + byteSize);
                        if (random.nextInt(4) == 0) {
                            block = heap.realloc(block, random.nextInt(3_000));
                            calls.add("r " + byteSize);
                        }
                        sizes.put(block, byteSize);
                        long other = exchange.getAndSet(random.nextInt(8), block);
                        if (other != 0) {
                            calls.add("f " + sizes.remove(other));
                            heap.free(other);
                        }
                    }
                },
                () -> true);
        heap.close();
        assertThat(perThread(RecordedTrace.read(file))).containsExactlyInAnyOrderElementsOf(expected);
    }

    private static List<List<String>> perThread(RecordedTrace trace) {
        List<String> sizes = new ArrayList<>();
        List<List<String>> calls = new ArrayList<>();
        for (int thread = 0; thread < trace.threads(); thread++) {
            calls.add(new ArrayList<>());
        }
        for (String line : trace.lines()) {
            String[] fields = line.split(" ", -1);
            if (fields[0].equals("a")) {
                sizes.add(fields[3]);
            }
            calls.get(Integer.parseInt(fields[1])).add(fields[0] + " " + sizes.get(Integer.parseInt(fields[2])));
        }
        return calls;
    }

    @Test
    void recordingsComeAndGoUnderLoad() throws Exception {
        Heap heap = Heap.create(HeapOptions.defaults());
        AtomicBoolean ended = new AtomicBoolean();
        inThreads(
                number -> {
                    SplittableRandom random = new SplittableRandom(number);
                    while (!ended.get()) {
                        step(heap, random);
                    }
                },
                () -> {
                    try {
                        for (int turn = 0; turn < 20; turn++) {
                            Path file = folder.resolve("load" + turn + (turn % 2 == 0 ? ".trace" : ".trace.gz"));
                            heap.startRecording(file);
                            Thread.sleep(30);
                            heap.stopRecording();
                            RecordedTrace trace = RecordedTrace.read(file);
                            assertThat(trace.lines()).isNotEmpty();
                            assertThat(trace.live()).hasSizeLessThanOrEqualTo(exchange.length() + 2 * THREADS);
                        }
                    } finally {
                        ended.set(true);
                    }
                    return true;
                });
        freeAll(heap);
        heap.verify();
        assertThat(heap.statistics().liveBlocks()).isZero();
        heap.close();
    }

    /// A loop that nothing but its own calls ever makes look at a field again.
    private static void pairs(Heap heap, AtomicBoolean ended, AtomicLong pairs) {
        for (long count = 0; !ended.getOpaque(); count++) {
            heap.free(heap.malloc(64));
            pairs.setOpaque(count);
        }
    }

    private static void commonPairs(AtomicBoolean ended, AtomicLong pairs) {
        for (long count = 0; !ended.getOpaque(); count++) {
            Malloc.free(Malloc.malloc(64));
            pairs.setOpaque(count);
        }
    }

    @Test
    void aCompiledLoopNoticesBeginAndEnd() throws Exception {
        Heap heap = Heap.create(HeapOptions.defaults());
        AtomicBoolean ended = new AtomicBoolean();
        AtomicLong pairs = new AtomicLong();
        assertNotices(heap, ended, pairs, () -> pairs(heap, ended, pairs));
        heap.close();
    }

    @Test
    void aCompiledLoopOfTheCommonHeapNoticesBeginAndEnd() throws Exception {
        AtomicBoolean ended = new AtomicBoolean();
        AtomicLong pairs = new AtomicLong();
        assertNotices(Heap.common(), ended, pairs, () -> commonPairs(ended, pairs));
    }

    private void assertNotices(Heap heap, AtomicBoolean ended, AtomicLong pairs, Runnable loop) throws Exception {
        Thread thread = new Thread(loop);
        thread.start();
        try {
            await(() -> pairs.get() > 20_000_000); // compiled by C2 long before
            for (int turn = 0; turn < 2; turn++) {
                Path file = folder.resolve("loop" + turn + ".trace");
                heap.startRecording(file);
                await(() -> RecordedTrace.read(file).lines().size() > 1_000);
                double recordedPerMilli = perMilli(pairs);
                heap.stopRecording();
                await(() -> perMilli(pairs) > 4 * recordedPerMilli);
            }
        } finally {
            ended.set(true);
            thread.join();
        }
    }

    private static double perMilli(AtomicLong pairs) throws InterruptedException {
        long before = pairs.get();
        long begun = System.nanoTime();
        Thread.sleep(20);
        return (pairs.get() - before) * 1e6 / (System.nanoTime() - begun);
    }

    private static void await(Callable<Boolean> condition) throws Exception {
        long deadline = System.nanoTime() + DEADLINE_NANOS;
        while (!condition.call()) {
            assertThat(System.nanoTime() - deadline).isNegative();
            Thread.sleep(1);
        }
    }

    @Test
    void whereTheStackEndsACallIsDoneAndWrittenDownOrNeither() throws Exception {
        Path file = folder.resolve("deep.trace");
        Heap heap = Heap.create(HeapOptions.builder().record(file.toString()).build());
        Thread thread = new Thread(
                null,
                () -> {
                    for (int turn = 0; turn < 300; turn++) {
                        try {
                            long unused = descend(heap, turn % 40 * 100L);
                        } catch (StackOverflowError expected) {
                            freed.getAndIncrement();
                        }
                    }
                },
                "deep",
                512 << 10);
        thread.start();
        thread.join();
        assertThat(freed.get()).isEqualTo(300);
        heap.verify();
        long live = heap.statistics().liveBlocks();
        heap.close();
        assertThat(RecordedTrace.read(file).live()).hasSize((int) live);
    }

    private static long descend(Heap heap, long byteSize) {
        if (byteSize < 0) {
            return 0;
        }
        long block = heap.malloc(byteSize);
        try {
            return 1 + descend(heap, byteSize);
        } finally {
            heap.free(block);
        }
    }
}
