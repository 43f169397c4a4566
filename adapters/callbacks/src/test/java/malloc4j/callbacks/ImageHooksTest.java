package malloc4j.callbacks;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static malloc4j.callbacks.LibraryRun.PLENTY;
import static malloc4j.callbacks.LibraryRun.bytes;
import static malloc4j.callbacks.LibraryRun.on;
import static malloc4j.callbacks.LibraryRun.sample;
import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import malloc4j.Heap;
import malloc4j.observe.HeapStatistics;
import org.junit.jupiter.api.Test;
import program.CLibrary;

/// libpng and FreeType do real work on a heap, give everything back, and answer a full one by their own error.
@SuppressWarnings("restricted")
class ImageHooksTest {
    private static final MemorySegment NULL = MemorySegment.NULL;
    private static final Path FONT = Path.of("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf");

    private final Arena global = Arena.global();

    // -------------------------------------------------------------------------------------------------------- libpng

    private static final ByteBuffer FILE = ByteBuffer.allocateDirect(1 << 20);

    @SuppressWarnings("unused")
    private static void write(MemorySegment png, MemorySegment data, long byteSize) {
        FILE.put(data.reinterpret(byteSize).asByteBuffer());
    }

    @SuppressWarnings("unused")
    private static void read(MemorySegment png, MemorySegment data, long byteSize) {
        for (int index = 0; index < byteSize; index++) {
            data.reinterpret(byteSize).set(JAVA_BYTE, index, FILE.get());
        }
    }

    @SuppressWarnings("unused")
    private static void flush(MemorySegment png) {}

    private static MemorySegment stub(String method, MethodType type, Arena arena) {
        try {
            FunctionDescriptor descriptor = type.parameterCount() == 1
                    ? FunctionDescriptor.ofVoid(ADDRESS)
                    : FunctionDescriptor.ofVoid(ADDRESS, ADDRESS, JAVA_LONG);
            return Linker.nativeLinker()
                    .upcallStub(
                            MethodHandles.lookup().findStatic(ImageHooksTest.class, method, type), descriptor, arena);
        } catch (ReflectiveOperationException impossible) {
            throw new LinkageError(impossible.getMessage(), impossible);
        }
    }

    @Test
    void libpngWritesAndReads() {
        CLibrary png = CLibrary.of("libpng16.so.16", "libpng16-16");
        MethodType moves = MethodType.methodType(void.class, MemorySegment.class, MemorySegment.class, long.class);
        int width = 200;
        int height = 100;
        MemorySegment rows = bytes(sample(width * height * 3));
        HeapStatistics used = on(PLENTY, callbacks -> {
            FILE.clear();
            MemorySegment pointer = callbacks.arena().allocate(ADDRESS);
            MemorySegment infoPointer = callbacks.arena().allocate(ADDRESS);
            MemorySegment writer = ObjectHooks.pngWriter(callbacks, png.lookup());
            MemorySegment info = png.callPointer("png_create_info_struct", writer);
            MemorySegment flush =
                    stub("flush", MethodType.methodType(void.class, MemorySegment.class), callbacks.arena());
            png.callVoid("png_set_write_fn", writer, NULL, stub("write", moves, callbacks.arena()), flush);
            png.callVoid("png_set_IHDR", writer, info, width, height, 8, 2, 0, 0, 0);
            png.callVoid("png_write_info", writer, info);
            for (int row = 0; row < height; row++) {
                png.callVoid("png_write_row", writer, rows.asSlice((long) row * width * 3));
            }
            png.callVoid("png_write_end", writer, info);
            pointer.set(ADDRESS, 0, writer);
            infoPointer.set(ADDRESS, 0, info);
            png.callVoid("png_destroy_write_struct", pointer, infoPointer);

            FILE.flip();
            MemorySegment reader = ObjectHooks.pngReader(callbacks, png.lookup());
            MemorySegment readInfo = png.callPointer("png_create_info_struct", reader);
            png.callVoid("png_set_read_fn", reader, NULL, stub("read", moves, callbacks.arena()));
            png.callVoid("png_read_info", reader, readInfo);
            assertThat(png.callInt("png_get_image_width", reader, readInfo)).isEqualTo(width);
            MemorySegment row = callbacks.arena().allocate(width * 3L);
            for (int at = 0; at < height; at++) {
                png.callVoid("png_read_row", reader, row, NULL);
                assertThat(row.mismatch(rows.asSlice((long) at * width * 3, width * 3L)))
                        .isEqualTo(-1);
            }
            png.callVoid("png_read_end", reader, NULL);
            pointer.set(ADDRESS, 0, reader);
            infoPointer.set(ADDRESS, 0, readInfo);
            png.callVoid("png_destroy_read_struct", pointer, infoPointer, NULL);
        });
        assertThat(used.allocatedBlocks()).isGreaterThan(10);
    }

    @Test
    void libpngMakesNothingWithoutMemory() {
        CLibrary png = CLibrary.of("libpng16.so.16", "libpng16-16");
        on(0, callbacks -> assertThat(ObjectHooks.pngReader(callbacks, png.lookup()))
                .isEqualTo(NULL));
    }

    // ------------------------------------------------------------------------------------------------------ FreeType

    /// FreeType's error, if there is one, of what is drawn while the heap may grow by so much.
    private int draw(HeapCallbacks callbacks, long moreBytes, int firstPixels) {
        CLibrary freetype = CLibrary.of("libfreetype.so.6", "libfreetype6");
        assertThat(Files.exists(FONT))
                .as(FONT + " is there: apt-get install fonts-dejavu-core")
                .isTrue();
        MemorySegment library = ObjectHooks.freetype(callbacks, freetype.lookup());
        Heap heap = callbacks.heap();
        heap.setHardLimitBytes(heap.statistics().committedBytes() + moreBytes);
        MemorySegment made = callbacks.arena().allocate(ADDRESS);
        int error = freetype.callInt("FT_New_Face", library, global.allocateFrom(FONT.toString()), 0L, made);
        if (error == 0) {
            MemorySegment face = made.get(ADDRESS, 0);
            for (int pixels = firstPixels; pixels < firstPixels + 30 && error == 0; pixels++) {
                error = freetype.callInt("FT_Set_Pixel_Sizes", face, 0, pixels);
                for (char each = 'A'; each <= 'z' && error == 0; each++) {
                    error = freetype.callInt("FT_Load_Char", face, (long) each, 4);
                }
            }
            assertThat(freetype.callInt("FT_Done_Face", face)).isZero();
        }
        assertThat(freetype.callInt("FT_Done_Library", library)).isZero();
        return error;
    }

    @Test
    void freetypeDrawsGlyphs() {
        HeapStatistics used =
                on(PLENTY, callbacks -> assertThat(draw(callbacks, PLENTY, 10)).isZero());
        assertThat(used.allocatedBlocks()).isGreaterThan(1_000);
    }

    @Test
    void freetypeSaysThatMemoryIsWanting() {
        on(PLENTY - 1, callbacks -> assertThat(draw(callbacks, 1 << 20, 2_000))
                .as("Out_Of_Memory")
                .isEqualTo(0x40));
    }
}
