package malloc4j.internal.proc;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import malloc4j.observe.AreaKind;
import malloc4j.observe.MappedRange;
import malloc4j.observe.MemoryUse;
import malloc4j.observe.MemoryUse.Figure;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Headers of glibc's malloc, and words that are almost like them, in a file that stands for a process's memory.
class CHeapTest {
    private static final int PAGE_BYTES = 4096;
    private static final int ARENA = 64 << 20;
    private static final long PRESENT = 1L << 63;
    private static final long SWAPPED = 1L << 62;

    @TempDir
    private Path root;

    private final Mappings mappings = new Mappings();
    private Consumer<Labels> before = labels -> {};

    @SuppressWarnings("NullAway.Init") // opened before each test
    private FileChannel memory;

    @SuppressWarnings("NullAway.Init")
    private FileChannel pagemap;

    @BeforeEach
    void openFiles() throws IOException {
        Path process = Files.createDirectories(root.resolve("proc/7"));
        memory = FileChannel.open(process.resolve("mem"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        pagemap = FileChannel.open(process.resolve("pagemap"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        write(memory, 3 * ARENA, 0);
        write(pagemap, 3L * ARENA / PAGE_BYTES * Long.BYTES, 0);
    }

    @AfterEach
    void closeFiles() throws IOException {
        memory.close();
        pagemap.close();
    }

    private static void write(FileChannel file, long offset, long... words) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(words.length * Long.BYTES).order(ByteOrder.nativeOrder());
        bytes.asLongBuffer().put(words);
        assertThat(file.write(bytes, offset)).isEqualTo(bytes.capacity());
    }

    /// Words at the start of a page, whose state `page` is.
    private void page(long address, long page, long... words) throws IOException {
        write(memory, address, words);
        write(pagemap, address / PAGE_BYTES * Long.BYTES, page);
    }

    private void map(long address, long byteSize, String rights, long residentBytes) {
        long[] figures = new long[Figure.count()];
        figures[Figure.RESIDENT.index()] = residentBytes;
        mappings.append(new MappedRange(address, byteSize, rights, 0, "00:00", 0, "", "", MemoryUse.of(figures)));
    }

    private String found() throws IOException {
        SystemFiles files = new SystemFiles(root);
        Labels labels = new Labels(PAGE_BYTES);
        before.accept(labels);
        try (PageStates states = PageStates.open(files, "/proc/7", PAGE_BYTES);
                ProcessMemory process = ProcessMemory.open(files, "/proc/7", states)) {
            CHeap.label(process, mappings, labels, PAGE_BYTES);
        }
        return labels.inOrder().stream()
                .map(label -> String.format("%x-%x %s", label.start(), label.end(), label.kind()))
                .collect(Collectors.joining(" "));
    }

    @Test
    void anArenaHasItsHeapAndWhatIsReservedBehindIt() throws IOException {
        map(ARENA, 0x21000, "rw-p", 0x1000);
        map(ARENA + 0x21000, ARENA - 0x21000, "---p", 0);
        page(ARENA, PRESENT, ARENA + 0x30, 0, 0x21000, 0x21000);
        assertThat(found()).isEqualTo("4000000-4021000 C_ARENA 4021000-8000000 C_ARENA");

        page(ARENA, PRESENT, ARENA + 0x1030, 0, 0x21000, 0x21000);
        assertThat(found()).as("an arena that is not in the first page").isEmpty();
        page(ARENA, PRESENT, ARENA + 0x30, 0, 0x21000, 0x20000);
        assertThat(found()).as("less committed than used").isEmpty();
        page(ARENA, PRESENT, ARENA + 0x30, 0, 0x20010, 0x21000);
        assertThat(found()).as("no whole pages").isEmpty();
        page(ARENA, 0, ARENA + 0x30, 0, 0x21000, 0x21000);
        assertThat(found()).as("never touched, so not read").isEmpty();
    }

    @Test
    void aFurtherHeapRefersToTheOneBefore() throws IOException {
        map(2L * ARENA, 0x21000, "rw-p", 0x1000);
        page(2L * ARENA, PRESENT, ARENA + 0x30, ARENA, 0x21000, 0x21000);
        assertThat(found()).isEqualTo("8000000-8021000 C_ARENA");

        page(2L * ARENA, PRESENT, ARENA + 0x30, ARENA + 0x1000, 0x21000, 0x21000);
        assertThat(found()).isEmpty();
    }

    @Test
    void mappedBlocksLieBehindEachOther() throws IOException {
        map(0x10000, 0x8000, "rw-p", 0x2000);
        page(0x10000, PRESENT, 0, 0x3000 | 2);
        page(0x13000, PRESENT, 0, 0x4000 | 2);
        page(0x17000, PRESENT, 0, 0x2000 | 2);
        assertThat(found())
                .as("the third does not fit")
                .isEqualTo("10000-13000 C_LARGE_BLOCK 13000-17000 C_LARGE_BLOCK");

        page(0x10000, PRESENT, 8, 0x3000 | 2);
        assertThat(found()).as("a previous size").isEmpty();
        page(0x10000, PRESENT, 0, 0x3000 | 3);
        assertThat(found()).as("another flag").isEmpty();
    }

    /// A mapping that the kernel has made one of with somebody else's.
    @Test
    void mappedBlocksAreFoundBehindWhatIsAnothers() throws IOException {
        map(0x10000, 0x10000, "rw-p", 0x2000);
        page(0x10000, PRESENT, 0, 0x3000 | 2);
        page(0x18000, PRESENT, 0, 0x4000 | 2);
        before = labels -> labels.add(0x14000, 0x18000, AreaKind.METASPACE, "", "");
        assertThat(found()).isEqualTo("10000-13000 C_LARGE_BLOCK 14000-18000 METASPACE 18000-1c000 C_LARGE_BLOCK");
    }

    @Test
    void pagesAreCountedByTheirStates() throws IOException {
        page(0x1000, PRESENT);
        page(0x2000, SWAPPED);
        page(0x3000, PRESENT | SWAPPED);
        try (PageStates states = PageStates.open(new SystemFiles(root), "/proc/7", PAGE_BYTES)) {
            assertThat(states.count(0, 0x10000)).isEqualTo(new PageStates.Count(2, 1));
            assertThat(states.count(0x2000, 0x1000)).isEqualTo(new PageStates.Count(0, 1));
            assertThat(states.count(3L * ARENA, 0x2000)).as("past the end").isNull();
            assertThat(states.isPresent(0x1fff)).isTrue();
            assertThat(states.isPresent(0x2000)).isFalse();
        }
    }
}
