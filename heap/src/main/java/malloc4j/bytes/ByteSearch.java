package malloc4j.bytes;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;

import java.lang.foreign.MemorySegment;

/// Searches for one byte, and for the first difference, in Java: where the C library is out of reach, as in the
/// Java heap and over files.
///
/// A range is searched in blocks. Whether a block has the byte at all is a loop without a way out in the middle,
/// which the JIT turns into vector instructions; the block that has it is searched in smaller ones, and those by
/// words.
///
/// ```
/// first      | words | block | block | block* | ...          * has it, as do the ones below
///                                    | small | small* |
///                                            |..w*....|
/// last       the same from the other end
/// ```
final class ByteSearch {
    private static final int BLOCK_BYTES = ShortRanges.PAGE_BYTES;
    private static final int SMALL_BLOCK_BYTES = 512;
    private static final int HEAD_BYTES = 64; // searched by words before the first block: many searches end soon

    private ByteSearch() {}

    /// The offset of the first byte of `[from, to)` that is `value`, or -1. Words are aligned and blocks end with
    /// their page, so no page behind that byte is touched: a segment may claim more than there is, as C's `memchr`
    /// may be told more.
    static long first(MemorySegment segment, long from, long to, int value) {
        long repeated = Words.repeat(value);
        long at = Math.min(from + HEAD_BYTES - (segment.address() + from) % Long.BYTES, to);
        long found = firstByWords(segment, from, at, value);
        if (found >= 0) {
            return found;
        }
        long end = to;
        long block = BLOCK_BYTES;
        while (end - at >= SMALL_BLOCK_BYTES) {
            long leftOfPage = BLOCK_BYTES - ((segment.address() + at) & (BLOCK_BYTES - 1));
            long byteSize = Math.min(Math.min(block, leftOfPage), end - at) & -Long.BYTES;
            if (!blockHas(segment.asSlice(at, byteSize), repeated)) {
                at += byteSize;
            } else if (byteSize > SMALL_BLOCK_BYTES) {
                block = SMALL_BLOCK_BYTES;
                end = at + byteSize;
            } else {
                break;
            }
        }
        return firstByWords(segment, at, end, value);
    }

    private static long firstByWords(MemorySegment segment, long from, long to, int value) {
        long repeated = Words.repeat(value);
        long at = from;
        for (; at < to && (segment.address() + at) % Long.BYTES != 0; at++) {
            if (segment.get(JAVA_BYTE, at) == (byte) value) {
                return at;
            }
        }
        for (; at <= to - Long.BYTES; at += Long.BYTES) {
            long flags = Words.firstZeroBytes(segment.get(JAVA_LONG_UNALIGNED, at) ^ repeated);
            if (flags != 0) {
                return at + Words.first(flags);
            }
        }
        for (; at < to; at++) {
            if (segment.get(JAVA_BYTE, at) == (byte) value) {
                return at;
            }
        }
        return -1;
    }

    /// The offset of the last byte of `[from, to)` that is `value`, or -1.
    static long last(MemorySegment segment, long from, long to, int value) {
        long repeated = Words.repeat(value);
        long end = Math.max(to - HEAD_BYTES, from);
        long found = lastByWords(segment, end, to, value);
        if (found >= 0) {
            return found;
        }
        long start = from;
        long block = BLOCK_BYTES;
        while (end - start >= SMALL_BLOCK_BYTES) {
            long byteSize = Math.min(block, end - start) & -Long.BYTES;
            if (!blockHas(segment.asSlice(end - byteSize, byteSize), repeated)) {
                end -= byteSize;
            } else if (byteSize > SMALL_BLOCK_BYTES) {
                block = SMALL_BLOCK_BYTES;
                start = end - byteSize;
            } else {
                break;
            }
        }
        return lastByWords(segment, start, end, value);
    }

    private static long lastByWords(MemorySegment segment, long from, long to, int value) {
        long repeated = Words.repeat(value);
        long end = to;
        for (; end >= from + Long.BYTES; end -= Long.BYTES) {
            long flags = Words.zeroBytes(segment.get(JAVA_LONG_UNALIGNED, end - Long.BYTES) ^ repeated);
            if (flags != 0) {
                return end - Long.BYTES + Words.last(flags);
            }
        }
        for (; end > from; end--) {
            if (segment.get(JAVA_BYTE, end - 1) == (byte) value) {
                return end - 1;
            }
        }
        return -1;
    }

    /// The index of the first byte in which two ranges differ, or `byteSize`.
    ///
    /// The JDK's `mismatch` is the fastest, but over a file that was cut short it ends the JVM once it is compiled.
    static long mismatch(MemorySegment left, long leftOffset, MemorySegment right, long rightOffset, long byteSize) {
        if (CLibrary.staysThere(left, leftOffset, byteSize) && CLibrary.staysThere(right, rightOffset, byteSize)) {
            long index = MemorySegment.mismatch(
                    left, leftOffset, leftOffset + byteSize, right, rightOffset, rightOffset + byteSize);
            return index < 0 ? byteSize : index;
        }
        return mismatchByWords(left, leftOffset, right, rightOffset, byteSize);
    }

    /// As [#mismatch], word by word.
    static long mismatchByWords(
            MemorySegment left, long leftOffset, MemorySegment right, long rightOffset, long byteSize) {
        long index = 0;
        for (; index <= byteSize - Long.BYTES; index += Long.BYTES) {
            long differences = left.get(JAVA_LONG_UNALIGNED, leftOffset + index)
                    ^ right.get(JAVA_LONG_UNALIGNED, rightOffset + index);
            if (differences != 0) {
                return index + Words.firstNonZero(differences);
            }
        }
        while (index < byteSize
                && left.get(JAVA_BYTE, leftOffset + index) == right.get(JAVA_BYTE, rightOffset + index)) {
            index++;
        }
        return index;
    }

    private static boolean blockHas(MemorySegment block, long repeated) {
        long bits = 0;
        int words = (int) block.byteSize() / Long.BYTES;
        for (int index = 0; index < words; index++) {
            bits |= Words.mayBeZeroBytes(block.getAtIndex(JAVA_LONG_UNALIGNED, index) ^ repeated);
        }
        return Words.flags(bits) != 0;
    }
}
