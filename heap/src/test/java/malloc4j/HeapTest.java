package malloc4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import malloc4j.internal.memory.RawMemory;
import malloc4j.internal.os.LinuxCalls;
import malloc4j.internal.os.RecordingCalls;
import malloc4j.internal.region.MappingBudget;
import malloc4j.linux.SystemCallException;
import malloc4j.observe.HeapStatistics;
import malloc4j.observe.SizeClassStatistics;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class HeapTest {
    private static final long MIB = 1 << 20;

    private static HeapOptions.Builder quiet() {
        return HeapOptions.builder().name("test").mmapThresholdBytes(4 * MIB).purgeDelay(Duration.ofMillis(-1));
    }

    @Test
    void sizesGoToTheLevelThatServesThem() {
        try (Heap heap = Heap.create(quiet().build())) {
            heap.malloc(32_768);
            heap.malloc(32_769);
            heap.malloc(4 * MIB - 1);
            heap.malloc(4 * MIB);
            HeapStatistics now = heap.statistics();
            assertThat(now.liveBlocks()).isEqualTo(4);
            assertThat(now.sizeClasses()).containsExactly(new SizeClassStatistics(32_768, 1, 1, 1));
            assertThat(now.largeBlocks()).isEqualTo(2);
            assertThat(now.largeBytes()).isEqualTo(36_864 + 4 * MIB);
            assertThat(now.hugeBlocks()).isEqualTo(1);
            assertThat(now.hugeBytes()).isEqualTo(4 * MIB);
            assertThat(now.spanBytes()).isEqualTo(65_536 + now.largeBytes());
            assertThat(now.threadCaches()).isEqualTo(1);
            heap.verify();
        }
    }

    @ParameterizedTest
    @CsvSource({
        // from, to, stays
        "48, 48, true",
        "48, 33, true",
        "48, 24, true",
        "48, 23, false",
        "48, 49, false",
        "100000, 102400, true",
        "100000, 40000, true",
        "100000, 200000, true",
        "100000, 32768, false",
        "100000, 5000000, false",
        "5000000, 5000001, true",
        "5000000, 2100000, true",
        "5000000, 2000000, false"
    })
    void reallocStaysInPlaceWhereItCan(long from, long to, boolean stays) {
        try (Heap heap = Heap.create(quiet().build())) {
            long address = heap.malloc(from);
            RawMemory.fill(address, from, (byte) 7);
            long moved = heap.realloc(address, to);
            assertThat(moved == address).isEqualTo(stays);
            for (long offset = 0; offset < Math.min(from, to); offset++) {
                if (RawMemory.getByte(moved + offset) != 7) {
                    throw new AssertionError("byte " + offset + " was lost");
                }
            }
            assertThat(heap.usableSize(moved)).isGreaterThanOrEqualTo(to);
            assertThat(heap.statistics().liveBlocks()).isEqualTo(1);
            heap.verify();
        }
    }

    @Test
    void aHugeBlockGrowsWithoutCopying() {
        RecordingCalls calls = new RecordingCalls(LinuxCalls.instance());
        try (Heap heap = Heap.create(calls, quiet().build())) {
            long address = heap.malloc(8 * MIB);
            RawMemory.putLong(address + 8 * MIB - 8, 42);
            long grown = heap.realloc(address, 256 * MIB);
            assertThat(calls.count("mremap")).isEqualTo(1);
            assertThat(RawMemory.getLong(grown + 8 * MIB - 8)).isEqualTo(42);
            assertThat(heap.statistics().hugeBytes()).isEqualTo(256 * MIB);
            assertThat(heap.statistics().committedBytes()).isEqualTo(256 * MIB);
        }
    }

    @Test
    void warmPairsMakeNoSystemCall() {
        RecordingCalls calls = new RecordingCalls(LinuxCalls.instance());
        try (Heap heap = Heap.create(calls, quiet().build())) {
            heap.free(heap.malloc(24));
            heap.free(heap.malloc(100_000));
            calls.clear();
            for (int step = 0; step < 1_000; step++) {
                heap.free(heap.malloc(24));
                heap.free(heap.malloc(100_000));
            }
            assertThat(calls.calls()).isEmpty();
        }
    }

    @Test
    void callocClearsWhatWasUsedBefore() {
        try (Heap heap = Heap.create(quiet().build())) {
            for (long byteSize : new long[] {1, 100, 32_768, 32_769, 300_000, 5 * MIB}) {
                long address = heap.malloc(byteSize);
                RawMemory.fill(address, byteSize, (byte) -1);
                heap.free(address);
                long zeroed = heap.calloc(1, byteSize);
                for (long offset = 0; offset < byteSize; offset++) {
                    if (RawMemory.getByte(zeroed + offset) != 0) {
                        throw new AssertionError("byte " + offset + " of " + byteSize);
                    }
                }
            }
        }
    }

    @Test
    void aSegmentIsABlock() {
        try (Heap heap = Heap.create(quiet().build())) {
            MemorySegment segment = heap.allocate(100, 64);
            assertThat(segment.byteSize()).isEqualTo(100);
            assertThat(segment.address() % 64).isZero();
            assertThat(heap.allocateFrom(ValueLayout.JAVA_INT, 1, 2, 3).toArray(ValueLayout.JAVA_INT))
                    .containsExactly(1, 2, 3);
            heap.free(segment.address());
            assertThat(heap.statistics().liveBlocks()).isEqualTo(1);
            assertThatThrownBy(() -> heap.allocate(8, 3)).isInstanceOf(IllegalArgumentException.class);
        }
    }

    @Test
    void trimGivesEverythingBackThatIsFree() {
        try (Heap heap = Heap.create(quiet().build())) {
            List<Long> blocks = new ArrayList<>();
            for (int index = 0; index < 50_000; index++) {
                long address = heap.malloc(16 + index % 200);
                RawMemory.putLong(address, index);
                blocks.add(address);
            }
            blocks.forEach(heap::free);
            assertThat(heap.statistics().residentBytes()).isGreaterThan(4 * MIB);
            assertThat(heap.trim(0)).isTrue();
            HeapStatistics now = heap.statistics();
            assertThat(now.residentBytes()).isZero();
            assertThat(now.committedBytes()).isZero();
            assertThat(now.purgedBytes()).isGreaterThan(4 * MIB);
            assertThat(heap.trim(0)).isFalse();
            heap.verify();
        }
    }

    @Test
    void closeGivesBackEverythingWhateverIsLive() {
        RecordingCalls calls = new RecordingCalls(LinuxCalls.instance());
        Heap heap = Heap.create(calls, quiet().build());
        for (int index = 0; index < 200; index++) {
            RawMemory.putLong(heap.malloc(50_000), 1);
            RawMemory.putLong(heap.malloc(100), 1);
        }
        long huge = heap.malloc(64 * MIB);
        int mappings = MappingBudget.used();
        assertThat(mappings).isPositive();
        heap.close();
        assertThat(calls.calls("munmap")).hasSize(1).first().asString().contains(Long.toHexString(huge));
        assertThat(MappingBudget.used()).isLessThan(mappings);
        assertThat(heap.toString()).isEqualTo("Heap[test, MMAP, closed]");
    }

    @Test
    void aChildIsLimitedByItsParent() {
        try (Heap parent = Heap.create(
                        quiet().name("parent").hardLimitBytes(8 * MIB).build());
                Heap child = Heap.create(quiet().name("child").parent(parent).build())) {
            long address = child.malloc(6 * MIB);
            assertThatThrownBy(() -> parent.malloc(3 * MIB)).isInstanceOf(OutOfNativeMemoryError.class);
            assertThatThrownBy(() -> child.malloc(3 * MIB))
                    .isInstanceOf(OutOfNativeMemoryError.class)
                    .hasMessageContaining(
                            "of heap 'child' failed: the hard limit of the heap or of a parent is reached");
            child.free(address);
            parent.free(parent.malloc(3 * MIB));
            assertThat(child.statistics().liveBlocks()).isZero();
        }
    }

    @Test
    void closingAChildGivesItsShareBackToTheParent() {
        try (Heap parent = Heap.create(quiet().hardLimitBytes(8 * MIB).build())) {
            for (int round = 0; round < 4; round++) {
                try (Heap child = Heap.create(quiet().parent(parent).build())) {
                    child.malloc(5 * MIB);
                    child.malloc(100);
                }
            }
            assertThat(parent.statistics().committedBytes()).isZero();
        }
    }

    @Test
    void crossingTheSoftLimitIsToldOnAThreadThatMayUseTheHeap() throws InterruptedException {
        CountDownLatch told = new CountDownLatch(1);
        Heap[] heap = new Heap[1];
        heap[0] = Heap.create(quiet().softLimitBytes(MIB)
                .onSoftLimit(() -> {
                    heap[0].free(heap[0].malloc(100));
                    told.countDown();
                })
                .build());
        heap[0].malloc(100);
        assertThat(told.getCount()).isEqualTo(1);
        heap[0].malloc(2 * MIB);
        assertThat(told.await(60, TimeUnit.SECONDS)).isTrue();
        heap[0].close();
    }

    @ParameterizedTest
    @EnumSource(value = MemorySource.class, mode = EnumSource.Mode.EXCLUDE, names = "FILE")
    void everySourceServesEverySize(MemorySource source) {
        try (Heap heap =
                Heap.create(quiet().source(source).brkClaimBytes(16 * MIB).build())) {
            List<Long> blocks = new ArrayList<>();
            for (long byteSize : new long[] {0, 24, 5_000, 40_000, 3 * MIB, 6 * MIB, 20 * MIB}) {
                long address = heap.calloc(1, byteSize);
                RawMemory.fill(address, byteSize, (byte) 1);
                blocks.add(address);
            }
            heap.verify();
            assertThat(heap.statistics().liveBlocks()).isEqualTo(7);
            assertThat(heap.toString()).isEqualTo("Heap[test, " + source + "]");
            blocks.forEach(heap::free);
            heap.trim(0);
            heap.verify();
            assertThat(heap.statistics().committedBytes()).isZero();
        }
    }

    @Test
    void aFileHoldsTheBlocks(@TempDir Path directory) throws Exception {
        Path file = directory.resolve("heap");
        try (Heap heap = Heap.create(quiet().file(file.toString()).build())) {
            long address = heap.malloc(100);
            RawMemory.putLong(address, 0x4242_4242_4242_4242L);
            byte[] bytes = Files.readAllBytes(file);
            assertThat(new String(bytes, StandardCharsets.ISO_8859_1)).contains("BBBBBBBB");
        }
        assertThatThrownBy(
                        () -> Heap.create(quiet().file(directory + "/none/heap").build()))
                .isInstanceOf(SystemCallException.class)
                .hasMessageStartingWith("open(path=" + directory
                        + "/none/heap, O_RDWR|O_CREAT|O_NOFOLLOW|O_NONBLOCK|O_CLOEXEC, 0600) failed: ENOENT (")
                .hasMessageContaining("check the option file");
    }
}
