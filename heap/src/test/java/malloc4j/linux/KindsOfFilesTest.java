package malloc4j.linux;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import malloc4j.linux.SharedMemory.Access;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/// What cannot be memory says what it is and why.
@Timeout(60)
class KindsOfFilesTest {
    private static final Path NAMES = Path.of("/dev/shm");

    @TempDir
    private Path directory;

    private static void assertRefused(FileMappingBuilder builder, String advice) {
        assertThatThrownBy(builder::map)
                .isInstanceOf(SystemCallException.class)
                .hasMessageContaining(advice)
                .hasMessageNotContaining("ulimit")
                .hasMessageNotContaining(Long.toString(Long.MAX_VALUE));
    }

    @Test
    void aDirectoryIsNotMapped() {
        assertRefused(Mapping.ofFile(directory), "it is a directory: only regular files");
        assertRefused(Mapping.ofFile(directory).byteSize(10).offset(1L << 40), "it is a directory");
        assertRefused(Mapping.ofFile(directory).readWrite(), "it is a directory");
        assertRefused(Mapping.ofFile(directory).copyOnWrite().byteSize(1), "it is a directory");
        assertRefused(Mapping.ofFile(Path.of("/")), "it is a directory");
        assertRefused(Mapping.ofFile(Path.of("/proc/self")), "it is a directory");
    }

    @SuppressWarnings("try") // what is closed by hand, or not used but open
    @Test
    void pipesAndSocketsAreNotMapped() throws Exception {
        Path pipe = pipe(directory.resolve("pipe"));
        assertRefused(Mapping.ofFile(pipe), "it is a named pipe: only regular files");
        assertRefused(Mapping.ofFile(pipe).byteSize(1).readWrite(), "it is a named pipe");
        Path socket = Files.createTempDirectory("s").resolve("s"); // whose path may not be long
        try (ServerSocketChannel unused = listening(socket)) {
            assertRefused(Mapping.ofFile(socket), "it is a socket");
        } finally {
            Files.delete(socket);
            Files.delete(socket.getParent());
        }
    }

    private static Path pipe(Path path) throws Exception {
        assertThat(new ProcessBuilder("mkfifo", path.toString()).start().waitFor())
                .isZero();
        return path;
    }

    private static ServerSocketChannel listening(Path path) throws IOException {
        ServerSocketChannel channel = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        ServerSocketChannel bound = channel.bind(UnixDomainSocketAddress.of(path));
        return bound;
    }

    @Test
    void aDeviceIsMappedWhereItSaysSo() {
        Path zero = Path.of("/dev/zero");
        assertThatIllegalArgumentException()
                .isThrownBy(Mapping.ofFile(zero)::map)
                .withMessage("/dev/zero is a character device, which has no end to map to: give byteSize");
        try (Mapping mapping =
                Mapping.ofFile(zero).copyOnWrite().byteSize(10_000).map()) {
            mapping.segment().set(JAVA_BYTE, 9_999, (byte) 1);
            assertThat(mapping.segment().get(JAVA_BYTE, 9_998)).isZero();
        }
        assertRefused(
                Mapping.ofFile(Path.of("/dev/null")).byteSize(1),
                "only regular files, and devices that say so, can be mapped");
    }

    @Test
    void anEmptyFileSaysSo() throws IOException {
        Path empty = Files.createFile(directory.resolve("empty"));
        for (FileMappingBuilder builder : new FileMappingBuilder[] {
            Mapping.ofFile(empty),
            Mapping.ofFile(empty).byteSize(1),
            Mapping.ofFile(empty).offset(7)
        }) {
            assertThatIllegalArgumentException()
                    .isThrownBy(builder::map)
                    .withMessage(
                            "file " + empty + " is empty, and nothing of it can be mapped: write to it first, or ask"
                                    + " for byteSize, readWrite and createOrExtend");
        }
    }

    @Test
    void aFileThatIsMadeWhileItIsReadSaysSo() {
        for (String path : new String[] {"/proc/self/status", "/proc/meminfo", "/proc/sys/vm/max_map_count"}) {
            assertThatIllegalArgumentException()
                    .isThrownBy(Mapping.ofFile(Path.of(path))::map)
                    .withMessage(
                            "file " + path + " is made by the kernel while it is read, so it has no length and cannot"
                                    + " be mapped: read it");
            assertThatIllegalArgumentException()
                    .isThrownBy(Mapping.ofFile(Path.of(path)).byteSize(1)::map)
                    .withMessageContaining("is made by the kernel");
        }
    }

    @Test
    void beyondTheEndNamesOnlyWhatWasAskedFor() throws IOException {
        Path file = Files.writeString(directory.resolve("ten"), "0123456789");
        assertThatIllegalArgumentException()
                .isThrownBy(Mapping.ofFile(file).offset(11)::map)
                .withMessage("offset=11 is not inside the 10 bytes of file " + file);
        assertThatIllegalArgumentException()
                .isThrownBy(Mapping.ofFile(file).byteSize(11)::map)
                .withMessage("offset=0, byteSize=11 is not inside the 10 bytes of file " + file);
    }

    // Names of shared memory.

    @SuppressWarnings("try") // what is closed by hand, or not used but open
    @Test
    void aNameOfSomethingElseIsNoSharedMemory() throws Exception {
        String name = "/malloc4j-kinds-" + ProcessHandle.current().pid();
        Path path = Path.of(NAMES + name);
        Files.createDirectory(path);
        try {
            assertNoSharedMemory(name, path + " is a directory, not a regular file, so it is no shared memory");
            assertThatThrownBy(() -> SharedMemory.create(name, 4096))
                    .isInstanceOf(SystemCallException.class)
                    .hasMessageEndingWith("it is a directory, not shared memory: take another name");
            assertThatThrownBy(() -> SharedMemory.unlink(name))
                    .isInstanceOf(SystemCallException.class)
                    .hasMessageEndingWith("it is a directory, so it is no shared memory");
            assertThat(SharedMemory.removeStale(name)).isFalse();
        } finally {
            Files.delete(path);
        }
        try {
            Path unused = pipe(path);
            assertNoSharedMemory(name, path + " is a named pipe, not a regular file, so it is no shared memory");
        } finally {
            Files.delete(path);
        }
        try (ServerSocketChannel unused = listening(path)) {
            assertNoSharedMemory(name, path + " is a socket, not a regular file, so it is no shared memory");
        } finally {
            Files.delete(path);
        }
    }

    private static void assertNoSharedMemory(String name, String message) {
        for (Access access : Access.values()) {
            assertThatIllegalStateException()
                    .isThrownBy(() -> SharedMemory.open(name, access))
                    .withMessage(message);
        }
        assertThatIllegalStateException()
                .isThrownBy(() -> SharedMemory.openOrCreate(name, 4096, SharedMemoryOptions.defaults()))
                .withMessage(message);
        assertThat(SharedMemory.status(name)).isEmpty();
        assertThat(SharedMemory.list()).noneMatch(status -> status.name().equals(name));
    }
}
