package malloc4j.peers;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.util.List;

/// A C library with a malloc family: where it is found, how its functions are called, how it tells its version.
///
/// A library is loaded by its versioned name, as the run-time package installs it. jemalloc and tcmalloc keep their
/// state in initial-exec TLS, for which glibc reserves little when they arrive late; without
/// `GLIBC_TUNABLES=glibc.rtld.optional_static_tls=16384` in the environment jemalloc cannot be loaded.
enum AllocatorLibrary {
    GLIBC(List.of(), "") {
        @Override
        String version(SymbolLookup library) throws Throwable {
            return text(
                    (long) CFunctions.ofLong(library, "gnu_get_libc_version", 0).invokeExact());
        }

        @Override
        void trim(SymbolLookup library) throws Throwable {
            CFunctions.trimLibc();
        }
    },
    JEMALLOC(List.of("libjemalloc.so.2"), "") {
        @Override
        String version(SymbolLookup library) throws Throwable {
            try (Arena arena = Arena.ofConfined()) {
                // int mallctl(const char *name, void *oldp, size_t *oldlenp, void *newp, size_t newlen)
                MemorySegment name = arena.allocateFrom("version");
                MemorySegment value = arena.allocate(JAVA_LONG);
                MemorySegment length = arena.allocateFrom(JAVA_LONG, Long.BYTES);
                long unused = (long) CFunctions.ofLong(library, "mallctl", 5)
                        .invokeExact(name.address(), value.address(), length.address(), 0L, 0L);
                return firstWord(text(value.get(JAVA_LONG, 0)), '-'); // 5.3.0-0-g54eaed1d8b56...
            }
        }

        @Override
        void trim(SymbolLookup library) throws Throwable {
            MethodHandle mallctl = CFunctions.ofLong(library, "mallctl", 5);
            try (Arena arena = Arena.ofConfined()) {
                for (String what : List.of("thread.tcache.flush", "arena.4096.purge")) { // 4096: all arenas
                    MemorySegment name = arena.allocateFrom(what);
                    long unused = (long) mallctl.invokeExact(name.address(), 0L, 0L, 0L, 0L);
                }
            }
        }
    },
    MIMALLOC(List.of("libmimalloc.so.3", "libmimalloc.so.2", "libmimalloc.so.2.0"), "mi_") {
        @Override
        String version(SymbolLookup library) throws Throwable {
            // 209 is 2.0.9; from 2.1.10 and 3.0.2 on the parts have two digits each, as in 20109 and 30403.
            long number = (long) CFunctions.ofLong(library, "mi_version", 0).invokeExact() & 0xFFFF_FFFFL;
            long base = number < 10_000 ? 10 : 100;
            return number / (base * base) + "." + number / base % base + "." + number % base;
        }

        @Override
        void trim(SymbolLookup library) throws Throwable {
            CFunctions.ofVoid(library, "mi_collect", 1).invokeExact(1L); // bool force
        }
    },
    TCMALLOC(List.of("libtcmalloc_minimal.so.4"), "tc_") {
        @Override
        String version(SymbolLookup library) throws Throwable {
            // const char *tc_version(int *major, int *minor, const char **patch); each may be NULL
            return text((long) CFunctions.ofLong(library, "tc_version", 3).invokeExact(0L, 0L, 0L));
        }

        @Override
        void trim(SymbolLookup library) throws Throwable {
            CFunctions.ofVoid(library, "MallocExtension_ReleaseFreeMemory", 0).invokeExact();
        }
    };

    @SuppressWarnings("ImmutableEnumChecker") // made by List.of
    private final List<String> fileNames;

    private final String prefix;

    AllocatorLibrary(List<String> fileNames, String prefix) {
        this.fileNames = fileNames;
        this.prefix = prefix;
    }

    /// What goes before `malloc` in this library's names.
    String prefix() {
        return prefix;
    }

    abstract String version(SymbolLookup library) throws Throwable;

    /// Gives free memory back to the kernel, all of it as far as this library can.
    abstract void trim(SymbolLookup library) throws Throwable;

    /// Loads the library for the life of this JVM.
    ///
    /// @throws AllocatorAbsent if none of its files can be loaded
    @SuppressWarnings("restricted")
    SymbolLookup load() {
        if (fileNames.isEmpty()) {
            return CFunctions.standardLibrary();
        }
        for (String fileName : fileNames) {
            try {
                return SymbolLookup.libraryLookup(fileName, Arena.global());
            } catch (IllegalArgumentException notThere) {
                // the next name
            }
        }
        throw new AllocatorAbsent("cannot load " + String.join(" or ", fileNames));
    }

    @SuppressWarnings("restricted")
    private static String text(long address) {
        return address == 0
                ? "unknown"
                : MemorySegment.ofAddress(address).reinterpret(256).getString(0);
    }

    private static String firstWord(String text, char end) {
        int length = text.indexOf(end);
        return length < 0 ? text : text.substring(0, length);
    }
}
