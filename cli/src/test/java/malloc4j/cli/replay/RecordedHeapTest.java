package malloc4j.cli.replay;

import static org.assertj.core.api.Assertions.assertThat;

import io.avaje.jsonb.Jsonb;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicLongArray;
import malloc4j.Heap;
import malloc4j.HeapOptions;
import malloc4j.cli.CommandRun;
import malloc4j.cli.replay.ReplayReport.Result;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// What a heap has recorded of a program in Java is what is replayed.
class RecordedHeapTest {
    private static final int THREADS = 3;
    private static final int STEPS = 3_000;

    @TempDir
    Path folder;

    private final AtomicLongArray exchange = new AtomicLongArray(64);

    private void work(Heap heap, long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        for (int count = 0; count < STEPS; count++) {
            int byteSize = random.nextInt(2_000);
            long block = count % 3 == 0
                    ? heap.calloc(1, byteSize)
                    : count % 3 == 1 ? heap.alignedAlloc(256, byteSize) : heap.malloc(byteSize);
            long other = exchange.getAndSet(random.nextInt(exchange.length()), heap.realloc(block, byteSize * 2L));
            heap.free(other);
            try (Arena arena = heap.ofConfined()) {
                MemorySegment unused = arena.allocate(byteSize);
            }
        }
    }

    private void record(Path file) throws InterruptedException {
        Heap heap = Heap.create(HeapOptions.builder().record(file.toString()).build());
        Thread[] threads = new Thread[THREADS];
        for (int index = 0; index < THREADS; index++) {
            int seed = index;
            threads[index] = new Thread(() -> work(heap, seed));
            threads[index].start();
        }
        for (Thread thread : threads) {
            thread.join();
        }
        heap.close();
    }

    @ParameterizedTest
    @ValueSource(strings = {"program.trace", "program.trace.gz"})
    void whatRacingThreadsDidIsReplayed(String name) throws IOException, InterruptedException, TraceProblem {
        Path file = folder.resolve(name);
        record(file);

        TraceReader.Result read = TraceReader.read(file);

        assertThat(read.notes()).isEmpty();
        assertThat(read.summary().threadCount()).isEqualTo(THREADS);
        assertThat(read.summary().objectCount()).isEqualTo(THREADS * STEPS * 2);
        assertThat(read.summary().objectsLiveAtEnd()).isBetween(1, exchange.length());
        assertThat(Arrays.stream(read.trace().events).mapToInt(Event::operation))
                .contains(Event.MALLOC, Event.CALLOC, Event.MEMALIGN, Event.REALLOC, Event.FREE);

        CommandRun run = CommandRun.of(
                "replay", file.toString(), "--with", "malloc4j,glibc", "--rounds", "1", "--verify", "--json");

        assertThat(run.err()).isEmpty();
        assertThat(run.exitCode()).isZero();
        ReplayReport report = Jsonb.instance().type(ReplayReport.class).fromJson(run.out());
        assertThat(report.results()).extracting(Result::allocator).containsExactly("malloc4j", "glibc");
        assertThat(report.results()).extracting(Result::verified).containsOnly(true);
        assertThat(report.results()).extracting(Result::events).containsOnly((long)
                read.summary().eventCount());
    }

    @Test
    void aRecordingThatWasCutIsReplayedAndItsEndNamed() throws IOException, InterruptedException {
        Path file = folder.resolve("program.trace.gz");
        record(file);
        byte[] whole = Files.readAllBytes(file);
        Path cut = Files.write(folder.resolve("cut.trace.gz"), Arrays.copyOf(whole, whole.length / 2));

        CommandRun run = CommandRun.of("replay", cut.toString(), "--with", "glibc", "--rounds", "1", "--verify");

        assertThat(run.err()).isEmpty();
        assertThat(run.exitCode()).isZero();
        assertThat(run.out()).contains("the file is cut short: line ");
    }
}
