package malloc4j.bytes;

/// Eight bytes in a `long`, handled at once. The byte at the lowest address is the lowest one: memory is
/// little-endian wherever this library runs.
///
/// ```
/// address         p     p+1   p+2         p+7
/// bits           0..7  8..15 16..23  ... 56..63
/// flags             7     15     23 ...      63     the top bit of each byte: set where the byte is zero
/// ```
///
/// @source H. S. Warren, Hacker's Delight, 2nd edition, 6-1 "Find First 0-Byte"
final class Words {
    private static final long ONES = 0x0101_0101_0101_0101L;
    private static final long LOW_BITS = 0x7F7F_7F7F_7F7F_7F7FL;
    private static final long FLAGS = 0x8080_8080_8080_8080L;

    private Words() {}

    /// Eight times the low byte of `value`.
    static long repeat(int value) {
        return (value & 0xFF) * ONES;
    }

    /// Flags of the zero bytes, exact up to the first one: above it a byte 1 may be flagged too. Zero if and only
    /// if no byte is zero.
    static long firstZeroBytes(long word) {
        return mayBeZeroBytes(word) & FLAGS;
    }

    /// [#firstZeroBytes] before the other bits are cleared, which a loop may put off until its end.
    static long mayBeZeroBytes(long word) {
        return (word - ONES) & ~word;
    }

    static long flags(long bits) {
        return bits & FLAGS;
    }

    /// Flags of the zero bytes, each exact.
    static long zeroBytes(long word) {
        return ~(((word & LOW_BITS) + LOW_BITS) | word | LOW_BITS);
    }

    /// The index of the first flagged byte, 0 to 7.
    static int first(long flags) {
        return Long.numberOfTrailingZeros(flags) >>> 3;
    }

    /// The index of the first byte that is not zero, 0 to 7.
    static int firstNonZero(long word) {
        return Long.numberOfTrailingZeros(word) >>> 3;
    }

    /// The index of the last flagged byte, 0 to 7.
    static int last(long flags) {
        return 7 - (Long.numberOfLeadingZeros(flags) >>> 3);
    }

    /// The difference of the first bytes that differ, taken as unsigned; 0 if the words are equal.
    static int compare(long left, long right) {
        int shift = Long.numberOfTrailingZeros(left ^ right) & 0x38; // of equal words, 0: the difference is 0 as well
        return (int) ((left >>> shift) & 0xFF) - (int) ((right >>> shift) & 0xFF);
    }
}
