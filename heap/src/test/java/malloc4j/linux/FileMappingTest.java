package malloc4j.linux;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import malloc4j.faults.Maps;
import malloc4j.internal.os.Errno;
import malloc4j.internal.os.LinuxCalls;
import malloc4j.internal.os.RecordingCalls;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/// Mappings of files: what is seen by whom, where they begin and end, and files that cannot be mapped.
class FileMappingTest {
    private static final long PAGE = Mapping.systemPageByteSize();
    private static final long GIB = 1L << 30;

    @TempDir
    @SuppressWarnings("NullAway.Init")
    private Path directory;

    private Path fileOf(String text) throws IOException {
        return Files.writeString(directory.resolve("text"), text);
    }

    @AfterEach
    void nothingOfTheDirectoryIsMappedOrOpen() throws IOException {
        assertThat(Maps.all()).noneMatch(mapping -> mapping.name().contains(directory.toString()));
        assertThat(openFiles()).isEmpty();
    }

    private List<String> openFiles() throws IOException {
        try (Stream<Path> links = Files.list(Path.of("/proc/self/fd"))) {
            return links.map(FileMappingTest::target)
                    .filter(name -> name.startsWith(directory.toString()))
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

    private static String text(MemorySegment memory) {
        return new String(memory.toArray(JAVA_BYTE), StandardCharsets.US_ASCII);
    }

    private static void write(MemorySegment memory, long offset, String text) {
        MemorySegment.copy(
                MemorySegment.ofArray(text.getBytes(StandardCharsets.US_ASCII)), 0, memory, offset, text.length());
    }

    // Who sees what

    @Test
    void readingIsTheDefaultAndSegmentsAreReadOnly() throws IOException {
        Path file = fileOf("hello, mapping");
        try (Mapping mapping = Mapping.ofFile(file).map()) {
            assertThat(text(mapping.segment())).isEqualTo("hello, mapping");
            assertThat(mapping.segment().isReadOnly()).isTrue();
            assertThat(Maps.at(mapping.address()).permissions()).isEqualTo("r--s");
            assertThat(Maps.at(mapping.address()).name()).isEqualTo(file.toString());
            Files.writeString(file, "HELLO, MAPPING");
            assertThat(text(mapping.segment())).isEqualTo("HELLO, MAPPING");
            assertThatThrownBy(() -> mapping.protect(Protection.READ_WRITE))
                    .isInstanceOf(SystemCallException.class)
                    .hasMessageContaining("mprotect(file " + file + ", from=0, byteSize=" + PAGE + ", READ_WRITE)")
                    .hasMessageContaining("EACCES")
                    .hasMessageContaining("readWrite");
            assertThat(mapping.protection()).isEqualTo(Protection.READ);
            assertThat(mapping.segment().isReadOnly()).isTrue();
            mapping.verify();
        }
    }

    @Test
    void writesOfASharedMappingAreSeenByAllAndReachTheDeviceWhenFlushed() throws IOException {
        Path file = Files.write(directory.resolve("shared"), new byte[(int) (8 * PAGE)]);
        try (Mapping mapping = Mapping.ofFile(file).readWrite().map();
                Mapping other = Mapping.ofFile(file).map()) {
            mapping.flush();
            write(mapping.segment(), 5 * PAGE, "all");
            write(mapping.segment(), 7 * PAGE, "see");
            assertThat(other.segment().get(JAVA_BYTE, 5 * PAGE)).isEqualTo((byte) 'a');
            assertThat(Files.readAllBytes(file)[(int) (7 * PAGE)]).isEqualTo((byte) 's');
            long dirty = dirtyBytes(mapping); // in units of the page cache, which may be larger than pages
            assertThat(dirty).isGreaterThanOrEqualTo(2 * PAGE);
            mapping.flush(5 * PAGE + 1, 1);
            assertThat(dirtyBytes(mapping)).isLessThan(dirty);
            mapping.flushAsync();
            mapping.flushAsync(0, 1);
            mapping.flush();
            assertThat(dirtyBytes(mapping)).isZero();
        }
    }

    /// Pages written through a mapping, and not yet to the device.
    private static long dirtyBytes(Mapping mapping) {
        return Maps.smapsBytes(mapping.address(), "Shared_Dirty") + Maps.smapsBytes(mapping.address(), "Private_Dirty");
    }

    @Test
    void aFlushThatTheDeviceFailsSaysThatDataMayBeLost() throws IOException {
        Path file = fileOf("x".repeat(10_000));
        RecordingCalls calls = new RecordingCalls(LinuxCalls.instance());
        try (Mapping mapping = new FileMappingBuilder(calls, file).readWrite().map()) {
            mapping.flush();
            mapping.flushAsync(PAGE, 5);
            assertThat(calls.calls("msync"))
                    .containsExactly(
                            "msync(0x" + Long.toHexString(mapping.address()) + ", " + 3 * PAGE + ", MS_SYNC)",
                            "msync(0x" + Long.toHexString(mapping.address() + PAGE) + ", " + PAGE + ", MS_ASYNC)");
            calls.failOnce("msync", 1, Errno.EIO);
            assertThatThrownBy(() -> mapping.flush(0, 5))
                    .isInstanceOf(SystemCallException.class)
                    .hasMessage("msync(file " + file + ", from=0, byteSize=" + PAGE + ", MS_SYNC) failed: EIO "
                            + "(input or output error); the device failed: what was written may be lost, and a later "
                            + "success does not bring it back");
        }
    }

    @Test
    void writesOfACopyStayInIt() throws IOException {
        Path file = fileOf("the original");
        try (Mapping copy = Mapping.ofFile(file).copyOnWrite().map()) {
            write(copy.segment(), 4, "changed!");
            assertThat(text(copy.segment())).isEqualTo("the changed!");
            copy.flush();
            assertThat(Files.readString(file)).isEqualTo("the original");
            copy.advise(MemoryAdvice.DONTNEED);
            assertThat(text(copy.segment())).isEqualTo("the original");
            assertThat(Maps.at(copy.address()).permissions()).isEqualTo("rw-p");
        }
    }

    @Test
    void programsCanBeMappedForExecution() {
        Path program = Path.of(System.getProperty("java.home"), "bin", "java");
        try (Mapping mapping = Mapping.ofFile(program)
                .protection(Protection.READ_EXECUTE)
                .populate()
                .map()) {
            assertThat(text(mapping.segment(1, 3))).isEqualTo("ELF");
            assertThat(Maps.at(mapping.address()).permissions()).isEqualTo("r-xs");
            assertThat(mapping.residentBytes()).isGreaterThanOrEqualTo(mapping.byteSize());
        }
    }

    // Where it begins and ends

    @Test
    void anyOffsetAndSizeIsExactlyWhatTheSegmentShows() throws IOException {
        byte[] content = new byte[(int) (3 * PAGE + 17)];
        for (int index = 0; index < content.length; index++) {
            content[index] = (byte) (index * 31 + index / 256);
        }
        Path file = Files.write(directory.resolve("content"), content);
        long length = content.length;
        for (long offset : new long[] {0, 1, PAGE - 1, PAGE, PAGE + 1, 2 * PAGE - 1, 3 * PAGE, length - 1}) {
            for (long byteSize : new long[] {1, 2, PAGE, length - offset}) {
                if (offset + byteSize <= length) {
                    try (Mapping mapping = Mapping.ofFile(file)
                            .offset(offset)
                            .byteSize(byteSize)
                            .map()) {
                        assertThat(mapping.segment()
                                        .mismatch(MemorySegment.ofArray(content).asSlice(offset, byteSize)))
                                .isEqualTo(-1);
                        assertThat(mapping.byteSize()).isEqualTo(byteSize);
                        assertThat(mapping.address() % PAGE).isEqualTo(offset % PAGE);
                        mapping.verify();
                    }
                }
            }
            try (Mapping rest = Mapping.ofFile(file).offset(offset).map()) {
                assertThat(rest.byteSize()).isEqualTo(length - offset);
            }
        }
    }

    @Test
    void wholePagesOfAMappingThatBeginsInsideOneBeginInsideIt() throws IOException {
        Path file = Files.write(directory.resolve("pages"), new byte[(int) (5 * PAGE)]);
        try (Mapping mapping = Mapping.ofFile(file)
                .readWrite()
                .offset(PAGE + 100)
                .byteSize(3 * PAGE)
                .map()) {
            mapping.segment().fill((byte) 1);
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> mapping.protect(Protection.READ, PAGE, PAGE))
                    .withMessageContaining("the first of which begins at -100");
            mapping.protect(Protection.NONE, 0, PAGE - 100); // what it has of its first page
            mapping.protect(Protection.READ, PAGE - 100, PAGE);
            assertThat(mapping.segment(PAGE - 100, PAGE).get(JAVA_BYTE, 0)).isEqualTo((byte) 1);
            mapping.protect(Protection.READ_WRITE);
            assertThat(mapping.residentPages(PAGE - 101, 2).cardinality()).isEqualTo(2);

            // A hole is made of whole pages of the file only: the bytes before and behind the mapping are not its own.
            for (long[] range : new long[][] {{0, PAGE - 100}, {2 * PAGE - 100, PAGE + 100}, {0, 3 * PAGE}}) {
                assertThatIllegalArgumentException()
                        .isThrownBy(() -> mapping.advise(MemoryAdvice.REMOVE, range[0], range[1]));
            }
            assertThatIllegalArgumentException().isThrownBy(() -> mapping.advise(MemoryAdvice.REMOVE));
            mapping.advise(MemoryAdvice.REMOVE, PAGE - 100, PAGE);
            assertThat(mapping.segment().get(JAVA_BYTE, PAGE - 100)).isZero();
            assertThat(mapping.segment().get(JAVA_BYTE, PAGE - 101)).isEqualTo((byte) 1);
            mapping.verify();
        }
    }

    @Test
    void aSparseFileOfFiveGibIsMappedAndWrittenPastFourGib() throws IOException {
        Path file = directory.resolve("sparse");
        long[] offsets = {0, 2 * GIB - 4, 2 * GIB + 5, 4 * GIB - 4, 4 * GIB + 5, 5 * GIB - 8};
        try (Mapping mapping = Mapping.ofFile(file)
                .readWrite()
                .byteSize(5 * GIB)
                .createOrExtend()
                .map()) {
            MemorySegment memory = mapping.segment();
            assertThat(memory.byteSize()).isEqualTo(5 * GIB).isEqualTo(Files.size(file));
            for (long offset : offsets) {
                memory.set(JAVA_LONG_UNALIGNED, offset, ~offset);
            }
            assertThat(mapping.residentPages(4 * GIB, 2 * PAGE).get(0)).isTrue();
            assertThat(mapping.residentBytes(3 * GIB, GIB / 2)).isZero();
            mapping.flush(4 * GIB, PAGE);
            mapping.verify();
        }
        assertThat(Files.getPosixFilePermissions(file)).isEqualTo(PosixFilePermissions.fromString("rw-------"));
        try (RandomAccessFile reader = new RandomAccessFile(file.toFile(), "r")) {
            for (long offset : offsets) {
                reader.seek(offset);
                assertThat(Long.reverseBytes(reader.readLong()))
                        .as("at %d", offset)
                        .isEqualTo(~offset);
            }
        }
        try (Mapping part =
                Mapping.ofFile(file).offset(4 * GIB + 5).byteSize(GIB - 5).map()) {
            assertThat(part.segment().get(JAVA_LONG_UNALIGNED, 0)).isEqualTo(~(4 * GIB + 5));
            assertThat(part.segment().get(JAVA_LONG_UNALIGNED, GIB - 13)).isEqualTo(~(5 * GIB - 8));
        }
        assertThat(allocatedBytes(file)).isBetween(1L, 16 * PAGE);
    }

    private static long allocatedBytes(Path file) throws IOException {
        Process stat = new ProcessBuilder("stat", "--format=%b", file.toString()).start();
        return Long.parseLong(new String(stat.getInputStream().readAllBytes(), StandardCharsets.US_ASCII).strip())
                * 512;
    }

    @Test
    void beyondTheEndIsRefusedUnlessTheFileIsExtended() throws IOException {
        Path file = fileOf("0123456789");
        List<FileMappingBuilder> beyond = List.of(
                Mapping.ofFile(file).offset(10),
                Mapping.ofFile(file).offset(11),
                Mapping.ofFile(file).byteSize(11),
                Mapping.ofFile(file).offset(5).byteSize(6),
                Mapping.ofFile(file).offset(Long.MAX_VALUE),
                Mapping.ofFile(file).offset(Long.MAX_VALUE).byteSize(2));
        beyond.forEach(builder -> assertThatIllegalArgumentException()
                .isThrownBy(builder::map)
                .withMessageContaining("is not inside the 10 bytes of file " + file));
        Path empty = Files.createFile(directory.resolve("empty"));
        assertThatIllegalArgumentException()
                .isThrownBy(Mapping.ofFile(empty)::map)
                .withMessageContaining("file " + empty + " is empty");
        try (Mapping extended = Mapping.ofFile(file)
                .readWrite()
                .offset(8)
                .byteSize(PAGE)
                .createOrExtend()
                .map()) {
            assertThat(extended.segment().get(JAVA_BYTE, 1)).isEqualTo((byte) '9');
            assertThat(extended.segment().get(JAVA_BYTE, PAGE - 1)).isZero();
            assertThat(Files.size(file)).isEqualTo(8 + PAGE);
        }
        try (Mapping inside =
                Mapping.ofFile(file).readWrite().byteSize(4).createOrExtend().map()) {
            assertThat(inside.byteSize()).isEqualTo(4);
            assertThat(Files.size(file)).isEqualTo(8 + PAGE); // never made shorter
        }
    }

    @Test
    void preallocationTakesItsRoomAtOnce() throws IOException {
        Path file = directory.resolve("preallocated");
        FileMappingBuilder builder =
                Mapping.ofFile(file).readWrite().byteSize(1 << 20).createOrExtend();
        builder.map().close();
        assertThat(allocatedBytes(file)).isZero();
        builder.preallocate().map().close();
        assertThat(allocatedBytes(file)).isGreaterThanOrEqualTo(1 << 20);
        assertThat(Files.size(file)).isEqualTo(1 << 20);

        Path huge = directory.resolve("huge");
        assertThatThrownBy(() -> Mapping.ofFile(huge)
                        .readWrite()
                        .byteSize(1L << 50)
                        .createOrExtend()
                        .preallocate()
                        .map())
                .isInstanceOf(SystemCallException.class)
                .hasMessageContaining("fallocate(path=" + huge + ", offset=0, byteSize=" + (1L << 50) + ")");
        assertThat(Files.size(huge)).isZero();
        assertThat(allocatedBytes(huge)).isZero();
    }

    @Test
    void aFixedAddressIsThatOfThePage() throws IOException {
        Path file = fileOf("x".repeat(100));
        Mapping probe = Mapping.anonymous(PAGE).map();
        long address = probe.address();
        probe.close();
        try (Mapping mapping = Mapping.ofFile(file).offset(7).at(address).map()) {
            assertThat(mapping.address()).isEqualTo(address + 7);
        }
    }

    // What cannot be mapped

    @Test
    void contradictionsAreRefused() throws IOException {
        Path file = fileOf("x");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Mapping.ofFile(file).offset(-1));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Mapping.ofFile(file).byteSize(0));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Mapping.ofFile(file).at(1));
        List<FileMappingBuilder> contradictions = List.of(
                Mapping.ofFile(file).createOrExtend().byteSize(5),
                Mapping.ofFile(file).createOrExtend().readWrite(),
                Mapping.ofFile(file).preallocate().copyOnWrite().byteSize(5));
        contradictions.forEach(builder ->
                assertThatIllegalArgumentException().isThrownBy(builder::map).withMessageContaining("need byteSize"));
        assertThat(Files.size(file)).isEqualTo(1);
    }

    @Test
    @Timeout(20)
    void whatIsNotARegularFileIsRefusedAtOnce() throws Exception {
        Path pipe = directory.resolve("pipe");
        assertThat(new ProcessBuilder("mkfifo", pipe.toString()).start().waitFor())
                .isZero();
        for (Path path : List.of(pipe, directory, Path.of("/dev/null"), Path.of("/proc/self/maps"))) {
            assertThatThrownBy(() -> Mapping.ofFile(path).byteSize(1).map())
                    .isInstanceOfAny(SystemCallException.class, IllegalArgumentException.class)
                    .hasMessageContaining(path.toString());
            assertThatThrownBy(() -> Mapping.ofFile(path).readWrite().map())
                    .isInstanceOfAny(SystemCallException.class, IllegalArgumentException.class)
                    .hasMessageContaining(path.toString());
        }
        assertThatThrownBy(() -> Mapping.ofFile(directory.resolve("absent")).map())
                .isInstanceOf(SystemCallException.class)
                .hasMessageContaining("open(path=" + directory.resolve("absent") + ", O_RDONLY)")
                .hasMessageContaining("ENOENT")
                .hasMessageContaining("createOrExtend");
        assertThatThrownBy(() -> Mapping.ofFile(directory.resolve("no/such"))
                        .readWrite()
                        .byteSize(1)
                        .createOrExtend()
                        .map())
                .isInstanceOf(SystemCallException.class)
                .hasMessageContaining("O_RDWR|O_CREAT");
        try (FileSystem zip = FileSystems.newFileSystem(directory.resolve("a.zip"), Map.of("create", "true"))) {
            assertThatIllegalArgumentException().isThrownBy(() -> Mapping.ofFile(zip.getPath("/in")));
        }
    }
}
