package malloc4j.callbacks;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import org.jspecify.annotations.Nullable;

/// SQLite's `sqlite3_mem_methods`, eight pointers:
///
/// ```
///   xMalloc xFree xRealloc   the heap's: upcalls
///   xSize xRoundup xInit xShutdown   SQLite's own, if they look for the size where the heap's functions put it
///   pAppData   NULL
///
///     | size: 8 bytes | what SQLite gets ...
/// ```
///
/// Whether they do is tried on a block of SQLite's own allocator.
final class SqliteHook {
    private static final int CONFIG_MALLOC = 4;
    private static final int CONFIG_GETMALLOC = 5;
    private static final int CONFIG_MEMSTATUS = 9;
    private static final int X_MALLOC = 0;
    private static final int X_FREE = 1;
    private static final int X_REALLOC = 2;
    private static final int X_SIZE = 3;
    private static final int X_ROUNDUP = 4;
    private static final int X_INIT = 5;
    private static final int X_SHUTDOWN = 6;
    private static final int METHOD_COUNT = 8;
    private static final int TRIED_BYTES = 24;
    private static final int OTHER_BYTES = 16;

    private final HeapCallbacks callbacks;
    private final Library library;

    SqliteHook(HeapCallbacks callbacks, SymbolLookup lookup) {
        this.callbacks = callbacks;
        this.library = new Library("SQLite 3.6", "sqlite3_config(SQLITE_CONFIG_MALLOC)", lookup);
    }

    void install(boolean countsMemory) {
        MemorySegment methods = callbacks.arena().allocate(ADDRESS, METHOD_COUNT);
        config(CONFIG_GETMALLOC, methods);
        boolean ownSize = looksBeforeBlock(methods);
        put(methods, X_MALLOC, CFunction.SQLITE_MALLOC);
        put(methods, X_FREE, CFunction.SQLITE_FREE);
        put(methods, X_REALLOC, CFunction.SQLITE_REALLOC);
        if (!ownSize) {
            put(methods, X_SIZE, CFunction.SQLITE_SIZE);
            put(methods, X_ROUNDUP, CFunction.SQLITE_ROUNDUP);
            put(methods, X_INIT, CFunction.SQLITE_INIT);
            put(methods, X_SHUTDOWN, CFunction.SQLITE_SHUTDOWN);
        }
        config(CONFIG_MALLOC, methods);
        int result = (int) Library.invoke(
                library.function("sqlite3_config", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT), 1),
                CONFIG_MEMSTATUS,
                countsMemory ? 1 : 0);
        ProcessHooks.require(result == 0, library, "was done, but SQLITE_CONFIG_MEMSTATUS returned " + result);
    }

    private void put(MemorySegment methods, int method, CFunction function) {
        methods.setAtIndex(ADDRESS, method, callbacks.pointer(function));
    }

    private void config(int option, MemorySegment methods) {
        int result = (int) Library.invoke(
                library.function("sqlite3_config", FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS), 1),
                option,
                methods);
        ProcessHooks.require(
                result == 0,
                library,
                "returned " + result + ": it is in use already; call this first, or after sqlite3_shutdown");
    }

    /// Whether `xSize` reads the 8 bytes before a block: what it says changes with them.
    private static boolean looksBeforeBlock(MemorySegment methods) {
        MemorySegment block = (MemorySegment) call(methods, X_MALLOC, ADDRESS, JAVA_INT, TRIED_BYTES);
        if (block.address() == 0) {
            return false;
        }
        long header = block.address() - Long.BYTES;
        boolean looks = false;
        if (CRuntime.MEMORY.get(JAVA_LONG_UNALIGNED, header) == TRIED_BYTES && sizeOf(methods, block) == TRIED_BYTES) {
            CRuntime.MEMORY.set(JAVA_LONG_UNALIGNED, header, OTHER_BYTES);
            looks = sizeOf(methods, block) == OTHER_BYTES;
            CRuntime.MEMORY.set(JAVA_LONG_UNALIGNED, header, TRIED_BYTES);
        }
        call(methods, X_FREE, null, ADDRESS, block);
        return looks;
    }

    private static int sizeOf(MemorySegment methods, MemorySegment block) {
        return (int) call(methods, X_SIZE, JAVA_INT, ADDRESS, block);
    }

    @SuppressWarnings("restricted")
    private static Object call(
            MemorySegment methods, int method, @Nullable MemoryLayout returned, MemoryLayout given, Object argument) {
        FunctionDescriptor descriptor =
                returned == null ? FunctionDescriptor.ofVoid(given) : FunctionDescriptor.of(returned, given);
        return Library.invoke(
                Linker.nativeLinker().downcallHandle(methods.getAtIndex(ADDRESS, method), descriptor), argument);
    }
}
