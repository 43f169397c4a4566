package malloc4j.benchmarks;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/// The C library's functions, linked as critical downcalls. A record, because the JIT trusts a record's fields:
/// from a `static final` field the handles are constants. Pointers are returned as `long`.
record LibcHandles(
        MethodHandle memset,
        MethodHandle memcpy,
        MethodHandle memmove,
        MethodHandle memcmp,
        MethodHandle memchr,
        MethodHandle memrchr,
        MethodHandle memmem) {
    /// @param pointer how pointers are passed: `JAVA_LONG` or `ADDRESS`
    static LibcHandles of(ValueLayout pointer) {
        return new LibcHandles(
                link("memset", JAVA_LONG, pointer, JAVA_INT, JAVA_LONG),
                link("memcpy", JAVA_LONG, pointer, pointer, JAVA_LONG),
                link("memmove", JAVA_LONG, pointer, pointer, JAVA_LONG),
                link("memcmp", JAVA_INT, pointer, pointer, JAVA_LONG),
                link("memchr", JAVA_LONG, pointer, JAVA_INT, JAVA_LONG),
                link("memrchr", JAVA_LONG, pointer, JAVA_INT, JAVA_LONG),
                link("memmem", JAVA_LONG, pointer, JAVA_LONG, pointer, JAVA_LONG));
    }

    @SuppressWarnings("restricted")
    private static MethodHandle link(String symbol, MemoryLayout result, MemoryLayout... parameters) {
        Linker linker = Linker.nativeLinker();
        return linker.downcallHandle(
                linker.defaultLookup().findOrThrow(symbol),
                FunctionDescriptor.of(result, parameters),
                Linker.Option.critical(false));
    }
}
