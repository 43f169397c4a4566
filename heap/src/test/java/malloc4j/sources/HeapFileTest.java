package malloc4j.sources;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import malloc4j.Heap;
import malloc4j.HeapOptions;
import malloc4j.TestHeaps;
import malloc4j.faults.Patterns;
import malloc4j.internal.os.Errno;
import malloc4j.internal.os.LinuxCalls;
import malloc4j.internal.os.RecordingCalls;
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
    void eachRefusedCallLeavesTheFileAndNoDescriptor() throws IOException {
        Path file = Files.writeString(directory.resolve("kept"), "precious");
        for (String call : new String[] {"open", "fcntl", "ftruncate"}) {
            RecordingCalls calls = new RecordingCalls(LinuxCalls.instance());
            calls.failFrom(call, 1, Errno.ENOLCK);
            assertThatThrownBy(() -> TestHeaps.create(calls, in(file)))
                    .isInstanceOf(SystemCallException.class)
                    .hasMessageContaining(call + "(path=" + file);
            assertThat(calls.count("close")).isEqualTo(call.equals("open") ? 0 : 1);
            assertThat(file).hasContent("precious");
        }
    }
}
