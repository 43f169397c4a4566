package malloc4j.callbacks;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;

/// Libraries that take their allocator once for the whole process: each method sets it. It must come before anything
/// else is done with the library, by anybody in the process, and the functions must be those of [Arena#global]: nobody
/// knows when the library calls the last of them.
///
/// | method | hook | from version |
/// |---|---|---|
/// | [#sqlite] | `sqlite3_config(SQLITE_CONFIG_MALLOC)` | 3.6 |
/// | [#libxml2] | `xmlMemSetup` | 2.6 |
/// | [#openssl] | `CRYPTO_set_mem_functions`, no handler at exit | 1.1.0 |
/// | [#curl] | `curl_global_init_mem` | 7.12 |
/// | [#gmp] | `__gmp_set_memory_functions` | 4 |
/// | [#python] | `PyMem_SetAllocator`, all domains | 3.5 |
///
/// Each throws `IllegalArgumentException` if the library is another one or too old, naming the symbol that is not
/// there, or if the functions are not of the global arena; and `IllegalStateException` where the library says that it
/// is too late, or the adapter can tell. Nothing has been set then.
///
/// @source the libraries' manuals, each named at its method
/// @since 0.1.0
public final class ProcessHooks {
    private static final long OPENSSL_INIT_NO_ATEXIT = 0x80000;
    private static final long CURL_GLOBAL_DEFAULT = 3;
    private static final int PYTHON_DOMAINS = 3;

    private ProcessHooks() {}

    /// Has SQLite take its memory from a heap. May be called before `sqlite3_initialize`, or after `sqlite3_shutdown`.
    ///
    /// @param countsMemory whether SQLite counts its memory too, as it does by default: for `sqlite3_memory_used`,
    ///     `sqlite3_status` and its own soft limit, by a lock at each call. Without, the heap's statistics and limits
    ///     are all there are
    /// @implNote Of five calls for a block three are `xSize` and `xRoundup`. SQLite's own functions serve for them,
    ///     which look for the size in the 8 bytes before a block, where the heap's function puts it: so two upcalls are
    ///     left. Where the library was built to ask C for the size of a block, these are upcalls too.
    /// @source [sqlite3_mem_methods](https://www.sqlite.org/c3ref/mem_methods.html)
    public static void sqlite(HeapCallbacks callbacks, SymbolLookup lookup, boolean countsMemory) {
        requireGlobal("sqlite", callbacks);
        new SqliteHook(callbacks, lookup).install(countsMemory);
    }

    /// Has libxml2 take its memory from a heap. Must come before any other call of it. `xmlCleanupParser` frees the
    /// last blocks; at exit the library leaves them, since it knows that they are not C's.
    ///
    /// @source [xmlMemSetup](https://gnome.pages.gitlab.gnome.org/libxml2/html/xmlmemory_8h.html)
    public static void libxml2(HeapCallbacks callbacks, SymbolLookup lookup) {
        requireGlobal("libxml2", callbacks);
        Library library = new Library("libxml2 2.6", "xmlMemSetup", lookup);
        int result = (int) library.call(
                "xmlMemSetup",
                FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS, ADDRESS, ADDRESS),
                callbacks.pointer(CFunction.FREE),
                callbacks.pointer(CFunction.MALLOC),
                callbacks.pointer(CFunction.REALLOC),
                callbacks.pointer(CFunction.STRDUP));
        require(result == 0, library, "returned " + result);
    }

    /// Has OpenSSL take its memory from a heap, and say which line of it each block is for: see
    /// [HeapCallbacks#callSites]. Must come before any other call of it, by curl or CPython too.
    ///
    /// **Threads.** OpenSSL keeps something for each thread that uses it, and frees that when the thread ends, which is
    /// when it is no thread of the JVM any more: the upcall makes a new one of it, which stays in the JVM's books for
    /// good. So a thread calls `OPENSSL_thread_stop` last, or lives as long as the process, as those of a pool do.
    ///
    /// **At exit** the JVM is gone before the process is, and an upcall then is a crash. So OpenSSL is initialised
    /// without the handler that would free everything at exit; and where the program ends by returning from `main`,
    /// whose thread ends after the JVM, a shutdown hook calls `OPENSSL_cleanup`. Other shutdown hooks cannot count on
    /// OpenSSL then. By `System.exit` nothing is freed.
    ///
    /// @source [CRYPTO_set_mem_functions](https://docs.openssl.org/3.0/man3/OPENSSL_malloc/)
    public static void openssl(HeapCallbacks callbacks, SymbolLookup lookup) {
        requireGlobal("openssl", callbacks);
        Library library = new Library("OpenSSL 1.1.0", "CRYPTO_set_mem_functions", lookup);
        FunctionDescriptor init = FunctionDescriptor.of(JAVA_INT, JAVA_LONG, ADDRESS);
        var unused = library.function("OPENSSL_init_crypto", init); // older ones set functions without file and line
        MemorySegment now = callbacks.arena().allocate(ADDRESS, 3);
        Object unusedResult = library.call(
                "CRYPTO_get_mem_functions",
                FunctionDescriptor.ofVoid(ADDRESS, ADDRESS, ADDRESS),
                now,
                now.asSlice(ADDRESS.byteSize()),
                now.asSlice(2 * ADDRESS.byteSize()));
        require(
                now.get(ADDRESS, 0).equals(lookup.findOrThrow("CRYPTO_malloc")),
                library,
                "is not called: it has" + " functions already, and blocks of theirs");
        int set = (int) library.call(
                "CRYPTO_set_mem_functions",
                FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS, ADDRESS),
                callbacks.pointer(CFunction.FILE_LINE_MALLOC),
                callbacks.pointer(CFunction.FILE_LINE_REALLOC),
                callbacks.pointer(CFunction.FILE_LINE_FREE));
        require(set == 1, library, "refused: it has allocated already; call this before anything else uses it");
        int begun = (int) library.call("OPENSSL_init_crypto", init, OPENSSL_INIT_NO_ATEXIT, MemorySegment.NULL);
        require(begun == 1, library, "was followed by a failure of OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT)");
        MethodHandle cleanup = library.function("OPENSSL_cleanup", FunctionDescriptor.ofVoid());
        Thread hook = Thread.ofPlatform().name("malloc4j-openssl-cleanup").unstarted(() -> cleanUp(cleanup));
        Runtime.getRuntime().addShutdownHook(hook);
    }

    /// Where `main` has returned: a thread of that name waits for the hooks then.
    private static void cleanUp(MethodHandle cleanup) {
        boolean hasReturned = Thread.getAllStackTraces().keySet().stream()
                .anyMatch(thread -> thread.getName().equals("DestroyJavaVM"));
        if (hasReturned) {
            Object unused = Library.invoke(cleanup);
        }
    }

    /// Initialises curl (`CURL_GLOBAL_DEFAULT`) and has it take its memory from a heap, in place of
    /// `curl_global_init`. What it stands on, such as OpenSSL, has an allocator of its own.
    ///
    /// @source [curl_global_init_mem](https://curl.se/libcurl/c/curl_global_init_mem.html)
    public static void curl(HeapCallbacks callbacks, SymbolLookup lookup) {
        requireGlobal("curl", callbacks);
        Library library = new Library("curl 7.12", "curl_global_init_mem", lookup);
        int result = (int) library.call(
                "curl_global_init_mem",
                FunctionDescriptor.of(JAVA_INT, JAVA_LONG, ADDRESS, ADDRESS, ADDRESS, ADDRESS, ADDRESS),
                CURL_GLOBAL_DEFAULT,
                callbacks.pointer(CFunction.MALLOC),
                callbacks.pointer(CFunction.FREE),
                callbacks.pointer(CFunction.REALLOC),
                callbacks.pointer(CFunction.STRDUP),
                callbacks.pointer(CFunction.CALLOC));
        require(result == 0, library, "returned " + result);
        long before = callbacks.heap().statistics().allocatedBlocks();
        MemorySegment list = library.pointer("curl_slist_append", MemorySegment.NULL, text(callbacks, "any"));
        boolean isOurs = callbacks.heap().statistics().allocatedBlocks() > before;
        Object unused = library.call("curl_slist_free_all", FunctionDescriptor.ofVoid(ADDRESS), list);
        if (!isOurs) {
            Object unusedResult =
                    library.call("curl_global_cleanup", FunctionDescriptor.ofVoid()); // it has been counted
        }
        require(isOurs, library, "changed nothing: curl was initialised already; call this before curl_global_init");
    }

    /// Has GMP take its memory from a heap. Must come before any other call of it.
    ///
    /// **GMP cannot go on without memory**: where the heap has none, a line is printed to standard error and the
    /// process ends, as by GMP's own allocator. So this heap wants no hard limit that is met; a soft one
    /// ([malloc4j.HeapOptions.Builder#onSoftLimit]) tells in time.
    ///
    /// @source [Custom Allocation](https://gmplib.org/manual/Custom-Allocation)
    public static void gmp(HeapCallbacks callbacks, SymbolLookup lookup) {
        requireGlobal("gmp", callbacks);
        Library library = new Library("GMP 4", "mp_set_memory_functions", lookup);
        Object unused = library.call(
                "__gmp_set_memory_functions",
                FunctionDescriptor.ofVoid(ADDRESS, ADDRESS, ADDRESS),
                callbacks.pointer(CFunction.GMP_MALLOC),
                callbacks.pointer(CFunction.GMP_REALLOC),
                callbacks.pointer(CFunction.SIZED_FREE));
    }

    /// Has CPython take its memory from a heap, in all three of its domains: objects, buffers, and what it allocates
    /// without its lock. Must come before `Py_Initialize`. What CPython does not free when it is finalised stays.
    ///
    /// @source [PyMem_SetAllocator](https://docs.python.org/3/c-api/memory.html#c.PyMem_SetAllocator)
    public static void python(HeapCallbacks callbacks, SymbolLookup lookup) {
        requireGlobal("python", callbacks);
        Library library = new Library("CPython 3.5", "PyMem_SetAllocator", lookup);
        int begun = (int) library.call("Py_IsInitialized", FunctionDescriptor.of(JAVA_INT));
        require(begun == 0, library, "is too late: CPython is initialised; call this before Py_Initialize");
        MemorySegment allocator = table(
                callbacks,
                MemorySegment.NULL,
                callbacks.pointer(CFunction.CONTEXT_MALLOC),
                callbacks.pointer(CFunction.CONTEXT_CALLOC),
                callbacks.pointer(CFunction.CONTEXT_REALLOC),
                callbacks.pointer(CFunction.CONTEXT_FREE));
        for (int domain = 0; domain < PYTHON_DOMAINS; domain++) {
            Object unused =
                    library.call("PyMem_SetAllocator", FunctionDescriptor.ofVoid(JAVA_INT, ADDRESS), domain, allocator);
        }
    }

    /// Pointers one after the other.
    static MemorySegment table(HeapCallbacks callbacks, MemorySegment... pointers) {
        MemorySegment table = callbacks.arena().allocate(ADDRESS, pointers.length);
        for (int index = 0; index < pointers.length; index++) {
            table.setAtIndex(ADDRESS, index, pointers[index]);
        }
        return table;
    }

    private static MemorySegment text(HeapCallbacks callbacks, String text) {
        return callbacks.arena().allocateFrom(text);
    }

    private static void requireGlobal(String call, HeapCallbacks callbacks) {
        if (!callbacks.arena().scope().equals(Arena.global().scope())) {
            throw new IllegalArgumentException(call + ": the library never lets go of the functions, so they must be"
                    + " those of Arena.global()");
        }
    }

    static void require(boolean isDone, Library library, String problem) {
        if (!isDone) {
            throw new IllegalStateException(library.hook() + " " + problem);
        }
    }
}
