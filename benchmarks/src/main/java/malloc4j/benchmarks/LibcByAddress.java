package malloc4j.benchmarks;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/// The C library's, by critical downcalls with `long` for pointers.
final class LibcByAddress implements ByteFunctions {
    private static final LibcHandles C = LibcHandles.of(ValueLayout.JAVA_LONG);

    @Override
    public void memset(ByteRanges ranges) throws Throwable {
        long unused = (long) C.memset().invokeExact(ranges.other().address(), ByteRanges.FIRST, ranges.byteSize());
    }

    @Override
    public void memcpy(ByteRanges ranges) throws Throwable {
        long unused = (long)
                C.memcpy().invokeExact(ranges.other().address(), ranges.text().address(), ranges.byteSize());
    }

    @Override
    public void memmove(ByteRanges ranges) throws Throwable {
        long unused = (long) C.memmove()
                .invokeExact(
                        ranges.other().address(), ranges.other().address() + ByteRanges.MOVE_BYTES, ranges.byteSize());
    }

    @Override
    public int memcmp(ByteRanges ranges) throws Throwable {
        return (int)
                C.memcmp().invokeExact(ranges.text().address(), ranges.copy().address(), ranges.byteSize());
    }

    @Override
    public long memchr(ByteRanges ranges) throws Throwable {
        return (long) C.memchr().invokeExact(ranges.text().address(), ByteRanges.LAST, ranges.byteSize());
    }

    @Override
    public long memrchr(ByteRanges ranges) throws Throwable {
        return (long) C.memrchr().invokeExact(ranges.text().address(), ByteRanges.FIRST, ranges.byteSize());
    }

    @Override
    public long memmem(ByteRanges ranges, MemorySegment needle) throws Throwable {
        return (long)
                C.memmem().invokeExact(ranges.text().address(), ranges.byteSize(), needle.address(), needle.byteSize());
    }
}
