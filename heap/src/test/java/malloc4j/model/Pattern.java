package malloc4j.model;

import malloc4j.internal.memory.RawMemory;

/// Contents that tell blocks apart: the word at offset `k` is a mix of the block's seed and `k`.
///
/// All of a short block is written and compared; of a long one the first and the last [#EDGE_BYTES], and a word of
/// each page.
public final class Pattern {
    private static final int EDGE_BYTES = 512;
    private static final int STRIDE_BYTES = 4096;
    private static final long GOLDEN = 0x9E37_79B9_7F4A_7C15L;

    private Pattern() {}

    public static void write(long address, long byteSize, long seed) {
        for (long offset = 0; offset < byteSize; offset = next(offset, byteSize)) {
            if (byteSize - offset >= 8) {
                RawMemory.putLong(address + offset, word(seed, offset));
            } else {
                RawMemory.putByte(address + offset, (byte) word(seed, offset));
            }
        }
    }

    /// Checks the first `byteSize` bytes of a block that had `writtenBytes` when the pattern was written.
    public static void check(long address, long byteSize, long writtenBytes, long seed) {
        for (long offset = 0; offset < byteSize; offset = next(offset, writtenBytes)) {
            boolean asWord = writtenBytes - offset >= 8;
            if (asWord && byteSize - offset < 8) {
                return; // cut inside this word
            }
            long expected = asWord ? word(seed, offset) : (byte) word(seed, offset);
            long found = asWord ? RawMemory.getLong(address + offset) : RawMemory.getByte(address + offset);
            if (found != expected) {
                throw new AssertionError("block 0x" + Long.toHexString(address) + " of " + byteSize
                        + " bytes has 0x" + Long.toHexString(found) + " at offset " + offset + ", not 0x"
                        + Long.toHexString(expected));
            }
        }
    }

    public static void checkZero(long address, long byteSize) {
        for (long offset = 0; offset < byteSize; offset = next(offset, byteSize)) {
            long found =
                    byteSize - offset >= 8 ? RawMemory.getLong(address + offset) : RawMemory.getByte(address + offset);
            if (found != 0) {
                throw new AssertionError("calloc gave 0x" + Long.toHexString(address) + " of " + byteSize
                        + " bytes with 0x" + Long.toHexString(found) + " at offset " + offset);
            }
        }
    }

    private static long word(long seed, long offset) {
        long mixed = (seed + offset) * GOLDEN;
        return mixed ^ mixed >>> 29;
    }

    /// The next offset to look at: words, then in the middle of a long block one a page, then words and bytes.
    private static long next(long offset, long byteSize) {
        if (byteSize - offset < 8) {
            return offset + 1;
        }
        long lastEdge = (byteSize - EDGE_BYTES) & -8;
        if (offset >= EDGE_BYTES && offset < lastEdge) {
            return Math.min(offset + STRIDE_BYTES, lastEdge);
        }
        return offset + 8;
    }
}
