package malloc4j.callbacks;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static malloc4j.callbacks.LibraryRun.PLENTY;
import static malloc4j.callbacks.LibraryRun.bytes;
import static malloc4j.callbacks.LibraryRun.on;
import static malloc4j.callbacks.LibraryRun.sample;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import malloc4j.observe.HeapStatistics;
import org.junit.jupiter.api.Test;
import program.CLibrary;

/// Libraries that take their allocator for each object do real work on a heap, give everything back, and answer a full
/// one by their own error.
@SuppressWarnings("restricted")
class ObjectHooksTest {
    private static final MemorySegment NULL = MemorySegment.NULL;

    private final Arena global = Arena.global();

    // ---------------------------------------------------------------------------------------------------------- zlib

    private static final int Z_STREAM_BYTES = 112;

    private static void put(MemorySegment stream, MemorySegment in, MemorySegment out) {
        stream.set(ADDRESS, 0, in);
        stream.set(JAVA_INT, 8, (int) in.byteSize());
        stream.set(ADDRESS, 24, out);
        stream.set(JAVA_INT, 32, (int) out.byteSize());
    }

    @Test
    void zlibCompressesAndUnpacks() {
        CLibrary zlib = CLibrary.of("libz.so.1", "zlib1g");
        MemorySegment version = zlib.callPointer("zlibVersion");
        byte[] sample = sample(1 << 20);
        HeapStatistics used = on(PLENTY, callbacks -> {
            MemorySegment stream = global.allocate(Z_STREAM_BYTES);
            MemorySegment packed = global.allocate(1 << 20);
            ObjectHooks.zlib(callbacks, stream);
            assertThat(zlib.callInt("deflateInit_", stream, 9, version, Z_STREAM_BYTES))
                    .isZero();
            put(stream, bytes(sample), packed);
            assertThat(zlib.callInt("deflate", stream, 4)).isEqualTo(1);
            long packedBytes = stream.get(JAVA_LONG, 40);
            assertThat(zlib.callInt("deflateEnd", stream)).isZero();

            MemorySegment other = global.allocate(Z_STREAM_BYTES);
            MemorySegment unpacked = global.allocate(1 << 20);
            ObjectHooks.zlib(callbacks, other);
            assertThat(zlib.callInt("inflateInit_", other, version, Z_STREAM_BYTES))
                    .isZero();
            put(other, packed.asSlice(0, packedBytes), unpacked);
            assertThat(zlib.callInt("inflate", other, 4)).isEqualTo(1);
            assertThat(zlib.callInt("inflateEnd", other)).isZero();
            assertThat(packedBytes).isBetween(1L, 600_000L);
            assertThat(unpacked.toArray(JAVA_BYTE)).isEqualTo(sample);
        });
        assertThat(used.allocatedBlocks()).isGreaterThanOrEqualTo(6);
    }

    @Test
    void zlibSaysThatMemoryIsWanting() {
        CLibrary zlib = CLibrary.of("libz.so.1", "zlib1g");
        on(128 << 10, callbacks -> {
            MemorySegment stream = global.allocate(Z_STREAM_BYTES);
            ObjectHooks.zlib(callbacks, stream);
            int result = zlib.callInt("deflateInit_", stream, 9, zlib.callPointer("zlibVersion"), Z_STREAM_BYTES);
            assertThat(result).as("Z_MEM_ERROR").isEqualTo(-4);
        });
    }

    // ---------------------------------------------------------------------------------------------------------- zstd

    private static MemorySegment makeZstd(CLibrary zstd, HeapCallbacks callbacks, String create) {
        MethodHandle function = zstd.function(create, FunctionDescriptor.of(ADDRESS, ObjectHooks.ZSTD_CUSTOM_MEM));
        return (MemorySegment) CLibrary.invoke(function, ObjectHooks.zstd(callbacks));
    }

    @Test
    void zstdCompressesAndUnpacks() {
        CLibrary zstd = CLibrary.of("libzstd.so.1", "libzstd1");
        byte[] sample = sample(1 << 20);
        HeapStatistics used = on(PLENTY, callbacks -> {
            MemorySegment in = bytes(sample);
            MemorySegment packed = global.allocate(2 << 20);
            MemorySegment unpacked = global.allocate(1 << 20);
            MemorySegment compressor = makeZstd(zstd, callbacks, "ZSTD_createCCtx_advanced");
            MemorySegment decompressor = makeZstd(zstd, callbacks, "ZSTD_createDCtx_advanced");
            long packedBytes =
                    zstd.callLong("ZSTD_compressCCtx", compressor, packed, packed.byteSize(), in, in.byteSize(), 9);
            long unpackedBytes = zstd.callLong(
                    "ZSTD_decompressDCtx", decompressor, unpacked, unpacked.byteSize(), packed, packedBytes);
            assertThat(unpackedBytes).isEqualTo(sample.length);
            assertThat(unpacked.toArray(JAVA_BYTE)).isEqualTo(sample);
            long unused = zstd.callLong("ZSTD_freeCCtx", compressor) + zstd.callLong("ZSTD_freeDCtx", decompressor);
        });
        assertThat(used.allocatedBlocks()).isGreaterThanOrEqualTo(3);
    }

    /// zstd's own threads, which become threads of the JVM by their first upcall.
    @Test
    void zstdCompressesWithThreadsOfItsOwn() {
        CLibrary zstd = CLibrary.of("libzstd.so.1", "libzstd1");
        byte[] sample = sample(4 << 20);
        on(PLENTY, callbacks -> {
            MemorySegment compressor = makeZstd(zstd, callbacks, "ZSTD_createCCtx_advanced");
            assertThat(zstd.callLong("ZSTD_CCtx_setParameter", compressor, 400, 2))
                    .as("ZSTD_c_nbWorkers")
                    .isEqualTo(2);
            MemorySegment packed = global.allocate(4 << 20);
            long packedBytes = zstd.callLong(
                    "ZSTD_compress2", compressor, packed, packed.byteSize(), bytes(sample), (long) sample.length);
            assertThat(zstd.callInt("ZSTD_isError", packedBytes)).isZero();
            long unused = zstd.callLong("ZSTD_freeCCtx", compressor);
        });
    }

    @Test
    void zstdSaysThatMemoryIsWanting() {
        CLibrary zstd = CLibrary.of("libzstd.so.1", "libzstd1");
        on(128 << 10, callbacks -> {
            MemorySegment compressor = makeZstd(zstd, callbacks, "ZSTD_createCCtx_advanced");
            MemorySegment in = bytes(sample(1 << 20));
            MemorySegment packed = global.allocate(2 << 20);
            long result =
                    zstd.callLong("ZSTD_compressCCtx", compressor, packed, packed.byteSize(), in, in.byteSize(), 19);
            assertThat(zstd.callInt("ZSTD_getErrorCode", result))
                    .as("memory_allocation")
                    .isEqualTo(64);
            long unused = zstd.callLong("ZSTD_freeCCtx", compressor);
        });
    }

    // --------------------------------------------------------------------------------------------------------- expat

    private static int begun;

    @SuppressWarnings("unused")
    private static void begin(long data, long name, long attributes) {
        begun++;
    }

    private int parse(HeapCallbacks callbacks, String document) throws ReflectiveOperationException {
        CLibrary expat = CLibrary.of("libexpat.so.1", "libexpat1");
        FunctionDescriptor type = FunctionDescriptor.ofVoid(JAVA_LONG, JAVA_LONG, JAVA_LONG);
        MemorySegment begin = Linker.nativeLinker()
                .upcallStub(
                        MethodHandles.lookup().findStatic(ObjectHooksTest.class, "begin", type.toMethodType()),
                        type,
                        callbacks.arena());
        MemorySegment parser = expat.callPointer("XML_ParserCreate_MM", NULL, ObjectHooks.expat(callbacks), NULL);
        if (parser.address() == 0) {
            return 1;
        }
        expat.callVoid("XML_SetStartElementHandler", parser, begin);
        begun = 0;
        MemorySegment text = bytes(document.getBytes(java.nio.charset.StandardCharsets.UTF_8));
        int parsed = expat.callInt("XML_Parse", parser, text, (int) text.byteSize(), 1);
        int error = parsed == 1 ? 0 : expat.callInt("XML_GetErrorCode", parser);
        expat.callVoid("XML_ParserFree", parser);
        return error;
    }

    private static String document(int elements) {
        StringBuilder text = new StringBuilder("<all>");
        for (int index = 0; index < elements; index++) {
            text.append("<e")
                    .append(index % 1000)
                    .append(" a='")
                    .append(index)
                    .append("'>text</e")
                    .append(index % 1000)
                    .append('>');
        }
        return text.append("</all>").toString();
    }

    @Test
    void expatParses() {
        HeapStatistics used = on(PLENTY, callbacks -> {
            try {
                assertThat(parse(callbacks, document(10_000))).isZero();
                assertThat(begun).isEqualTo(10_001);
            } catch (ReflectiveOperationException impossible) {
                throw new LinkageError(impossible.getMessage(), impossible);
            }
        });
        assertThat(used.allocatedBlocks()).isGreaterThan(1_000);
    }

    @Test
    void expatSaysThatMemoryIsWanting() {
        on(128 << 10, callbacks -> {
            try {
                assertThat(parse(callbacks, document(10_000)))
                        .as("XML_ERROR_NO_MEMORY")
                        .isEqualTo(1);
            } catch (ReflectiveOperationException impossible) {
                throw new LinkageError(impossible.getMessage(), impossible);
            }
        });
    }

    // --------------------------------------------------------------------------------------------------------- PCRE2

    /// How often a pattern is found; or minus the error.
    private int matches(HeapCallbacks callbacks, String pattern, String subject) {
        CLibrary pcre2 = CLibrary.of("libpcre2-8.so.0", "libpcre2-8-0");
        MemorySegment general = ObjectHooks.pcre2(callbacks, pcre2.lookup());
        assertThat(general.address()).isNotZero();
        MemorySegment compiling = pcre2.callPointer("pcre2_compile_context_create_8", general);
        MemorySegment matching = pcre2.callPointer("pcre2_match_context_create_8", general);
        MemorySegment error = global.allocate(JAVA_INT);
        MemorySegment code = pcre2.callPointer(
                "pcre2_compile_8",
                global.allocateFrom(pattern),
                (long) pattern.length(),
                0,
                error,
                global.allocate(JAVA_LONG),
                compiling);
        int count = 0;
        if (code.address() != 0) {
            MemorySegment data = pcre2.callPointer("pcre2_match_data_create_from_pattern_8", code, general);
            MemorySegment text = global.allocateFrom(subject);
            MemorySegment vector =
                    pcre2.callPointer("pcre2_get_ovector_pointer_8", data).reinterpret(16);
            int found;
            long at = 0;
            while ((found = pcre2.callInt("pcre2_match_8", code, text, (long) subject.length(), at, 0, data, matching))
                    > 0) {
                count++;
                at = vector.getAtIndex(JAVA_LONG, 1);
            }
            count = found == -1 ? count : found; // PCRE2_ERROR_NOMATCH, or worse
            pcre2.callVoid("pcre2_match_data_free_8", data);
            pcre2.callVoid("pcre2_code_free_8", code);
        }
        pcre2.callVoid("pcre2_match_context_free_8", matching);
        pcre2.callVoid("pcre2_compile_context_free_8", compiling);
        pcre2.callVoid("pcre2_general_context_free_8", general);
        return code.address() != 0 ? count : -error.get(JAVA_INT, 0);
    }

    @Test
    void pcre2Matches() {
        HeapStatistics used = on(PLENTY, callbacks -> assertThat(
                        matches(callbacks, "(\\w+)@(\\w+)\\.(org|net)", "a@b.org, c@d.com, e@f.net ".repeat(500)))
                .isEqualTo(1_000));
        assertThat(used.allocatedBlocks()).isGreaterThanOrEqualTo(5);
    }

    @Test
    void pcre2SaysThatMemoryIsWanting() {
        on(100 << 10, callbacks -> assertThat(matches(callbacks, "(abcdefghij)".repeat(2_000), "abc"))
                .as("PCRE2_ERROR_NOMEMORY")
                .isEqualTo(-48));
    }

    // ----------------------------------------------------------------------------------------------------------- Lua

    private int run(HeapCallbacks callbacks, String script) {
        CLibrary lua = CLibrary.of("liblua5.4.so.0", "liblua5.4-0");
        MemorySegment state = ObjectHooks.lua(callbacks, lua.lookup());
        lua.callVoid("luaL_openlibs", state);
        int loaded = lua.callInt("luaL_loadstring", state, global.allocateFrom(script));
        int result = loaded != 0 ? loaded : lua.callInt("lua_pcallk", state, 0, 1, 0, 0L, NULL);
        if (result == 0) {
            result = Math.toIntExact(-lua.callLong("lua_tointegerx", state, -1, NULL));
        }
        lua.callVoid("lua_close", state);
        return result;
    }

    @Test
    void luaRunsScripts() {
        HeapStatistics used =
                on(PLENTY, callbacks -> assertThat(run(callbacks, """
                        local all = {}
                        for i = 1, 20000 do all[i] = { name = "item " .. i, size = i % 100 } end
                        table.sort(all, function(a, b) return a.size < b.size end)
                        local sum = 0
                        for _, each in ipairs(all) do sum = sum + #each.name + each.size end
                        return sum
                        """)).isEqualTo(-(188_894 + 990_000)));
        assertThat(used.allocatedBlocks()).isGreaterThan(60_000);
    }

    @Test
    void luaSaysThatMemoryIsWanting() {
        on(1 << 20, callbacks -> assertThat(run(callbacks, "local t = {} for i = 1, 1e6 do t[i] = 'x' .. i end"))
                .as("LUA_ERRMEM")
                .isEqualTo(4));
    }

    // --------------------------------------------------------------------------------------------------------- wrong

    @Test
    void anotherLibraryIsRefusedByName() {
        SymbolLookup other = CLibrary.of("libz.so.1", "zlib1g").lookup();
        on(PLENTY, callbacks -> {
            assertThatThrownBy(() -> ObjectHooks.lua(callbacks, other))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("lua_newstate: the library has no symbol lua_newstate: it is another one, or older than"
                            + " Lua 5.1");
            assertThatThrownBy(() -> ObjectHooks.pcre2(callbacks, other)).hasMessageContaining("PCRE2 10.0");
            assertThatThrownBy(() -> ObjectHooks.freetype(callbacks, other)).hasMessageContaining("FreeType 2");
            assertThatThrownBy(() -> ObjectHooks.pngReader(callbacks, other)).hasMessageContaining("libpng 1.2");
        });
    }
}
