package malloc4j.callbacks;

import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import malloc4j.CFamily;
import malloc4j.Heap;
import malloc4j.MisusePolicy;
import malloc4j.bytes.Bytes;

/// What the pointers of [CFunction] lead to: one method for each, over the C family of a heap.
///
/// ```
///   C library --upcall--> Upcalls.malloc ---> CFamily.malloc       what it answers is returned
///                                 0 <---'
///                         refused: count, log once, C's errno
/// ```
///
/// **Nothing is ever thrown here.** What leaves an upcall ends the JVM. The family throws nothing; what is done
/// beside it has a catch in each method, for a method that catches for others is a call that may fail where the stack
/// ends. Where nothing else goes, a request is answered by 0.
final class Upcalls {
    private static final int SQLITE_HEADER_BYTES = Long.BYTES;

    private final CFamily family;
    private final CallSites sites;
    private final Refusals refusals;

    Upcalls(Heap heap) {
        this.family = heap.cFamily(MisusePolicy.FAIL); // whose errno tells misuse from want of memory
        this.sites = new CallSites(family);
        this.refusals = new Refusals(heap, family);
    }

    CFamily family() {
        return family;
    }

    CallSites sites() {
        return sites;
    }

    Refusals refusals() {
        return refusals;
    }

    /// The method of a function, on this object.
    MethodHandle handle(CFunction function) throws ReflectiveOperationException {
        return MethodHandles.lookup()
                .bind(this, function.method(), function.descriptor().toMethodType());
    }

    // ------------------------------------------------------------------------------------------------------- as in C

    long malloc(long byteSize) {
        try {
            long address = family.malloc(byteSize);
            return address != 0 ? address : refusals.refuse(byteSize);
        } catch (Throwable noRoom) {
            return 0;
        }
    }

    long calloc(long count, long byteSize) {
        try {
            long address = family.calloc(count, byteSize);
            return address != 0 ? address : refusals.refuse(product(count, byteSize));
        } catch (Throwable noRoom) {
            return 0;
        }
    }

    long realloc(long block, long byteSize) {
        try {
            long moved = family.realloc(block, byteSize);
            return moved != 0 || (byteSize == 0 && block != 0) ? moved : refusals.refuse(byteSize);
        } catch (Throwable noRoom) {
            return 0;
        }
    }

    long reallocarray(long block, long count, long byteSize) {
        try {
            return realloc(block, product(count, byteSize));
        } catch (Throwable noRoom) {
            return 0;
        }
    }

    long alignedAlloc(long byteAlignment, long byteSize) {
        try {
            long address = family.alignedAlloc(byteAlignment, byteSize);
            return address != 0 ? address : refusals.refuse(byteSize);
        } catch (Throwable noRoom) {
            return 0;
        }
    }

    void free(long block) {
        try {
            family.free(block);
            refusals.noticeMisuse();
        } catch (Throwable noRoom) {
            return;
        }
    }

    long strdup(long text) {
        try {
            if (text == 0) {
                return 0;
            }
            long byteSize = Bytes.memchr(text, 0, Long.MAX_VALUE) + 1 - text;
            long copy = malloc(byteSize);
            return copy == 0 ? 0 : Bytes.memcpy(copy, text, byteSize);
        } catch (Throwable noRoom) {
            return 0;
        }
    }

    long usableSize(long block) {
        try {
            return family.usableSize(block);
        } catch (Throwable noRoom) {
            return 0;
        }
    }

    /// What no memory is large enough for, where the product overflows: of two unsigned numbers.
    private static long product(long count, long byteSize) {
        return Math.unsignedMultiplyHigh(count, byteSize) == 0 ? count * byteSize : -1;
    }

    // ------------------------------------------------------------------------------------------- with a context first

    long contextMalloc(long unused, long byteSize) {
        return malloc(byteSize);
    }

    long contextCalloc(long unused, long count, long byteSize) {
        return calloc(count, byteSize);
    }

    long contextRealloc(long unused, long block, long byteSize) {
        return realloc(block, byteSize == 0 ? 1 : byteSize);
    }

    void contextFree(long unused, long block) {
        free(block);
    }

    // -------------------------------------------------------------------------------------------- with a context last

    long mallocContext(long byteSize, long unused) {
        return malloc(byteSize);
    }

    long callocContext(long count, long byteSize, long unused) {
        return calloc(count, byteSize);
    }

    long reallocContext(long block, long byteSize, long unused) {
        return realloc(block, byteSize);
    }

    void freeContext(long block, long unused) {
        free(block);
    }

    // ---------------------------------------------------------------------------------------------- items times size

    long itemsAlloc(long unused, int count, int byteSize) {
        return malloc(Integer.toUnsignedLong(count) * Integer.toUnsignedLong(byteSize));
    }

    long signedItemsAlloc(long unused, int count, int byteSize) {
        return malloc(count < 0 || byteSize < 0 ? -1 : (long) count * byteSize);
    }

    long wideItemsAlloc(long unused, long count, long byteSize) {
        return malloc(product(count, byteSize));
    }

    // ---------------------------------------------------------------------------------------------------- with sizes

    long sizedRealloc(long block, long unused, long byteSize) {
        return realloc(block, byteSize);
    }

    void sizedFree(long block, long unused) {
        free(block);
    }

    long gmpMalloc(long byteSize) {
        long address = malloc(byteSize);
        return address != 0 ? address : refusals.abort("GMP", byteSize);
    }

    long gmpRealloc(long block, long unused, long byteSize) {
        long moved = realloc(block, Math.max(byteSize, 1));
        return moved != 0 ? moved : refusals.abort("GMP", byteSize);
    }

    long luaAlloc(long unused, long block, long oldBytes, long byteSize) {
        if (byteSize == 0) {
            free(block);
            return 0;
        }
        long moved = realloc(block, byteSize);
        return moved == 0 && block != 0 && Long.compareUnsigned(byteSize, oldBytes) <= 0 ? block : moved;
    }

    long freetypeRealloc(long unused, long oldBytes, long byteSize, long block) {
        return realloc(block, byteSize);
    }

    // -------------------------------------------------------------------------------------------------------- SQLite

    long sqliteMalloc(int byteSize) {
        return sized(malloc(byteSize < 0 ? -1 : (long) byteSize + SQLITE_HEADER_BYTES), byteSize);
    }

    long sqliteRealloc(long block, int byteSize) {
        long begin = block == 0 ? 0 : block - SQLITE_HEADER_BYTES;
        return sized(realloc(begin, byteSize < 0 ? -1 : (long) byteSize + SQLITE_HEADER_BYTES), byteSize);
    }

    /// What SQLite gets of a block that begins there: 0 stays 0.
    private static long sized(long begin, int byteSize) {
        if (begin == 0) {
            return 0;
        }
        CRuntime.MEMORY.set(ValueLayout.JAVA_LONG_UNALIGNED, begin, byteSize);
        return begin + SQLITE_HEADER_BYTES;
    }

    void sqliteFree(long block) {
        free(block == 0 ? 0 : block - SQLITE_HEADER_BYTES);
    }

    int sqliteSize(long block) {
        return block == 0 ? 0 : (int) CRuntime.MEMORY.get(ValueLayout.JAVA_LONG_UNALIGNED, block - SQLITE_HEADER_BYTES);
    }

    int sqliteRoundup(int byteSize) {
        return byteSize + 7 & ~7;
    }

    int sqliteInit(long unused) {
        return 0;
    }

    void sqliteShutdown(long unused) {}

    // -------------------------------------------------------------------------------------------- with file and line

    long fileLineMalloc(long byteSize, long file, int line) {
        try {
            if (byteSize == 0) {
                return 0;
            }
            long address = sites.malloc(byteSize, file, line);
            return address != 0 ? address : refusals.refuse(byteSize);
        } catch (Throwable noRoom) {
            return 0;
        }
    }

    long fileLineRealloc(long block, long byteSize, long file, int line) {
        try {
            if (block == 0) {
                return fileLineMalloc(byteSize, file, line);
            }
            if (byteSize == 0) {
                fileLineFree(block, file, line);
                return 0;
            }
            long moved = sites.realloc(block, byteSize, file, line);
            return moved != 0 ? moved : refusals.refuse(byteSize);
        } catch (Throwable noRoom) {
            return 0;
        }
    }

    void fileLineFree(long block, long unusedFile, int unusedLine) {
        try {
            sites.free(block);
            refusals.noticeMisuse();
        } catch (Throwable noRoom) {
            return;
        }
    }
}
