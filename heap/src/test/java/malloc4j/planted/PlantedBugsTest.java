package malloc4j.planted;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import malloc4j.faults.ChildJvm;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// The report of a bug leads to its line: each program runs as it is, with a system property that looks for the bug.
class PlantedBugsTest {
    private static final Path SOURCES =
            Path.of(System.getProperty("basedir", ".")).resolve("src/test/java/malloc4j/planted");

    private static ChildJvm with(String property) {
        return ChildJvm.small("-Dmalloc4j." + property);
    }

    /// A frame in the one line of a program that has these words.
    private static String frame(Class<?> program, String words) throws IOException {
        String file = program.getSimpleName() + ".java";
        List<String> lines = Files.readAllLines(SOURCES.resolve(file));
        List<String> found = lines.stream().filter(line -> line.contains(words)).toList();
        assertThat(found).hasSize(1);
        return "(" + file + ":" + (lines.indexOf(found.getFirst()) + 1) + ")";
    }

    /// With which nothing is found, and the program does what it does.
    @ParameterizedTest
    @ValueSource(classes = {CsvImport.class, LogWriter.class, FrameDecoder.class, DocumentEncoder.class})
    void withoutAPropertyNothingIsSeen(Class<?> program) throws Exception {
        assertThat(with("debug=off").run(program)).doesNotContain("malloc4j", "Exception", "Error");
    }

    @Test
    void anOverflowByOneByte() throws Exception {
        assertThat(with("debug=guard").fail(CsvImport.class))
                .contains("overflow: ", "past the end of the block of ")
                .contains("FieldStore.store" + frame(CsvImport.class, "long address = Malloc.malloc(rawLength);"));
    }

    @Test
    void anOverflowByOneByteBetweenRedZones() throws Exception {
        assertThat(with("debug=redzone").fail(CsvImport.class))
                .contains("overflow: the byte 1 past the end of the block of ")
                .contains("FieldStore.store" + frame(CsvImport.class, "long address = Malloc.malloc(rawLength);"))
                .contains("Row.release(CsvImport.java:");
    }

    @Test
    void anUnderflowInARareBranch() throws Exception {
        for (String property : List.of("debug=redzone", "debug=full")) {
            assertThat(with(property).fail(LogWriter.class))
                    .contains("underflow: ")
                    .containsAnyOf(
                            frame(LogWriter.class, "this.base = HEAP.malloc(expectedBytes);"),
                            frame(LogWriter.class, "base = HEAP.realloc("));
        }
    }

    @Test
    void aUseAfterFreeByAnotherThread() throws Exception {
        assertThat(with("guardEvery=20").fail(TileRenderer.class))
                .containsAnyOf("use after free: ", "this is a guess") // the reader has never had a guarded block itself
                .contains("2304 bytes", "allocated by thread 'loader'")
                .contains("Tile.<init>" + frame(TileRenderer.class, "this.pixels = Heap.common().allocate("))
                .contains("Tile.letGo" + frame(TileRenderer.class, "Heap.common().free(pixels);"))
                .contains("blendEdge" + frame(TileRenderer.class, "int bottom = upper.getAtIndex("));
    }

    @Test
    void aLeakOnAnErrorPath() throws Exception {
        assertThat(with("leaks=exit").run(FrameDecoder.class))
                .contains("heap 'common' has at exit 1981 live blocks")
                .contains("Decoder.unpack" + frame(FrameDecoder.class, "MemorySegment body = heap.allocate("))
                .contains("Decoder.decode(FrameDecoder.java:");
    }

    @Test
    void aWriteAfterFreeByAStaleAlias() throws Exception {
        assertThat(with("debug=guard").fail(DocumentEncoder.class))
                .contains("use after free: ")
                .contains("GrowingBuffer.reserve" + frame(DocumentEncoder.class, "address = Heap.common().realloc("))
                .contains("fillIn"
                        + frame(DocumentEncoder.class, "slot.set(ValueLayout.JAVA_INT_UNALIGNED, 0, (int) length);"));
    }
}
