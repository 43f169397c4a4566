package malloc4j.benchmarks;

import java.lang.foreign.MemorySegment;
import malloc4j.bytes.Bytes;

/// Ours, over segments.
final class BytesBySegment implements ByteFunctions {
    @Override
    public void memset(ByteRanges ranges) {
        Bytes.memset(ranges.other(), 0, ByteRanges.FIRST, ranges.byteSize());
    }

    @Override
    public void memcpy(ByteRanges ranges) {
        Bytes.memcpy(ranges.other(), 0, ranges.text(), 0, ranges.byteSize());
    }

    @Override
    public void memmove(ByteRanges ranges) {
        MemorySegment other = ranges.other();
        Bytes.memmove(other, 0, other, ByteRanges.MOVE_BYTES, ranges.byteSize());
    }

    @Override
    public int memcmp(ByteRanges ranges) {
        return Bytes.memcmp(ranges.text(), 0, ranges.copy(), 0, ranges.byteSize());
    }

    @Override
    public long memchr(ByteRanges ranges) {
        return Bytes.memchr(ranges.text(), 0, ByteRanges.LAST, ranges.byteSize());
    }

    @Override
    public long memrchr(ByteRanges ranges) {
        return Bytes.memrchr(ranges.text(), 0, ByteRanges.FIRST, ranges.byteSize());
    }

    @Override
    public long memmem(ByteRanges ranges, MemorySegment needle) {
        return Bytes.memmem(ranges.text(), 0, ranges.byteSize(), needle, 0, needle.byteSize());
    }
}
