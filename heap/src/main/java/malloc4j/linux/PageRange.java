package malloc4j.linux;

import malloc4j.internal.memory.Bits;

/// `[from, to)` in bytes from a mapping's base; both are at pages.
record PageRange(long from, long to) {
    /// The whole pages that `byteSize` bytes from `offset` lie in; none when that is 0.
    static PageRange around(long offset, long byteSize, long pageByteSize) {
        long from = offset & -pageByteSize;
        return new PageRange(from, byteSize == 0 ? from : Bits.alignUp(offset + byteSize, pageByteSize));
    }

    long byteSize() {
        return to - from;
    }

    /// As the arguments of a call in a message.
    @Override
    public String toString() {
        return "from=" + from + ", byteSize=" + byteSize();
    }
}
