package malloc4j.sources;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import malloc4j.Heap;
import malloc4j.HeapOptions;
import malloc4j.OutOfNativeMemoryError;
import malloc4j.TestHeaps;
import malloc4j.faults.Patterns;
import malloc4j.internal.memory.RawMemory;
import malloc4j.internal.os.Errno;
import malloc4j.internal.os.RecordingCalls;
import malloc4j.internal.os.TestKernel;
import malloc4j.internal.region.Ground;
import malloc4j.linux.SystemCallException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A heap has its file alone, and only a regular one that it was named.
class HeapFileTest {
    @TempDir
    @SuppressWarnings("NullAway.Init")
    private Path directory;

    private HeapOptions in(Path file) {
        return HeapOptions.builder().name("file").file(file.toString()).build();
    }

    @Test
    void aSecondHeapOnTheSameFileIsRefusedAndTheFirstKeepsItsBlocks() throws IOException {
        Path file = directory.resolve("heap");
        Path link = directory.resolve("hard-link");
        try (Heap first = Heap.create(in(file))) {
            Files.createLink(link, file);
            long address = first.malloc(100_000);
            Patterns.fill(address, 100_000, 1);
            for (Path path : new Path[] {file, link, directory.resolve(".").resolve("heap")}) {
                assertThatThrownBy(() -> Heap.create(in(path)))
                        .isInstanceOf(SystemCallException.class)
                        .hasMessageContaining(path.toString())
                        .hasMessageContaining("another heap of this process")
                        .hasMessageContaining(
                                Long.toString(ProcessHandle.current().pid()));
            }
            Patterns.check(address, 100_000, 100_000, 1);
            first.verify();
        }
        try (Heap next = Heap.create(in(file))) {
            next.free(next.malloc(100_000));
        }
    }

    @Test
    void aFileThatAHeapOfAnotherProcessHasIsRefusedWithItsPidUntilThatIsKilled() throws Exception {
        Path file = directory.resolve("heap");
        Process holder = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "--enable-native-access=ALL-UNNAMED",
                        "-cp",
                        System.getProperty("java.class.path"),
                        HeapFileChild.class.getName(),
                        file.toString())
                .redirectErrorStream(true)
                .start();
        try {
            assertThat(holder.inputReader().readLine()).isEqualTo("open");
            long byteSize = Files.size(file);
            assertThatThrownBy(() -> Heap.create(in(file)))
                    .hasMessageContaining("process " + holder.pid() + " has the file");
            assertThat(Files.size(file)).as("not emptied").isEqualTo(byteSize);
        } finally {
            holder.destroyForcibly();
            assertThat(holder.waitFor(60, TimeUnit.SECONDS)).isTrue();
        }
        Heap.create(in(file)).close();
    }

    @Test
    void aSymbolicLinkIsNotFollowedAndWhatItLeadsToIsAsItWas() throws IOException {
        Path target = Files.writeString(directory.resolve("target"), "precious");
        Path link = Files.createSymbolicLink(directory.resolve("link"), target);
        Path dangling = Files.createSymbolicLink(directory.resolve("dangling"), directory.resolve("nothing"));
        for (Path path : new Path[] {link, dangling}) {
            assertThatThrownBy(() -> Heap.create(in(path)))
                    .hasMessageContaining("ELOOP")
                    .hasMessageContaining("symbolic link");
        }
        assertThat(target).hasContent("precious");
        assertThat(directory.resolve("nothing")).doesNotExist();
        Heap.create(in(link.toRealPath())).close();
    }

    @Test
    void whatIsNoRegularFileIsRefused() {
        for (String path : new String[] {directory.toString(), "/dev/null", "/dev/zero"}) {
            assertThatThrownBy(() -> Heap.create(in(Path.of(path))))
                    .isInstanceOf(SystemCallException.class)
                    .hasMessageContaining(path)
                    .hasMessageContaining("regular file");
        }
    }

    @Test
    void aFullFileSystemIsReportedWhereItIsTouchedAndUsedAgainWhenBlocksAreFreed() throws Exception {
        Path small = Files.createDirectory(directory.resolve("small"));
        assumeTrue(run("mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", small.toString()), "mounting needs root");
        try {
            try (Heap heap = Heap.create(in(small.resolve("heap")))) {
                for (int round = 0; round < 3; round++) {
                    List<Long> blocks = new ArrayList<>();
                    assertThatThrownBy(() -> {
                                for (int count = 0; count < 100; count++) {
                                    blocks.add(heap.malloc(100_000));
                                    RawMemory.fill(blocks.getLast(), 100_000, (byte) 1);
                                }
                            })
                            .isInstanceOf(InternalError.class);
                    assertThat(blocks).hasSizeBetween(35, 45);
                    blocks.forEach(heap::free);
                    heap.verify();
                    assertThat(heap.trim(0))
                            .as("pages went back to the file system")
                            .isTrue();
                }
                long address = heap.calloc(1, 1 << 20);
                assertThat(isZero(address, 1 << 20)).isTrue();
                heap.free(address);
            }
        } finally {
            assertThat(run("umount", small.toString())).isTrue();
        }
    }

    @Test
    void whereThereAreNoHolesFreedBlocksAreUsedAgainAndCallocIsZero() {
        RecordingCalls calls = new RecordingCalls(TestKernel.calls());
        calls.failFrom(call -> call.contains("MADV_REMOVE") || call.startsWith("fallocate("), 1, Errno.EOPNOTSUPP);
        int mappings = Ground.process().mappings().used();
        try (Heap heap = TestHeaps.create(calls, in(directory.resolve("heap")))) {
            for (long byteSize : new long[] {100, 5_000, 100_000, 6 << 20, 40 << 20}) {
                for (int round = 0; round < 4; round++) {
                    List<Long> blocks = new ArrayList<>();
                    for (int count = 0; count < 3; count++) {
                        long address = heap.calloc(1, byteSize);
                        assertThat(isZero(address, byteSize))
                                .as("%d bytes", byteSize)
                                .isTrue();
                        RawMemory.fill(address, byteSize, (byte) 1);
                        blocks.add(address);
                    }
                    blocks.forEach(heap::free);
                    heap.trim(0);
                    heap.verify();
                }
            }
            assertThat(calls.injectedCount()).isPositive();
        }
        assertThat(Ground.process().mappings().used()).isEqualTo(mappings);
    }

    @Test
    void aFileThatIsCutWhileInUseCostsTheBlocksBehindTheCutAndNothingElse() throws IOException {
        Path file = directory.resolve("heap");
        int mappings = Ground.process().mappings().used();
        try (Heap heap = Heap.create(in(file));
                FileChannel cut = FileChannel.open(file, StandardOpenOption.WRITE)) {
            List<Long> blocks = new ArrayList<>();
            for (int count = 0; count < 60; count++) {
                blocks.add(heap.calloc(1, 100_000));
                RawMemory.fill(blocks.getLast(), 100_000, (byte) 1);
            }
            cut.truncate(1 << 20);
            assertThatThrownBy(() -> RawMemory.fill(blocks.getLast(), 100_000, (byte) 2))
                    .isInstanceOf(InternalError.class);
            long live = heap.statistics().liveBytes();
            assertThatThrownBy(() -> heap.realloc(blocks.get(50), 300_000)).isInstanceOf(InternalError.class);
            assertThat(heap.statistics().liveBytes()).isEqualTo(live);
            blocks.forEach(heap::free);
            heap.trim(0);
            heap.verify();
            assertThat(heap.statistics().liveBytes()).isZero();
            assertThatThrownBy(() -> heap.malloc(40 << 20))
                    .as("the file grows, and lost blocks read zero")
                    .isInstanceOf(OutOfNativeMemoryError.class)
                    .hasMessageContaining("EIO")
                    .hasMessageContaining("somebody has cut the file");
            assertThat(Files.size(file)).isEqualTo(1 << 20);
        }
        assertThat(Ground.process().mappings().used()).isEqualTo(mappings);
    }

    private static boolean isZero(long address, long byteSize) {
        return RawMemory.segment(address, byteSize).mismatch(MemorySegment.ofArray(new byte[(int) byteSize])) == -1;
    }

    private static boolean run(String... command) throws IOException, InterruptedException {
        Process process = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .start();
        return process.waitFor() == 0;
    }

    @Test
    void eachRefusedCallLeavesTheFileAndNoDescriptor() throws IOException {
        Path file = Files.writeString(directory.resolve("kept"), "precious");
        for (String call : new String[] {"open", "fcntl", "ftruncate"}) {
            RecordingCalls calls = new RecordingCalls(TestKernel.calls());
            calls.failFrom(call, 1, Errno.ENOLCK);
            assertThatThrownBy(() -> TestHeaps.create(calls, in(file)))
                    .isInstanceOf(SystemCallException.class)
                    .hasMessageContaining(call + "(path=" + file);
            assertThat(calls.count("close")).isEqualTo(call.equals("open") ? 0 : 1);
            assertThat(file).hasContent("precious");
        }
    }

    /// Such as one that the kernel makes while it is read: `ftruncate` answers EINVAL, which is no fault of the size.
    @Test
    void aFileThatCannotGrowIsNamedAsTheCause() {
        try (Heap heap =
                Heap.create(HeapOptions.builder().file("/proc/self/status").build())) {
            assertThatThrownBy(() -> heap.malloc(100))
                    .isInstanceOf(OutOfNativeMemoryError.class)
                    .hasMessageContaining("the file system of the heap's file");
            assertThat(heap.tryMalloc(100_000)).isZero();
        }
    }
}
