package malloc4j.faults;

import malloc4j.bytes.Bytes;
import malloc4j.internal.memory.Bits;
import malloc4j.internal.memory.RawMemory;

/// Writes into a block what can be recognised later: a word that depends on the seed and the place, in the first and
/// so many other places at least 256 bytes apart, 256 unless told otherwise, and the block's last byte.
public final class Patterns {
    static final int PLACES = 256;

    private static final int MIN_STRIDE_BYTES = 256;

    private Patterns() {}

    public static void fill(long address, long byteSize, long seed) {
        fill(address, byteSize, seed, PLACES);
    }

    /// @param places of which all but the first lie elsewhere for each seed
    static void fill(long address, long byteSize, long seed, int places) {
        for (long offset = 0; offset + Long.BYTES <= byteSize; offset = next(offset, byteSize, seed, places)) {
            RawMemory.putLong(address + offset, word(seed, offset));
        }
        if (byteSize > 0) {
            RawMemory.putByte(address + byteSize - 1, last(byteSize, seed));
        }
    }

    /// Throws [AssertionError] unless the first `byteSize` bytes are as [#fill] left them for a block of `filledBytes`.
    public static void check(long address, long byteSize, long filledBytes, long seed) {
        check(address, byteSize, filledBytes, seed, PLACES);
    }

    /// @param places as it was filled
    static void check(long address, long byteSize, long filledBytes, long seed, int places) {
        for (long offset = 0; offset + Long.BYTES <= byteSize; offset = next(offset, filledBytes, seed, places)) {
            boolean overlapsLast = offset + Long.BYTES > filledBytes - 1;
            if (!overlapsLast && RawMemory.getLong(address + offset) != word(seed, offset)) {
                throw new AssertionError("the block of " + filledBytes + " bytes at 0x" + Long.toHexString(address)
                        + " has changed at offset " + offset);
            }
        }
        boolean whole = byteSize == filledBytes && byteSize > 0;
        if (whole && RawMemory.getByte(address + byteSize - 1) != last(byteSize, seed)) {
            throw new AssertionError("the block of " + filledBytes + " bytes at 0x" + Long.toHexString(address)
                    + " has changed in its last byte");
        }
    }

    private static long next(long offset, long filledBytes, long seed, int places) {
        long stride = Math.max(MIN_STRIDE_BYTES, Bits.alignDown(filledBytes / places, Long.BYTES));
        return offset != 0 ? offset + stride : Long.BYTES * (1 + Math.floorMod(seed * 7919, stride / Long.BYTES));
    }

    private static long word(long seed, long offset) {
        return (seed + 1) * 0x9E3779B97F4A7C15L ^ offset;
    }

    private static byte last(long byteSize, long seed) {
        return (byte) (seed * 31 + byteSize);
    }

    /// Whether every word of a range is zero.
    static boolean isZero(long address, long byteSize) {
        return byteSize == 0
                || (RawMemory.getByte(address) == 0 && Bytes.memcmp(address, address + 1, byteSize - 1) == 0);
    }
}
