package malloc4j.sources;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import malloc4j.Heap;
import malloc4j.HeapOptions;
import malloc4j.MemorySource;
import malloc4j.TestHeaps;
import malloc4j.faults.Maps;
import malloc4j.faults.Patterns;
import malloc4j.internal.memory.RawMemory;
import malloc4j.internal.os.Errno;
import malloc4j.internal.os.Linux;
import malloc4j.internal.os.RecordingCalls;
import malloc4j.internal.os.SystemCalls;
import malloc4j.internal.os.TestKernel;
import malloc4j.internal.region.ChunkMap;
import malloc4j.internal.region.Ground;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// Each source of memory is what it says, as the kernel tells it, and leaves nothing when its heap is closed.
class SourcesTest {
    private static final long MIB = 1L << 20;

    @TempDir
    @SuppressWarnings("NullAway.Init")
    private Path directory;

    @ParameterizedTest
    @EnumSource(MemorySource.class)
    void blocksKeepTheirContentsThroughPurgesAndNothingIsLeftAfterClose(MemorySource source) throws IOException {
        List<Maps.Mapping> before = zoneMappings();
        int mappingsBefore = Ground.process().mappings().used();
        try (Heap heap = Heap.create(options(source))) {
            List<Long> kept = new ArrayList<>();
            for (int index = 0; index < 3_000; index++) {
                long byteSize = index % 100 == 0 ? MIB : 1_000 + index;
                long address = heap.malloc(byteSize);
                Patterns.fill(address, byteSize, index);
                if (index % 10 == 0) {
                    kept.add(address);
                } else {
                    heap.free(address);
                }
            }
            long residentBefore = heap.residentBytes();
            long cut = heap.malloc(20 * MIB);
            RawMemory.fill(cut, 20 * MIB, (byte) 1);
            assertThat(heap.residentBytes()).as("touched").isGreaterThanOrEqualTo(residentBefore + 18 * MIB);
            heap.free(cut);
            assertThat(heap.trim(0)).as("something went back").isTrue();
            assertThat(heap.residentBytes()).as("given back").isLessThan(residentBefore + MIB);
            assertThat(heap.statistics().dirtyBytes()).isZero();
            for (int index = 0; index < kept.size(); index++) {
                long byteSize = index % 10 == 0 ? MIB : 1_000 + index * 10L;
                Patterns.check(kept.get(index), byteSize, byteSize, index * 10L);
            }
            long zeroed = heap.calloc(20, MIB);
            assertThat(RawMemory.segment(zeroed, 20 * MIB).elements(ValueLayout.JAVA_LONG))
                    .allMatch(word -> word.get(ValueLayout.JAVA_LONG, 0) == 0);
            heap.free(zeroed);
            kept.forEach(heap::free);
            heap.verify();
            assertThat(heap.statistics().liveBlocks()).isZero();
        }
        assertThat(zoneMappings()).isEqualTo(before);
        assertThat(Ground.process().mappings().used()).isEqualTo(mappingsBefore);
        assertThat(descriptors()).isEmpty();
    }

    @Test
    void sharedMemoryIsAMemoryFileWithTheHeapsName() {
        try (Heap heap = Heap.create(options(MemorySource.SHARED_MEMORY))) {
            for (long byteSize : new long[] {100, MIB, 100 * MIB}) {
                Maps.Mapping mapping = Maps.at(heap.malloc(byteSize));
                assertThat(mapping.name()).isEqualTo("/memfd:malloc4j-sources (deleted)");
                assertThat(mapping.permissions()).isEqualTo("rw-s");
            }
        }
    }

    @Test
    void aFilesBytesAreTheBlocks() throws IOException {
        Path file = directory.resolve("heap");
        Files.writeString(file, "what was there before");
        try (Heap heap = Heap.create(options(MemorySource.FILE))) {
            long address = heap.malloc(100);
            RawMemory.segment(address, 100).setString(0, "found in the file");
            Maps.Mapping mapping = Maps.at(address);
            assertThat(mapping.name()).isEqualTo(file.toString());
            assertThat(mapping.permissions()).isEqualTo("rw-s");
            assertThat(Maps.at(heap.malloc(100 * MIB)).name()).isEqualTo(file.toString());
            byte[] start = new byte[(int) MIB];
            try (var in = Files.newInputStream(file)) {
                assertThat(in.readNBytes(start, 0, start.length)).isEqualTo(start.length);
            }
            assertThat(new String(start, StandardCharsets.ISO_8859_1))
                    .contains("found in the file")
                    .doesNotContain("before");
        }
        assertThat(file).exists();
    }

    @Test
    void aFileDoesNotGrowWhileItsExtentsComeAndGo() throws IOException {
        try (Heap heap = Heap.create(options(MemorySource.FILE))) {
            long grown = 0;
            for (int round = 0; round < 20; round++) {
                List<Long> blocks = new ArrayList<>();
                for (int count = 0; count < 20; count++) {
                    blocks.add(heap.malloc(MIB));
                }
                blocks.forEach(heap::free);
                heap.trim(0);
                long now = Files.size(directory.resolve("heap"));
                grown = round == 0 ? now : grown;
                assertThat(now).as("round " + round).isLessThanOrEqualTo(grown);
            }
        }
    }

    @Test
    void aFileThatCannotBeOpenedIsNamedWithTheReason() {
        HeapOptions options = HeapOptions.builder()
                .file(directory.resolve("missing/heap").toString())
                .build();
        assertThatThrownBy(() -> Heap.create(options))
                .hasMessageContaining("missing/heap")
                .hasMessageContaining("ENOENT");
    }

    @Test
    void hugePagesAreAskedFor() {
        assumeTrue(Files.exists(Path.of("/sys/kernel/mm/transparent_hugepage/enabled")), "a kernel without THP");
        try (Heap heap = Heap.create(options(MemorySource.HUGE))) {
            for (long byteSize : new long[] {100, MIB, 100 * MIB}) {
                assertThat(Maps.flags(heap.malloc(byteSize)))
                        .as(byteSize + " bytes")
                        .contains("hg");
            }
        }
        try (Heap heap = Heap.create(options(MemorySource.MMAP))) {
            assertThat(Maps.flags(heap.malloc(100))).doesNotContain("hg");
        }
    }

    @Test
    void withoutAPoolHugetlbFallsBackToTransparentHugePages() {
        RecordingCalls calls = new RecordingCalls(TestKernel.calls());
        calls.failFrom(text -> text.contains("MAP_HUGETLB"), 1, Errno.ENOMEM);
        try (Heap heap = TestHeaps.create(calls, options(MemorySource.HUGETLB))) {
            long address = heap.malloc(MIB);
            assertThat(calls.injectedCount()).isPositive();
            assertThat(Maps.flags(address)).doesNotContain("ht");
            assertThat(calls.calls("madvise")).last().asString().endsWith("MADV_HUGEPAGE)");
            Patterns.fill(address, MIB, 1);
            Patterns.check(address, MIB, MIB, 1);
            heap.verify();
        }
    }

    @Test
    void fromAPoolHugetlbTakesWholeExtentsAndGivesThemBack() {
        List<Maps.Mapping> before = zoneMappings();
        RecordingCalls calls = new RecordingCalls(withPool());
        try (Heap heap = TestHeaps.create(calls, options(MemorySource.HUGETLB))) {
            List<Long> blocks = new ArrayList<>();
            for (int index = 0; index < 20; index++) {
                blocks.add(heap.malloc(MIB));
                Patterns.fill(blocks.getLast(), MIB, index);
            }
            assertThat(calls.calls("mmap"))
                    .anyMatch(call -> call.contains("MAP_FIXED") && call.contains("MAP_HUGETLB"));
            for (int index = 0; index < 20; index++) {
                Patterns.check(blocks.get(index), MIB, MIB, index);
                heap.free(blocks.get(index));
            }
            heap.trim(0);
            heap.verify();
        }
        assertThat(zoneMappings()).isEqualTo(before);
    }

    /// Linux with a pool of huge pages that never runs dry; its pages are small ones.
    private static SystemCalls withPool() {
        return (SystemCalls) Proxy.newProxyInstance(
                SystemCalls.class.getClassLoader(), new Class<?>[] {SystemCalls.class}, (proxy, method, arguments) -> {
                    if (method.getName().equals("mmap")) {
                        arguments[3] = (int) arguments[3] & ~Linux.MAP_HUGETLB;
                    }
                    return invoke(method, arguments);
                });
    }

    private static Object invoke(Method method, Object[] arguments) throws Throwable {
        try {
            return method.invoke(TestKernel.calls(), arguments);
        } catch (InvocationTargetException thrown) {
            throw thrown.getTargetException();
        }
    }

    private HeapOptions options(MemorySource source) {
        HeapOptions.Builder builder = HeapOptions.builder()
                .name("sources")
                .purgeDelay(Duration.ofMillis(-1))
                .brkClaimBytes(4 * MIB);
        return source == MemorySource.FILE
                ? builder.file(directory.resolve("heap").toString()).build()
                : builder.source(source).build();
    }

    private static List<Maps.Mapping> zoneMappings() {
        return Maps.usable(ChunkMap.BASE, ChunkMap.BASE + ChunkMap.main().byteSize());
    }

    private List<String> descriptors() throws IOException {
        try (Stream<Path> links = Files.list(Path.of("/proc/self/fd"))) {
            return links.map(SourcesTest::target)
                    .filter(name -> name.contains("malloc4j-sources") || name.startsWith(directory.toString()))
                    .toList();
        }
    }

    private static String target(Path link) {
        try {
            return Files.readSymbolicLink(link).toString();
        } catch (IOException gone) {
            return "";
        }
    }
}
