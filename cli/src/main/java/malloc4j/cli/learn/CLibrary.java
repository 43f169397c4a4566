package malloc4j.cli.learn;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.Arrays;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// The C library's own functions, as a C program calls them: what the scenes measure beside this project's.
/// Addresses and sizes are longs.
///
/// `malloc` and `free` are critical downcalls, the fastest way from Java into C; those that may wait in the kernel are
/// ordinary ones.
final class CLibrary {
    static final int M_TRIM_THRESHOLD = -1; // malloc.h
    static final int M_MMAP_THRESHOLD = -3;

    static final int RLIMIT_MEMLOCK = 8; // asm-generic/resource.h
    static final int RLIMIT_AS = 9;

    private static final Linker LINKER = Linker.nativeLinker();
    private static final Linker.Option CRITICAL = Linker.Option.critical(false);
    private static final long IS_MMAPPED = 2; // malloc.c: bit 1 of the size in front of a block
    private static final int MINCORE_RESIDENT = 1;
    private static final int CAPABILITY_VERSION_3 = 0x20080522; // linux/capability.h

    private static final MethodHandle MALLOC = known("malloc", 1, CRITICAL);
    private static final MethodHandle FREE = known("free", 1, CRITICAL);
    private static final MethodHandle REALLOC = known("realloc", 2);
    private static final MethodHandle GETPPID = known("getppid", 0);
    private static final MethodHandle MMAP = known("mmap", 6);
    private static final MethodHandle MUNMAP = known("munmap", 2);
    private static final MethodHandle MINCORE = known("mincore", 3);
    private static final MethodHandle SETRLIMIT = known("setrlimit", 2);
    private static final MethodHandle GETRLIMIT = known("getrlimit", 2);
    private static final MethodHandle CAPGET = known("capget", 2);
    private static final MethodHandle CAPSET = known("capset", 2);
    private static final @Nullable MethodHandle MALLOC_TRIM = find("malloc_trim", 1);
    private static final @Nullable MethodHandle MALLOC_USABLE_SIZE = find("malloc_usable_size", 1);
    private static final @Nullable MethodHandle MALLOPT = find("mallopt", 2);

    private CLibrary() {}

    /// Why the scene cannot be played with this C library, or null if it is glibc.
    static @Nullable String obstacle() {
        return LINKER.defaultLookup().find("gnu_get_libc_version").isPresent()
                ? null
                : "the C library is not glibc, whose malloc this is about";
    }

    /// Its name and version.
    static String version() {
        Optional<MemorySegment> function = LINKER.defaultLookup().find("gnu_get_libc_version");
        if (function.isEmpty()) {
            return "a C library that is not glibc";
        }
        long address = call(link(function.get(), 0));
        return "glibc " + text(address);
    }

    @SuppressWarnings("restricted")
    private static String text(long address) {
        return MemorySegment.ofAddress(address).reinterpret(64).getString(0);
    }

    static long malloc(long byteSize) {
        try {
            long address = (long) MALLOC.invokeExact(byteSize);
            if (address == 0) {
                throw new IllegalStateException("the C library's malloc(" + byteSize + ") has no memory");
            }
            return address;
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new AssertionError("a downcall threw", e);
        }
    }

    static void free(long address) {
        try {
            long unused = (long) FREE.invokeExact(address);
        } catch (Throwable e) {
            throw new AssertionError("a downcall threw", e);
        }
    }

    static long realloc(long address, long byteSize) {
        return call(REALLOC, address, byteSize);
    }

    static long usableSize(long address) {
        return MALLOC_USABLE_SIZE == null ? 0 : call(MALLOC_USABLE_SIZE, address);
    }

    /// Gives free memory back, where the C library can.
    static void trim() {
        if (MALLOC_TRIM != null) {
            call(MALLOC_TRIM, 0L);
        }
    }

    static void mallopt(int parameter, long value) {
        if (MALLOPT != null) {
            call(MALLOPT, (long) parameter, value);
        }
    }

    /// Whether glibc's malloc has mapped a block by itself: it notes that in the word in front of it.
    static boolean isMapped(long block) {
        return (word(block - Long.BYTES) & IS_MMAPPED) != 0;
    }

    @SuppressWarnings("restricted")
    private static long word(long address) {
        return MemorySegment.ofAddress(address).reinterpret(Long.BYTES).get(JAVA_LONG, 0);
    }

    static long getppid() {
        try {
            return (long) GETPPID.invokeExact();
        } catch (Throwable e) {
            throw new AssertionError("a downcall threw", e);
        }
    }

    /// Maps readable and writable anonymous private memory. Returns its address, or -1.
    static long mmap(long byteSize) {
        try {
            return (long) MMAP.invokeExact(0L, byteSize, 3L, 0x22L, -1L, 0L); // PROT_READ|WRITE, MAP_PRIVATE|ANONYMOUS
        } catch (Throwable e) {
            throw new AssertionError("a downcall threw", e);
        }
    }

    static void munmap(long address, long byteSize) {
        try {
            long unused = (long) MUNMAP.invokeExact(address, byteSize);
        } catch (Throwable e) {
            throw new AssertionError("a downcall threw", e);
        }
    }

    /// How much of a range of whole pages is in memory.
    static long residentBytes(long address, long byteSize, long pageBytes) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment pages = arena.allocate(byteSize / pageBytes);
            long result = call(MINCORE, address, byteSize, pages.address());
            if ((int) result != 0) {
                throw new IllegalStateException(
                        "mincore(0x" + Long.toHexString(address) + ", " + byteSize + ") failed");
            }
            long resident = 0;
            for (long page = 0; page < pages.byteSize(); page++) {
                resident += (pages.get(ValueLayout.JAVA_BYTE, page) & MINCORE_RESIDENT) == 0 ? 0 : pageBytes;
            }
            return resident;
        }
    }

    /// Sets the soft limit of a resource, to the hard one where that is lower, and returns the one before. Limits are
    /// unsigned.
    static long setSoftLimit(int resource, long value) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment limit = arena.allocate(JAVA_LONG, 2); // struct rlimit: soft, hard
            call(GETRLIMIT, (long) resource, limit.address());
            long before = limit.get(JAVA_LONG, 0);
            long hard = limit.getAtIndex(JAVA_LONG, 1);
            limit.set(JAVA_LONG, 0, Long.compareUnsigned(value, hard) < 0 ? value : hard);
            if ((int) call(SETRLIMIT, (long) resource, limit.address()) != 0) {
                throw new IllegalStateException("setrlimit(" + resource + ", " + value + ") failed");
            }
            return before;
        }
    }

    /// Takes a capability from this thread, or gives it back if it was taken. Returns whether it was held before.
    ///
    /// @param capability the kernel's number, below 32
    static boolean setEffective(int capability, boolean wanted) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment header = arena.allocate(JAVA_INT, 2); // version, pid: 0 is this thread
            MemorySegment sets = arena.allocate(JAVA_INT, 6); // twice effective, permitted, inheritable
            header.set(JAVA_INT, 0, CAPABILITY_VERSION_3);
            call(CAPGET, header.address(), sets.address());
            int effective = sets.get(JAVA_INT, 0);
            int bit = 1 << capability;
            sets.set(JAVA_INT, 0, wanted ? effective | bit : effective & ~bit);
            call(CAPSET, header.address(), sets.address());
            return (effective & bit) != 0;
        }
    }

    private static long call(MethodHandle function, Object... arguments) {
        try {
            return (long) function.invokeWithArguments(arguments);
        } catch (Throwable e) {
            throw new AssertionError("a downcall threw", e);
        }
    }

    private static MethodHandle known(String name, int parameters, Linker.Option... options) {
        return link(LINKER.defaultLookup().findOrThrow(name), parameters, options);
    }

    private static @Nullable MethodHandle find(String name, int parameters) {
        return LINKER.defaultLookup()
                .find(name)
                .map(function -> link(function, parameters))
                .orElse(null);
    }

    /// A function that returns nothing is linked as if it returned a long, which is not looked at; so is one that
    /// returns an int, of which only zero matters.
    @SuppressWarnings("restricted")
    private static MethodHandle link(MemorySegment function, int parameters, Linker.Option... options) {
        MemoryLayout[] longs = new MemoryLayout[parameters];
        Arrays.fill(longs, JAVA_LONG);
        return LINKER.downcallHandle(function, FunctionDescriptor.of(JAVA_LONG, longs), options);
    }
}
