package malloc4j.callbacks;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemoryLayout;
import org.jspecify.annotations.Nullable;

/// The functions that C libraries want to allocate and free by: the shapes there are, each with its C declaration. A
/// pointer to one is had from [HeapCallbacks#pointer].
///
/// What holds for all of them: a request that the heap refuses returns `NULL` and sets C's `errno` to `ENOMEM`, and a
/// block that was to be resized is as it was. A size of 0 gives a block of its own, where nothing else is said. Blocks
/// are aligned to 16 bytes. Freeing `NULL` does nothing. An address at which no live block of the heap begins changes
/// nothing and is counted: see [HeapCallbacks#misuseCount]. A pointer named `context` is not looked at.
///
/// Sizes that a library says of a block it has got are not believed: the heap knows them.
///
/// @since 0.1.0
public enum CFunction {
    /// `void *malloc(size_t size)`
    MALLOC("malloc", JAVA_LONG, JAVA_LONG),
    /// `void *calloc(size_t items, size_t size)`: zeroed.
    CALLOC("calloc", JAVA_LONG, JAVA_LONG, JAVA_LONG),
    /// `void *realloc(void *block, size_t size)`: size 0 frees the block and returns `NULL`, as that of glibc.
    REALLOC("realloc", JAVA_LONG, JAVA_LONG, JAVA_LONG),
    /// `void *reallocarray(void *block, size_t items, size_t size)`
    REALLOCARRAY("reallocarray", JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG),
    /// `void *aligned_alloc(size_t alignment, size_t size)`
    ALIGNED_ALLOC("alignedAlloc", JAVA_LONG, JAVA_LONG, JAVA_LONG),
    /// `void free(void *block)`
    FREE("free", null, JAVA_LONG),
    /// `char *strdup(const char *text)`: of the same heap; `NULL` for `NULL`.
    STRDUP("strdup", JAVA_LONG, JAVA_LONG),
    /// `size_t malloc_usable_size(void *block)`: 0 for `NULL`.
    USABLE_SIZE("usableSize", JAVA_LONG, JAVA_LONG),

    /// `void *malloc(void *context, size_t size)`: zstd, CPython, libpng, FreeType.
    CONTEXT_MALLOC("contextMalloc", JAVA_LONG, JAVA_LONG, JAVA_LONG),
    /// `void *calloc(void *context, size_t items, size_t size)`: zeroed; CPython, liblzma.
    CONTEXT_CALLOC("contextCalloc", JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG),
    /// `void *realloc(void *context, void *block, size_t size)`: size 0 leaves a block, as CPython has it.
    CONTEXT_REALLOC("contextRealloc", JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG),
    /// `void free(void *context, void *block)`
    CONTEXT_FREE("contextFree", null, JAVA_LONG, JAVA_LONG),

    /// `void *malloc(size_t size, void *context)`: PCRE2, nghttp2.
    MALLOC_CONTEXT("mallocContext", JAVA_LONG, JAVA_LONG, JAVA_LONG),
    /// `void *calloc(size_t items, size_t size, void *context)`: zeroed.
    CALLOC_CONTEXT("callocContext", JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG),
    /// `void *realloc(void *block, size_t size, void *context)`: size 0 frees the block and returns `NULL`.
    REALLOC_CONTEXT("reallocContext", JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG),
    /// `void free(void *block, void *context)`
    FREE_CONTEXT("freeContext", null, JAVA_LONG, JAVA_LONG),

    /// `void *alloc(void *context, unsigned items, unsigned size)`: not zeroed; zlib.
    ITEMS_ALLOC("itemsAlloc", JAVA_LONG, JAVA_LONG, JAVA_INT, JAVA_INT),
    /// `void *alloc(void *context, int items, int size)`: not zeroed, and negative is too large; bzip2.
    SIGNED_ITEMS_ALLOC("signedItemsAlloc", JAVA_LONG, JAVA_LONG, JAVA_INT, JAVA_INT),
    /// `void *alloc(void *context, size_t items, size_t size)`: not zeroed; liblzma.
    WIDE_ITEMS_ALLOC("wideItemsAlloc", JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG),

    /// `void *realloc(void *block, size_t old_size, size_t size)`: size 0 frees the block and returns `NULL`.
    SIZED_REALLOC("sizedRealloc", JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG),
    /// `void free(void *block, size_t size)`: GMP; C23's `free_sized`.
    SIZED_FREE("sizedFree", null, JAVA_LONG, JAVA_LONG),
    /// `void *alloc(size_t size)`: GMP. **A refused request ends the process.**
    ///
    /// GMP has no answer to `NULL`: it would write there. So this one prints a line to standard error and calls C's
    /// `abort`, as GMP's own does.
    GMP_MALLOC("gmpMalloc", JAVA_LONG, JAVA_LONG),
    /// `void *realloc(void *block, size_t old_size, size_t size)`: GMP. A refused request ends the process.
    GMP_REALLOC("gmpRealloc", JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG),

    /// `void *lua_Alloc(void *context, void *block, size_t old_size, size_t size)`: size 0 frees the block and returns
    /// `NULL`; making a block smaller never fails.
    LUA_ALLOC("luaAlloc", JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG),

    /// `void *realloc(FT_Memory memory, long old_size, long size, void *block)`: size 0 frees the block and returns
    /// `NULL`.
    FREETYPE_REALLOC("freetypeRealloc", JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG),

    /// `void *xMalloc(int size)`: the block has its size in the 8 bytes before it, as those of SQLite's own allocator.
    SQLITE_MALLOC("sqliteMalloc", JAVA_LONG, JAVA_INT),
    /// `void *xRealloc(void *block, int size)`: of what the one before has given.
    SQLITE_REALLOC("sqliteRealloc", JAVA_LONG, JAVA_LONG, JAVA_INT),
    /// `void xFree(void *block)`: of what the two before have given.
    SQLITE_FREE("sqliteFree", null, JAVA_LONG),
    /// `int xSize(void *block)`: what is in the 8 bytes before it.
    SQLITE_SIZE("sqliteSize", JAVA_INT, JAVA_LONG),
    /// `int xRoundup(int size)`: the next multiple of 8.
    SQLITE_ROUNDUP("sqliteRoundup", JAVA_INT, JAVA_INT),
    /// `int xInit(void *context)`: 0.
    SQLITE_INIT("sqliteInit", JAVA_INT, JAVA_LONG),
    /// `void xShutdown(void *context)`: does nothing.
    SQLITE_SHUTDOWN("sqliteShutdown", null, JAVA_LONG),

    /// `void *malloc(size_t size, const char *file, int line)`: size 0 gives `NULL`, as OpenSSL's own does. The block
    /// counts for its [CallSite].
    FILE_LINE_MALLOC("fileLineMalloc", JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_INT),
    /// `void *realloc(void *block, size_t size, const char *file, int line)`: size 0 frees the block and returns
    /// `NULL`. The block counts for this site from now on.
    FILE_LINE_REALLOC("fileLineRealloc", JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_INT),
    /// `void free(void *block, const char *file, int line)`: of what the two before have given.
    FILE_LINE_FREE("fileLineFree", null, JAVA_LONG, JAVA_LONG, JAVA_INT);

    private final String method;

    @SuppressWarnings("ImmutableEnumChecker") // a descriptor is immutable
    private final FunctionDescriptor descriptor;

    /// @param method of [Upcalls]
    /// @param returned null for `void`
    CFunction(String method, @Nullable MemoryLayout returned, MemoryLayout... arguments) {
        this.method = method;
        this.descriptor =
                returned == null ? FunctionDescriptor.ofVoid(arguments) : FunctionDescriptor.of(returned, arguments);
    }

    /// The method of [Upcalls] that does it.
    String method() {
        return method;
    }

    /// Its type in C, with pointers and `size_t` as `long`: to call it from Java by a downcall.
    public FunctionDescriptor descriptor() {
        return descriptor;
    }
}
