package malloc4j.benchmarks;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/// The C library's, by critical downcalls with `long` for pointers.
@SuppressWarnings("restricted")
final class LibcByAddress implements ByteFunctions {
    private static final MethodHandle MEMSET = link(
            "memset",
            FunctionDescriptor.of(
                    ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG, ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG));
    private static final MethodHandle MEMCPY = link(
            "memcpy",
            FunctionDescriptor.of(
                    ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG));
    private static final MethodHandle MEMMOVE = link(
            "memmove",
            FunctionDescriptor.of(
                    ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG));
    private static final MethodHandle MEMCMP = link(
            "memcmp",
            FunctionDescriptor.of(
                    ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG));
    private static final MethodHandle MEMCHR = link(
            "memchr",
            FunctionDescriptor.of(
                    ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG, ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG));
    private static final MethodHandle MEMRCHR = link(
            "memrchr",
            FunctionDescriptor.of(
                    ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG, ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG));
    private static final MethodHandle MEMMEM = link(
            "memmem",
            FunctionDescriptor.of(
                    ValueLayout.JAVA_LONG,
                    ValueLayout.JAVA_LONG,
                    ValueLayout.JAVA_LONG,
                    ValueLayout.JAVA_LONG,
                    ValueLayout.JAVA_LONG));

    private static MethodHandle link(String symbol, FunctionDescriptor descriptor) {
        Linker linker = Linker.nativeLinker();
        return linker.downcallHandle(
                linker.defaultLookup().findOrThrow(symbol), descriptor, Linker.Option.critical(false));
    }

    @Override
    public void memset(ByteRanges ranges) throws Throwable {
        long unused = (long) MEMSET.invokeExact(ranges.other().address(), ByteRanges.FIRST, ranges.byteSize());
    }

    @Override
    public void memcpy(ByteRanges ranges) throws Throwable {
        long unused = (long)
                MEMCPY.invokeExact(ranges.other().address(), ranges.text().address(), ranges.byteSize());
    }

    @Override
    public void memmove(ByteRanges ranges) throws Throwable {
        long unused = (long) MEMMOVE.invokeExact(
                ranges.other().address(), ranges.other().address() + ByteRanges.MOVE_BYTES, ranges.byteSize());
    }

    @Override
    public int memcmp(ByteRanges ranges) throws Throwable {
        return (int) MEMCMP.invokeExact(ranges.text().address(), ranges.copy().address(), ranges.byteSize());
    }

    @Override
    public long memchr(ByteRanges ranges) throws Throwable {
        return (long) MEMCHR.invokeExact(ranges.text().address(), ByteRanges.LAST, ranges.byteSize());
    }

    @Override
    public long memrchr(ByteRanges ranges) throws Throwable {
        return (long) MEMRCHR.invokeExact(ranges.text().address(), ByteRanges.FIRST, ranges.byteSize());
    }

    @Override
    public long memmem(ByteRanges ranges, MemorySegment needle) throws Throwable {
        return (long)
                MEMMEM.invokeExact(ranges.text().address(), ranges.byteSize(), needle.address(), needle.byteSize());
    }
}
