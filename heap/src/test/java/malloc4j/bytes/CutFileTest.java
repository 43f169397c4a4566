package malloc4j.bytes;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import malloc4j.Heap;
import malloc4j.HeapOptions;
import malloc4j.MemorySource;
import malloc4j.internal.memory.FaultingRanges;
import malloc4j.internal.memory.RawMemory;
import malloc4j.internal.os.Linux;
import malloc4j.internal.os.LinuxCalls;
import malloc4j.internal.os.SystemCalls;
import malloc4j.linux.Mapping;
import malloc4j.linux.SharedMemory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A mapped file that was cut short is an `InternalError` for segments, whatever the operation and the size. In
/// native code the `SIGBUS` would end this JVM.
class CutFileTest {
    private static final long BYTE_SIZE = 1 << 20;
    private static final List<Long> WAYS = List.of(1L, 16L, 17L, 40L, 100L, 5_000L, BYTE_SIZE);

    @Test
    void aFileThatTheJdkHasMapped(@TempDir Path directory) throws IOException {
        try (Arena arena = Arena.ofConfined();
                FileChannel file = FileChannel.open(
                        directory.resolve("cut"),
                        StandardOpenOption.CREATE,
                        StandardOpenOption.READ,
                        StandardOpenOption.WRITE)) {
            MemorySegment segment = file.map(FileChannel.MapMode.READ_WRITE, 0, BYTE_SIZE, arena);
            file.truncate(0);
            checkAll(segment);
        }
    }

    @Test
    void aMemoryFileThatIsListed() {
        SystemCalls calls = LinuxCalls.instance();
        int fd = (int) calls.memfdCreate("cut", Linux.MFD_CLOEXEC);
        assertThat(calls.ftruncate(fd, BYTE_SIZE)).isZero();
        long address = calls.mmap(0, BYTE_SIZE, Linux.PROT_READ | Linux.PROT_WRITE, Linux.MAP_SHARED, fd, 0);
        FaultingRanges.add(address, BYTE_SIZE);
        try (Arena arena = Arena.ofShared()) {
            assertThat(calls.ftruncate(fd, 0)).isZero();
            checkAll(RawMemory.segment(address, BYTE_SIZE, arena));
        } finally {
            FaultingRanges.remove(address, BYTE_SIZE);
            assertThat(calls.munmap(address, BYTE_SIZE)).isZero();
            assertThat(calls.close(fd)).isZero();
        }
    }

    @Test
    void aHeapsFileUnderAnArenaThatZeroesItsBlocks(@TempDir Path directory) throws IOException {
        Path file = directory.resolve("heap");
        HeapOptions options = HeapOptions.builder()
                .source(MemorySource.FILE)
                .file(file.toString())
                .build();
        try (Heap heap = Heap.create(options);
                Arena arena = heap.ofConfined();
                FileChannel cutter = FileChannel.open(file, StandardOpenOption.WRITE)) {
            arena.allocate(1);
            long fileBytes = cutter.size();
            cutter.truncate(0);
            for (long byteSize : new long[] {1, 16, 40, 64, 65, 100, 5_000, 30_000, 100_000}) {
                check(() -> arena.allocate(byteSize));
            }
            cutBack(file, fileBytes);
        }
    }

    @Test
    void aFileThatIsMappedAndMoved(@TempDir Path directory) throws IOException {
        Path file = directory.resolve("moved");
        try (Mapping mapping = Mapping.ofFile(file)
                        .readWrite()
                        .byteSize(4096)
                        .createOrExtend()
                        .map();
                FileChannel cutter = FileChannel.open(file, StandardOpenOption.WRITE)) {
            mapping.resizeWithFile(BYTE_SIZE);
            cutter.truncate(0);
            checkAll(mapping.segment());
            mapping.verify();
        }
    }

    @Test
    void sharedMemoryThatGetsShorter() {
        try (SharedMemory memory = SharedMemory.anonymous("cut", BYTE_SIZE);
                Mapping mapping = memory.map()) {
            memory.resize(1);
            checkAll(mapping.segment(4096, BYTE_SIZE - 4096));
        }
    }

    @Test
    void aHeapsFile(@TempDir Path directory) throws IOException {
        Path path = directory.resolve("heap");
        HeapOptions options = HeapOptions.builder()
                .name("cut")
                .source(MemorySource.FILE)
                .file(path.toString())
                .build();
        try (Heap heap = Heap.create(options);
                Arena arena = heap.ofConfined();
                FileChannel file = FileChannel.open(path, StandardOpenOption.WRITE)) {
            MemorySegment block = arena.allocate(2 * BYTE_SIZE);
            long fileBytes = file.size();
            file.truncate(0);
            checkAll(block.asSlice(0, BYTE_SIZE));
            cutBack(path, fileBytes);
        }
    }

    /// Gives a file its length again, so that its heap can be closed.
    private static void cutBack(Path path, long byteSize) throws IOException {
        try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) {
            file.setLength(byteSize);
        }
    }

    private static void checkAll(MemorySegment gone) {
        MemorySegment there = MemorySegment.ofArray(new byte[(int) BYTE_SIZE]);
        for (long way : WAYS) {
            long byteSize = Math.min(way, gone.byteSize());
            check(() -> Bytes.memset(gone, 0, 1, byteSize));
            check(() -> Bytes.explicitBzero(gone, 0, byteSize));
            check(() -> Bytes.memcpy(gone, 0, there, 0, byteSize));
            check(() -> Bytes.memmove(there, 0, gone, 0, byteSize));
            check(() -> Bytes.memcmp(there, 0, gone, 0, byteSize));
            check(() -> Bytes.memcmp(gone, 0, gone, 0, byteSize));
            check(() -> Bytes.memchr(gone, 0, 'x', byteSize));
            check(() -> Bytes.memrchr(gone, 0, 'x', byteSize));
            check(() -> Bytes.memmem(gone, 0, byteSize, there, 0, Math.min(byteSize, 5)));
            check(() -> Bytes.memmem(there, 0, BYTE_SIZE, gone, 0, byteSize));
        }
    }

    /// Compiled code may run on before the error comes, at the latest when a method returns: hence the second one.
    private static void check(Runnable operation) {
        assertThatExceptionOfType(InternalError.class)
                .isThrownBy(operation::run)
                .withMessageContaining("fault occurred in an unsafe memory access operation");
    }
}
