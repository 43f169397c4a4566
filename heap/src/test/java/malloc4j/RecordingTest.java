package malloc4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;
import malloc4j.alloc.Region;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// What a recording has of what a program does with a heap.
class RecordingTest {
    private final Heap heap = Heap.create(HeapOptions.builder().name("recorded").build());

    @TempDir
    Path folder;

    private Path file;

    @BeforeEach
    void name() {
        file = folder.resolve("program.trace");
    }

    @AfterEach
    void close() {
        if (!heap.isClosed()) {
            heap.verify();
            heap.close();
        }
    }

    private List<String> recorded(Runnable work) {
        heap.startRecording(file);
        work.run();
        heap.stopRecording();
        return RecordedTrace.read(file).lines();
    }

    @Test
    void eachCallOfTheHeapIsItsEvent() {
        assertThat(recorded(() -> {
                    long small = heap.malloc(24);
                    long zeroed = heap.calloc(3, 100);
                    long aligned = heap.alignedAlloc(64, 48);
                    long large = heap.malloc(100_000);
                    long huge = heap.malloc(40 << 20);
                    long tried = heap.tryMalloc(0);
                    long grown = heap.realloc(small, 5_000);
                    heap.free(zeroed);
                    heap.free(aligned);
                    heap.free(large);
                    heap.free(huge);
                    heap.free(tried);
                    heap.free(heap.realloc(grown, 64 << 10));
                    heap.free(heap.realloc(0, 7));
                    heap.free(0);
                }))
                .containsExactly(
                        "a 0 0 24",
                        "c 0 1 300",
                        "m 0 2 48 64",
                        "a 0 3 100000",
                        "a 0 4 41943040",
                        "a 0 5 0",
                        "r 0 0 5000",
                        "f 0 1",
                        "f 0 2",
                        "f 0 3",
                        "f 0 4",
                        "f 0 5",
                        "r 0 0 65536",
                        "f 0 0",
                        "a 0 6 7",
                        "f 0 6");
    }

    @Test
    void theCFamilyIsRecordedAsTheHeapIs() {
        CFamily family = heap.cFamily(MisusePolicy.FAIL);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(ValueLayout.JAVA_LONG);
            assertThat(recorded(() -> {
                        long block = family.malloc(10);
                        family.free(family.calloc(2, 8));
                        block = family.realloc(block, 20);
                        assertThat(family.realloc(block, 0)).isZero();
                        assertThat(family.posixMemalign(out, 4096, 100)).isZero();
                        family.free(out.get(ValueLayout.JAVA_LONG, 0));
                        family.free(family.alignedAlloc(8, 100));
                        family.free(family.reallocarray(0, 4, 4));
                    }))
                    .containsExactly(
                            "a 0 0 10",
                            "c 0 1 16",
                            "f 0 1",
                            "r 0 0 20",
                            "f 0 0",
                            "m 0 2 100 4096",
                            "f 0 2",
                            "a 0 3 100",
                            "f 0 3",
                            "a 0 4 16",
                            "f 0 4");
        }
    }

    @Test
    void segmentsAreRecordedAsBlocks() {
        assertThat(recorded(() -> {
                    MemorySegment first = heap.allocate(100, 8);
                    MemorySegment zeroed = heap.allocateZeroed(50, 1);
                    MemorySegment wide = heap.allocateZeroed(50, 128);
                    first = heap.realloc(first, 90_000);
                    heap.free(zeroed);
                    heap.free(wide);
                    heap.free(first);
                }))
                .containsExactly("a 0 0 100", "c 0 1 50", "m 0 2 50 128", "r 0 0 90000", "f 0 1", "f 0 2", "f 0 0");
    }

    @Test
    void aResizeInPlaceIsARealloc() {
        long[] block = new long[1];
        assertThat(recorded(() -> {
                    block[0] = heap.malloc(1 << 20);
                    assertThat(heap.resizeInPlace(block[0], 1 << 19)).isTrue();
                    assertThat(heap.resizeInPlace(block[0], Heap.MAX_BYTE_SIZE)).isFalse();
                }))
                .containsExactly("a 0 0 1048576", "r 0 0 524288");
        heap.free(block[0]);
    }

    @Test
    void refusedCallsLeaveNoLine() {
        List<String> lines = recorded(() -> {
            long block = heap.malloc(100);
            heap.free(block);
            assertThatThrownBy(() -> heap.free(block)).isInstanceOf(BlockMisuseException.class);
            long other = heap.malloc(100_000);
            assertThatThrownBy(() -> heap.free(other + 16)).isInstanceOf(BlockMisuseException.class);
            assertThatThrownBy(() -> heap.realloc(other + 16, 3)).isInstanceOf(BlockMisuseException.class);
            assertThatThrownBy(() -> heap.realloc(other, -1)).isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> heap.realloc(other, 1L << 45)).isInstanceOf(OutOfNativeMemoryError.class);
            assertThatThrownBy(() -> heap.malloc(-1)).isInstanceOf(IllegalArgumentException.class);
            assertThat(heap.tryMalloc(Heap.MAX_BYTE_SIZE)).isZero();
            heap.free(other);
        });
        assertThat(lines).containsExactly("a 0 0 100", "f 0 0", "a 0 1 100000", "f 0 1");
    }

    @Test
    void whatWasThereBeforeIsLeftOut() {
        long before = heap.malloc(100);
        long moved = heap.malloc(100);
        Arena arena = heap.ofConfined();
        assertThat(recorded(() -> {
                    heap.free(before);
                    heap.free(heap.realloc(moved, 100_000));
                    MemorySegment unused = arena.allocate(100);
                    arena.close();
                    heap.free(heap.malloc(100));
                }))
                .containsExactly("a 0 0 100", "f 0 0");
    }

    @Test
    void whatIsNotFreedLivesAtTheEndOfTheTrace() {
        long[] blocks = new long[2];
        List<String> lines = recorded(() -> {
            blocks[0] = heap.malloc(1);
            blocks[1] = heap.malloc(2);
            heap.free(blocks[0]);
        });
        assertThat(lines).containsExactly("a 0 0 1", "a 0 1 2", "f 0 0");
        assertThat(RecordedTrace.read(file).live()).containsExactly(1);
        heap.free(blocks[1]);
    }

    @Test
    void arenasAreRecordedByWhatIsAllocatedFromThem() {
        assertThat(recorded(() -> {
                    try (Arena confined = heap.ofConfined();
                            Arena second = heap.ofConfined()) {
                        MemorySegment unused = confined.allocate(10);
                        unused = confined.allocate(5_000, 64);
                        unused = second.allocate(1 << 20);
                        assertThatThrownBy(() -> confined.allocate(-1)).isInstanceOf(IllegalArgumentException.class);
                    }
                    try (Arena shared = heap.ofShared()) {
                        MemorySegment unused = shared.allocate(0);
                    }
                    Arena unscoped = heap.ofUnscoped();
                    for (int count = 0; count < 9; count++) {
                        MemorySegment unused = unscoped.allocate(1_000);
                    }
                    unscoped.close();
                    assertThatThrownBy(unscoped::close).isInstanceOf(IllegalStateException.class);
                    try (Arena empty = heap.ofConfined()) {
                        assertThat(empty.scope().isAlive()).isTrue();
                    }
                }))
                .startsWith("c 0 0 10", "m 0 1 5000 64", "c 0 2 1048576", "f 0 2", "f 0 1", "f 0 0", "c 0 3 0", "f 0 3")
                .hasSize(8 + 18)
                .endsWith("f 0 4");
    }

    @Test
    void automaticArenasAreFreedByTheCollectorsThread() throws InterruptedException {
        heap.startRecording(file);
        allocateAutomatically();
        for (int turn = 0; turn < 100 && heap.statistics().liveBlocks() > 0; turn++) {
            System.gc();
            Thread.sleep(20);
        }
        heap.stopRecording();
        assertThat(RecordedTrace.read(file).lines()).containsExactly("c 0 0 100", "c 0 1 70000", "f 1 1", "f 1 0");
    }

    private void allocateAutomatically() {
        Arena automatic = heap.ofAuto();
        MemorySegment unused = automatic.allocate(100);
        unused = automatic.allocate(70_000);
    }

    @Test
    void regionsAreRecordedByTheBlocksThatTheyTake() {
        List<String> lines = recorded(() -> {
            try (Region region = Region.ofHeap(heap, 64 << 10)) {
                for (int count = 0; count < 100; count++) {
                    MemorySegment unused = region.allocate(10);
                }
            }
        });
        assertThat(lines).containsExactly("a 0 0 65536", "f 0 0");
    }

    @Test
    void threadsAreNumberedAndFreeEachOthersBlocks() throws InterruptedException {
        heap.startRecording(file);
        AtomicLong block = new AtomicLong(heap.malloc(16));
        Thread other = new Thread(() -> {
            heap.free(block.get());
            block.set(heap.malloc(32));
        });
        other.start();
        other.join();
        heap.free(block.get());
        heap.stopRecording();
        assertThat(RecordedTrace.read(file).lines()).containsExactly("a 0 0 16", "f 1 0", "a 1 1 32", "f 0 1");
    }

    @Test
    void manyThreadsOneAfterTheOtherAreFewOfTheTrace() throws InterruptedException {
        heap.startRecording(file);
        for (int count = 0; count < 200; count++) {
            Thread thread = new Thread(() -> heap.free(heap.malloc(16)));
            thread.start();
            thread.join();
        }
        heap.stopRecording();
        RecordedTrace trace = RecordedTrace.read(file);
        assertThat(trace.lines()).hasSize(400);
        assertThat(trace.threads()).isLessThanOrEqualTo(3);
    }

    @Test
    void virtualThreadsShareFewThreadsOfTheTrace() throws InterruptedException {
        heap.startRecording(file);
        int count = 2_000;
        CountDownLatch allLive = new CountDownLatch(count);
        List<Thread> threads = new ArrayList<>();
        for (int index = 0; index < count; index++) {
            threads.add(Thread.startVirtualThread(() -> {
                long block = heap.malloc(100);
                allLive.countDown();
                try {
                    allLive.await();
                } catch (InterruptedException unexpected) {
                    throw new AssertionError(unexpected);
                }
                heap.free(block);
            }));
        }
        for (Thread thread : threads) {
            thread.join();
        }
        heap.stopRecording();
        RecordedTrace trace = RecordedTrace.read(file);
        assertThat(trace.lines()).hasSize(2 * count);
        assertThat(trace.live()).isEmpty();
        assertThat(trace.threads()).isLessThanOrEqualTo(Runtime.getRuntime().availableProcessors());
    }

    @Test
    void aNameThatEndsInGzIsCompressed() {
        file = folder.resolve("program.trace.gz");
        assertThat(recorded(() -> heap.free(heap.malloc(99)))).containsExactly("a 0 0 99", "f 0 0");
        assertThat(file).binaryContent().startsWith(0x1f, 0x8b);
    }

    @Test
    void theFileIsEmptiedAndARecordingCanFollowAnother() {
        List<String> first = recorded(() -> {
            for (int count = 0; count < 1_000; count++) {
                heap.free(heap.malloc(count));
            }
        });
        assertThat(first).hasSize(2_000);
        heap.free(heap.malloc(1));
        assertThat(recorded(() -> heap.free(heap.malloc(5)))).containsExactly("a 0 0 5", "f 0 0");
    }

    @Test
    void oneRecordingAtATimeOfAHeap() {
        heap.startRecording(file);
        assertThatThrownBy(() -> heap.startRecording(folder.resolve("other")))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("a recording into " + file + " is going on");
        heap.stopRecording();
        assertThat(folder.resolve("other")).doesNotExist();
        assertThatThrownBy(heap::stopRecording)
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("no recording is going on");
    }

    @Test
    void oneHeapRecordsIntoAFileAndTheOtherIsRefused() {
        heap.startRecording(file);
        heap.free(heap.malloc(1));
        try (Heap other = Heap.create(HeapOptions.defaults())) {
            assertThatThrownBy(() -> other.startRecording(file))
                    .isInstanceOf(UncheckedIOException.class)
                    .hasMessageContaining("another recording of this process goes into this file");
            other.free(other.malloc(1));
        }
        heap.stopRecording();
        assertThat(RecordedTrace.read(file).lines()).containsExactly("a 0 0 1", "f 0 0");
    }

    @Test
    void aFileThatCannotBeWrittenIsRefused() {
        assertThatThrownBy(() -> heap.startRecording(folder.resolve("none/program.trace")))
                .isInstanceOf(UncheckedIOException.class)
                .hasMessageContaining("startRecording(file=")
                .hasMessageContaining("No such file or directory");
        heap.free(heap.malloc(1));
        recorded(() -> heap.free(heap.malloc(1)));
    }

    @Test
    void aFullDiskIsRefused() {
        assertThatThrownBy(() -> heap.startRecording(Path.of("/dev/full")))
                .isInstanceOf(UncheckedIOException.class)
                .hasMessageContaining("No space left on device");
        heap.free(heap.malloc(1));
        recorded(() -> heap.free(heap.malloc(1)));
    }

    @Test
    void closingTheHeapEndsTheTrace() {
        heap.startRecording(file);
        long unused = heap.malloc(12);
        heap.close();
        assertThat(RecordedTrace.read(file).lines()).containsExactly("a 0 0 12");
        assertThatThrownBy(() -> heap.startRecording(file))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("closed");
    }

    @Test
    void aCloseThatIsRefusedGoesOnRecording() {
        heap.startRecording(file);
        Arena open = heap.ofShared();
        assertThatThrownBy(heap::close).isInstanceOf(IllegalStateException.class);
        heap.free(heap.malloc(12));
        open.close();
        heap.stopRecording();
        assertThat(RecordedTrace.read(file).lines()).containsExactly("a 0 0 12", "f 0 0");
    }

    @Test
    void anOptionRecordsFromTheFirstBlockOn() {
        HeapOptions options =
                HeapOptions.builder().option("record", file.toString()).build();
        assertThat(options.observing().record()).isEqualTo(file.toString());
        try (Heap own = Heap.create(options)) {
            own.free(own.malloc(3));
            own.stopRecording();
            own.free(own.malloc(4));
        }
        assertThat(RecordedTrace.read(file).lines()).containsExactly("a 0 0 3", "f 0 0");
    }

    @Test
    void anOptionWhoseFileCannotBeWrittenLeavesNoHeap() {
        int before = Heap.all().size();
        HeapOptions options = HeapOptions.builder()
                .record(folder.resolve("none/program.trace").toString())
                .parent(heap)
                .build();
        assertThatThrownBy(() -> Heap.create(options)).isInstanceOf(UncheckedIOException.class);
        assertThat(Heap.all()).hasSize(before); // and the parent can be closed
    }

    @Test
    void linesAreInTheFileSoonAfterTheCall() throws Exception {
        heap.startRecording(file);
        heap.free(heap.malloc(77));
        long deadline = System.nanoTime() + 10_000_000_000L;
        while (RecordedTrace.read(file).lines().size() < 2) {
            assertThat(System.nanoTime()).isLessThan(deadline);
            Thread.sleep(5);
        }
        assertThat(Files.readString(file)).endsWith("a 0 0 77\nf 0 0\n");
        heap.stopRecording();
    }
}
