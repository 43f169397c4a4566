package malloc4j.cli.replay;

import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;

/// glibc, jemalloc, mimalloc or tcmalloc through critical downcalls. The library is the one that
/// [ReplayChild#SETTINGS] names, and the handles are constants: one child JVM measures one library, and each call
/// compiles to the bare call instruction with its few moves.
final class CAllocator implements Allocator {
    private static final CLibrary LIBRARY =
            CLibrary.valueOf(ReplayChild.SETTINGS.allocator().name());
    private static final SymbolLookup LOOKUP = LIBRARY.load();
    private static final MethodHandle MALLOC = CFunctions.ofLong(LOOKUP, LIBRARY.prefix() + "malloc", 1);
    private static final MethodHandle CALLOC = CFunctions.ofLong(LOOKUP, LIBRARY.prefix() + "calloc", 2);
    private static final MethodHandle MEMALIGN = CFunctions.ofLong(LOOKUP, LIBRARY.prefix() + "memalign", 2);
    private static final MethodHandle REALLOC = CFunctions.ofLong(LOOKUP, LIBRARY.prefix() + "realloc", 2);
    private static final MethodHandle FREE = CFunctions.ofVoid(LOOKUP, LIBRARY.prefix() + "free", 1);

    @Override
    public String version() {
        try {
            return LIBRARY.version(LOOKUP);
        } catch (Throwable e) {
            throw CFunctions.unexpected(e);
        }
    }

    @Override
    public long malloc(int id, long byteSize) {
        try {
            return (long) MALLOC.invokeExact(byteSize);
        } catch (Throwable e) {
            throw CFunctions.unexpected(e);
        }
    }

    @Override
    public long calloc(int id, long byteSize) {
        try {
            return (long) CALLOC.invokeExact(1L, byteSize);
        } catch (Throwable e) {
            throw CFunctions.unexpected(e);
        }
    }

    @Override
    public long memalign(int id, long byteAlignment, long byteSize) {
        try {
            return (long) MEMALIGN.invokeExact(byteAlignment, byteSize);
        } catch (Throwable e) {
            throw CFunctions.unexpected(e);
        }
    }

    @Override
    public long realloc(int id, long address, long byteSize) {
        try {
            return (long) REALLOC.invokeExact(address, byteSize);
        } catch (Throwable e) {
            throw CFunctions.unexpected(e);
        }
    }

    @Override
    public void free(int id, long address) {
        try {
            FREE.invokeExact(address);
        } catch (Throwable e) {
            throw CFunctions.unexpected(e);
        }
    }
}
