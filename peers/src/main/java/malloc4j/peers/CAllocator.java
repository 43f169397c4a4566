package malloc4j.peers;

import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;

/// glibc, jemalloc, mimalloc or tcmalloc through critical downcalls.
///
/// A record, because the JIT trusts a record's fields: from a `static final` field the handles are constants, and
/// each call compiles to the bare call instruction with its few moves.
record CAllocator(
        AllocatorLibrary library,
        SymbolLookup symbols,
        MethodHandle mallocHandle,
        MethodHandle callocHandle,
        MethodHandle memalignHandle,
        MethodHandle reallocHandle,
        MethodHandle freeHandle)
        implements Allocator {
    /// @throws AllocatorAbsent if the library is not installed
    static CAllocator of(AllocatorLibrary library) {
        SymbolLookup symbols = library.load();
        return new CAllocator(
                library,
                symbols,
                CFunctions.ofLong(symbols, library.prefix() + "malloc", 1),
                CFunctions.ofLong(symbols, library.prefix() + "calloc", 2),
                CFunctions.ofLong(symbols, library.prefix() + "memalign", 2),
                CFunctions.ofLong(symbols, library.prefix() + "realloc", 2),
                CFunctions.ofVoid(symbols, library.prefix() + "free", 1));
    }

    @Override
    public String version() {
        try {
            return library.version(symbols);
        } catch (Throwable e) {
            throw CFunctions.unexpected(e);
        }
    }

    @Override
    public boolean trim() {
        try {
            library.trim(symbols);
            return true;
        } catch (Throwable e) {
            throw CFunctions.unexpected(e);
        }
    }

    @Override
    public long malloc(int id, long byteSize) {
        try {
            return (long) mallocHandle.invokeExact(byteSize);
        } catch (Throwable e) {
            throw CFunctions.unexpected(e);
        }
    }

    @Override
    public long calloc(int id, long byteSize) {
        try {
            return (long) callocHandle.invokeExact(1L, byteSize);
        } catch (Throwable e) {
            throw CFunctions.unexpected(e);
        }
    }

    @Override
    public long memalign(int id, long byteAlignment, long byteSize) {
        try {
            return (long) memalignHandle.invokeExact(byteAlignment, byteSize);
        } catch (Throwable e) {
            throw CFunctions.unexpected(e);
        }
    }

    @Override
    public long realloc(int id, long address, long byteSize) {
        try {
            return (long) reallocHandle.invokeExact(address, byteSize);
        } catch (Throwable e) {
            throw CFunctions.unexpected(e);
        }
    }

    @Override
    public void free(int id, long address) {
        try {
            freeHandle.invokeExact(address);
        } catch (Throwable e) {
            throw CFunctions.unexpected(e);
        }
    }
}
