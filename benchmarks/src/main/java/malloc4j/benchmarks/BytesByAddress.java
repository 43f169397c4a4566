package malloc4j.benchmarks;

import java.lang.foreign.MemorySegment;
import malloc4j.bytes.Bytes;

/// Ours, over addresses.
final class BytesByAddress implements ByteFunctions {
    @Override
    public void memset(ByteRanges ranges) {
        Bytes.memset(ranges.other().address(), ByteRanges.FIRST, ranges.byteSize());
    }

    @Override
    public void memcpy(ByteRanges ranges) {
        Bytes.memcpy(ranges.other().address(), ranges.text().address(), ranges.byteSize());
    }

    @Override
    public void memmove(ByteRanges ranges) {
        long address = ranges.other().address();
        Bytes.memmove(address, address + ByteRanges.MOVE_BYTES, ranges.byteSize());
    }

    @Override
    public int memcmp(ByteRanges ranges) {
        return Bytes.memcmp(ranges.text().address(), ranges.copy().address(), ranges.byteSize());
    }

    @Override
    public long memchr(ByteRanges ranges) {
        return Bytes.memchr(ranges.text().address(), ByteRanges.LAST, ranges.byteSize());
    }

    @Override
    public long memrchr(ByteRanges ranges) {
        return Bytes.memrchr(ranges.text().address(), ByteRanges.FIRST, ranges.byteSize());
    }

    @Override
    public long memmem(ByteRanges ranges, MemorySegment needle) {
        return Bytes.memmem(ranges.text().address(), ranges.byteSize(), needle.address(), needle.byteSize());
    }
}
