package malloc4j.callbacks;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.foreign.SymbolLookup;

/// Libraries that take their allocator anew for each object that is made: a stream, a parser, a state. Objects of one
/// library may have different heaps, or none.
///
/// | library | method | to be passed to |
/// |---|---|---|
/// | zlib | [#zlib] fills a `z_stream` | `deflateInit`, `inflateInit` |
/// | zstd | [#zstd], a `ZSTD_customMem` | `ZSTD_createCCtx_advanced` and its like, by value |
/// | expat | [#expat], a `XML_Memory_Handling_Suite` | `XML_ParserCreate_MM` |
/// | PCRE2 | [#pcre2] makes a general context | `pcre2_compile_context_create` and its like |
/// | Lua | [#lua] makes a state | |
/// | libpng | [#pngReader], [#pngWriter] make a `png_struct` | |
/// | FreeType | [#freetypeMemory], an `FT_Memory` | `FT_New_Library` |
///
/// The objects must be destroyed before the arena of the functions is closed. Where the library is another one or too
/// old, `IllegalArgumentException` names the symbol that is not there.
///
/// @source the libraries' headers
/// @since 0.1.0
public final class ObjectHooks {
    /// `ZSTD_customMem`, for the descriptors of functions that take one by value.
    public static final StructLayout ZSTD_CUSTOM_MEM = MemoryLayout.structLayout(
            ADDRESS.withName("customAlloc"), ADDRESS.withName("customFree"), ADDRESS.withName("opaque"));

    private static final long ZALLOC_OFFSET = 64; // in z_stream, where long and pointers have 64 bits
    private static final long ZFREE_OFFSET = 72;
    private static final long OPAQUE_OFFSET = 80;

    private ObjectHooks() {}

    /// Sets `zalloc`, `zfree` and `opaque` of a `z_stream`, before `deflateInit` or `inflateInit`.
    ///
    /// @param stream at least its first 88 bytes
    public static void zlib(HeapCallbacks callbacks, MemorySegment stream) {
        stream.set(ADDRESS, ZALLOC_OFFSET, callbacks.pointer(CFunction.ITEMS_ALLOC));
        stream.set(ADDRESS, ZFREE_OFFSET, callbacks.pointer(CFunction.CONTEXT_FREE));
        stream.set(ADDRESS, OPAQUE_OFFSET, MemorySegment.NULL);
    }

    /// A `ZSTD_customMem`, to be passed by value: see [#ZSTD_CUSTOM_MEM].
    public static MemorySegment zstd(HeapCallbacks callbacks) {
        return ProcessHooks.table(
                callbacks,
                callbacks.pointer(CFunction.CONTEXT_MALLOC),
                callbacks.pointer(CFunction.CONTEXT_FREE),
                MemorySegment.NULL);
    }

    /// An `XML_Memory_Handling_Suite`.
    public static MemorySegment expat(HeapCallbacks callbacks) {
        return ProcessHooks.table(
                callbacks,
                callbacks.pointer(CFunction.MALLOC),
                callbacks.pointer(CFunction.REALLOC),
                callbacks.pointer(CFunction.FREE));
    }

    /// Makes a `pcre2_general_context` of 8-bit characters, which `pcre2_general_context_free_8` frees.
    ///
    /// @return `NULL` where the heap has no memory for it: not to be passed on, for to PCRE2 that is C's own memory
    public static MemorySegment pcre2(HeapCallbacks callbacks, SymbolLookup lookup) {
        return new Library("PCRE2 10.0", "pcre2_general_context_create_8", lookup)
                .pointer(
                        "pcre2_general_context_create_8",
                        callbacks.pointer(CFunction.MALLOC_CONTEXT),
                        callbacks.pointer(CFunction.FREE_CONTEXT),
                        MemorySegment.NULL);
    }

    /// Makes a `lua_State`, which `lua_close` frees.
    ///
    /// @return `NULL` where the heap has no memory for it
    public static MemorySegment lua(HeapCallbacks callbacks, SymbolLookup lookup) {
        return new Library("Lua 5.1", "lua_newstate", lookup)
                .pointer("lua_newstate", callbacks.pointer(CFunction.LUA_ALLOC), MemorySegment.NULL);
    }

    /// Makes a `png_struct` to read with, which `png_destroy_read_struct` frees.
    ///
    /// libpng ends what it cannot do by `longjmp`, which must not cross Java: an error, also for want of memory, ends
    /// the process unless the calls are made by C code that sets a place to jump to.
    ///
    /// @return `NULL` where the heap has no memory for it
    public static MemorySegment pngReader(HeapCallbacks callbacks, SymbolLookup lookup) {
        return png(callbacks, lookup, "png_create_read_struct_2");
    }

    /// Makes a `png_struct` to write with, which `png_destroy_write_struct` frees: as [#pngReader].
    ///
    /// @return `NULL` where the heap has no memory for it
    public static MemorySegment pngWriter(HeapCallbacks callbacks, SymbolLookup lookup) {
        return png(callbacks, lookup, "png_create_write_struct_2");
    }

    private static MemorySegment png(HeapCallbacks callbacks, SymbolLookup lookup, String create) {
        Library library = new Library("libpng 1.2", create, lookup);
        return library.pointer(
                create,
                library.pointer("png_get_libpng_ver", MemorySegment.NULL),
                MemorySegment.NULL,
                MemorySegment.NULL,
                MemorySegment.NULL,
                MemorySegment.NULL,
                callbacks.pointer(CFunction.CONTEXT_MALLOC),
                callbacks.pointer(CFunction.CONTEXT_FREE));
    }

    /// An `FT_Memory`, for `FT_New_Library`. What that makes is freed by `FT_Done_Library`, not by `FT_Done_FreeType`.
    public static MemorySegment freetypeMemory(HeapCallbacks callbacks) {
        return ProcessHooks.table(
                callbacks,
                MemorySegment.NULL,
                callbacks.pointer(CFunction.CONTEXT_MALLOC),
                callbacks.pointer(CFunction.CONTEXT_FREE),
                callbacks.pointer(CFunction.FREETYPE_REALLOC));
    }

    /// Makes an `FT_Library` with the modules that FreeType has by default, which `FT_Done_Library` frees.
    ///
    /// @return `NULL` where the heap has no memory for it
    public static MemorySegment freetype(HeapCallbacks callbacks, SymbolLookup lookup) {
        Library library = new Library("FreeType 2", "FT_New_Library", lookup);
        MemorySegment made = callbacks.arena().allocate(ADDRESS);
        int result = (int) library.call(
                "FT_New_Library", FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS), freetypeMemory(callbacks), made);
        if (result != 0) {
            return MemorySegment.NULL;
        }
        MemorySegment freetype = made.get(ADDRESS, 0);
        Object unused = library.call("FT_Add_Default_Modules", FunctionDescriptor.ofVoid(ADDRESS), freetype);
        return freetype;
    }
}
