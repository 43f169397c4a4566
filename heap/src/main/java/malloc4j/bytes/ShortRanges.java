package malloc4j.bytes;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;

import java.lang.foreign.MemorySegment;
import malloc4j.internal.memory.RawMemory;

/// Ranges so short that calling anything would take longer than the work. No loop beyond three bytes: a range is
/// covered by two words that may overlap, or by several of them from either end.
///
/// ```
/// 8 to 16 bytes      |---- word at 0 ----|                    4 to 7 bytes: the same with two ints
///                               |---- word at n - 8 ----|
/// 17 to 32 bytes     |-- 0 --|-- 8 --|
///                             |-- n - 16 --|-- n - 8 --|      a copy loads them all before it stores the first
/// ```
///
/// Each operation is here twice, over addresses and over segments, whose accesses check bounds and scope.
final class ShortRanges {
    /// The smallest page that a processor has: what does not cross a multiple of it is in one page of any size.
    static final int PAGE_BYTES = 4096;

    private ShortRanges() {}

    /// Whether all of a range may be read where one byte of it may be: C's `memchr` reads no page behind its match.
    static boolean inOnePage(long address, long byteSize) {
        return (address & (PAGE_BYTES - 1)) <= PAGE_BYTES - byteSize;
    }

    // Addresses.

    /// Up to 64 bytes.
    static void set(long address, int value, long byteSize) {
        long word = Words.repeat(value);
        long end = address + byteSize;
        if (byteSize >= 16) {
            RawMemory.putLong(address, word);
            RawMemory.putLong(address + 8, word);
            if (byteSize > 32) {
                RawMemory.putLong(address + 16, word);
                RawMemory.putLong(address + 24, word);
                RawMemory.putLong(end - 32, word);
                RawMemory.putLong(end - 24, word);
            }
            RawMemory.putLong(end - 16, word);
            RawMemory.putLong(end - 8, word);
        } else if (byteSize >= 8) {
            RawMemory.putLong(address, word);
            RawMemory.putLong(end - 8, word);
        } else if (byteSize >= 4) {
            RawMemory.putInt(address, (int) word);
            RawMemory.putInt(end - 4, (int) word);
        } else {
            for (long at = address; at < end; at++) {
                RawMemory.putByte(at, (byte) word);
            }
        }
    }

    /// Up to 32 bytes; the ranges may overlap.
    static void move(long destination, long source, long byteSize) {
        long end = destination + byteSize;
        long sourceEnd = source + byteSize;
        if (byteSize > 16) {
            long word0 = RawMemory.getLong(source);
            long word1 = RawMemory.getLong(source + 8);
            long word2 = RawMemory.getLong(sourceEnd - 16);
            long word3 = RawMemory.getLong(sourceEnd - 8);
            RawMemory.putLong(destination, word0);
            RawMemory.putLong(destination + 8, word1);
            RawMemory.putLong(end - 16, word2);
            RawMemory.putLong(end - 8, word3);
        } else if (byteSize >= 8) {
            long head = RawMemory.getLong(source);
            long tail = RawMemory.getLong(sourceEnd - 8);
            RawMemory.putLong(destination, head);
            RawMemory.putLong(end - 8, tail);
        } else if (byteSize >= 4) {
            int head = RawMemory.getInt(source);
            int tail = RawMemory.getInt(sourceEnd - 4);
            RawMemory.putInt(destination, head);
            RawMemory.putInt(end - 4, tail);
        } else if (byteSize > 0) {
            byte head = RawMemory.getByte(source);
            byte middle = RawMemory.getByte(source + (byteSize >> 1));
            byte tail = RawMemory.getByte(sourceEnd - 1);
            RawMemory.putByte(destination, head);
            RawMemory.putByte(destination + (byteSize >> 1), middle);
            RawMemory.putByte(end - 1, tail);
        }
    }

    /// Up to 16 bytes.
    static int compare(long left, long right, long byteSize) {
        if (byteSize >= 8) {
            long leftWord = RawMemory.getLong(left);
            long rightWord = RawMemory.getLong(right);
            if (leftWord == rightWord) {
                leftWord = RawMemory.getLong(left + byteSize - 8);
                rightWord = RawMemory.getLong(right + byteSize - 8);
            }
            return leftWord == rightWord ? 0 : Words.compare(leftWord, rightWord);
        }
        return Words.compare(upToSeven(left, byteSize), upToSeven(right, byteSize));
    }

    /// Up to 16 bytes, all of which are read. Returns the index of the first byte, or -1.
    static long first(long address, int value, long byteSize) {
        long repeated = Words.repeat(value);
        if (byteSize >= 8) {
            long flags = Words.firstZeroBytes(RawMemory.getLong(address) ^ repeated);
            if (flags != 0) {
                return Words.first(flags);
            }
            long tail = byteSize - 8;
            flags = Words.firstZeroBytes(RawMemory.getLong(address + tail) ^ repeated);
            return flags != 0 ? tail + Words.first(flags) : -1;
        }
        return firstOfSeven(upToSeven(address, byteSize), repeated, byteSize);
    }

    /// Up to 16 bytes, all of which are read. Returns the index of the last byte, or -1.
    static long last(long address, int value, long byteSize) {
        long repeated = Words.repeat(value);
        if (byteSize >= 8) {
            int last = lastOfEight(RawMemory.getLong(address + byteSize - 8), repeated);
            return last >= 0 ? byteSize - 8 + last : lastOfEight(RawMemory.getLong(address), repeated);
        }
        return lastOfSeven(upToSeven(address, byteSize), repeated, byteSize);
    }

    /// Up to 7 bytes as the low bytes of a word; zero above.
    private static long upToSeven(long address, long byteSize) {
        if (byteSize >= 4) {
            long tail = RawMemory.getInt(address + byteSize - 4);
            return joined(RawMemory.getInt(address), tail, byteSize);
        }
        long word = 0;
        for (long index = 0; index < byteSize; index++) {
            word |= (RawMemory.getByte(address + index) & 0xFFL) << (index << 3);
        }
        return word;
    }

    // Segments.

    /// Up to 16 bytes.
    static int compare(MemorySegment left, long leftOffset, MemorySegment right, long rightOffset, long byteSize) {
        if (byteSize >= 8) {
            long leftWord = left.get(JAVA_LONG_UNALIGNED, leftOffset);
            long rightWord = right.get(JAVA_LONG_UNALIGNED, rightOffset);
            if (leftWord == rightWord) {
                leftWord = left.get(JAVA_LONG_UNALIGNED, leftOffset + byteSize - 8);
                rightWord = right.get(JAVA_LONG_UNALIGNED, rightOffset + byteSize - 8);
            }
            return leftWord == rightWord ? 0 : Words.compare(leftWord, rightWord);
        }
        return Words.compare(upToSeven(left, leftOffset, byteSize), upToSeven(right, rightOffset, byteSize));
    }

    /// Up to 16 bytes. Returns the index of the first byte from `offset` on, or -1.
    static long first(MemorySegment segment, long offset, int value, long byteSize) {
        long repeated = Words.repeat(value);
        if (byteSize >= 8) {
            long flags = Words.firstZeroBytes(segment.get(JAVA_LONG_UNALIGNED, offset) ^ repeated);
            if (flags != 0) {
                return Words.first(flags);
            }
            long tail = byteSize - 8;
            flags = Words.firstZeroBytes(segment.get(JAVA_LONG_UNALIGNED, offset + tail) ^ repeated);
            return flags != 0 ? tail + Words.first(flags) : -1;
        }
        return firstOfSeven(upToSeven(segment, offset, byteSize), repeated, byteSize);
    }

    /// Up to 16 bytes. Returns the index of the last byte from `offset` on, or -1.
    static long last(MemorySegment segment, long offset, int value, long byteSize) {
        long repeated = Words.repeat(value);
        if (byteSize >= 8) {
            int last = lastOfEight(segment.get(JAVA_LONG_UNALIGNED, offset + byteSize - 8), repeated);
            return last >= 0 ? byteSize - 8 + last : lastOfEight(segment.get(JAVA_LONG_UNALIGNED, offset), repeated);
        }
        return lastOfSeven(upToSeven(segment, offset, byteSize), repeated, byteSize);
    }

    /// Up to 7 bytes as the low bytes of a word; zero above.
    private static long upToSeven(MemorySegment segment, long offset, long byteSize) {
        if (byteSize >= 4) {
            long tail = segment.get(JAVA_INT_UNALIGNED, offset + byteSize - 4);
            return joined(segment.get(JAVA_INT_UNALIGNED, offset), tail, byteSize);
        }
        long word = 0;
        for (long index = 0; index < byteSize; index++) {
            word |= (segment.get(JAVA_BYTE, offset + index) & 0xFFL) << (index << 3);
        }
        return word;
    }

    // Both.

    /// Two ints that overlap where `byteSize`, 4 to 7, is below 8; the bytes in both are the same.
    private static long joined(int head, long tail, long byteSize) {
        long lengthMask = -1L >>> (64 - (byteSize << 3));
        return ((head & 0xFFFF_FFFFL) | (tail << ((byteSize - 4) << 3))) & lengthMask;
    }

    private static long firstOfSeven(long word, long repeated, long byteSize) {
        long flags = Words.firstZeroBytes(word ^ repeated);
        int index = Words.first(flags); // 8 where no flag is set
        return index < byteSize ? index : -1;
    }

    /// In reverse, where the first byte is found faster than the last here.
    private static int lastOfEight(long word, long repeated) {
        long flags = Words.firstZeroBytes(Long.reverseBytes(word ^ repeated));
        return flags != 0 ? 7 - Words.first(flags) : -1;
    }

    private static long lastOfSeven(long word, long repeated, long byteSize) {
        long flags = Words.zeroBytes(word ^ repeated) & ((1L << (byteSize << 3)) - 1);
        return flags != 0 ? Words.last(flags) : -1;
    }
}
