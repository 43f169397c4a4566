package malloc4j.benchmarks;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/// The C library's, by critical downcalls with segments for pointers, which are kept alive meanwhile and
/// bounds-checked before.
final class LibcBySegment implements ByteFunctions {
    private static final LibcHandles C = LibcHandles.of(ValueLayout.ADDRESS);

    @Override
    public void memset(ByteRanges ranges) throws Throwable {
        long unused = (long) C.memset()
                .invokeExact(ranges.other().asSlice(0, ranges.byteSize()), ByteRanges.FIRST, ranges.byteSize());
    }

    @Override
    public void memcpy(ByteRanges ranges) throws Throwable {
        long unused = (long) C.memcpy()
                .invokeExact(
                        ranges.other().asSlice(0, ranges.byteSize()),
                        ranges.text().asSlice(0, ranges.byteSize()),
                        ranges.byteSize());
    }

    @Override
    public void memmove(ByteRanges ranges) throws Throwable {
        long unused = (long) C.memmove()
                .invokeExact(
                        ranges.other().asSlice(0, ranges.byteSize()),
                        ranges.other().asSlice(ByteRanges.MOVE_BYTES, ranges.byteSize()),
                        ranges.byteSize());
    }

    @Override
    public int memcmp(ByteRanges ranges) throws Throwable {
        return (int) C.memcmp()
                .invokeExact(
                        ranges.text().asSlice(0, ranges.byteSize()),
                        ranges.copy().asSlice(0, ranges.byteSize()),
                        ranges.byteSize());
    }

    @Override
    public long memchr(ByteRanges ranges) throws Throwable {
        return (long)
                C.memchr().invokeExact(ranges.text().asSlice(0, ranges.byteSize()), ByteRanges.LAST, ranges.byteSize());
    }

    @Override
    public long memrchr(ByteRanges ranges) throws Throwable {
        return (long) C.memrchr()
                .invokeExact(ranges.text().asSlice(0, ranges.byteSize()), ByteRanges.FIRST, ranges.byteSize());
    }

    @Override
    public long memmem(ByteRanges ranges, MemorySegment needle) throws Throwable {
        return (long) C.memmem()
                .invokeExact(ranges.text().asSlice(0, ranges.byteSize()), ranges.byteSize(), needle, needle.byteSize());
    }
}
