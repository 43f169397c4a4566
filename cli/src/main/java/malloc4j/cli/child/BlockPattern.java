package malloc4j.cli.child;

import malloc4j.peers.Memory;

/// What `--verify` writes into a block and expects to find again: every 8-byte word is a hash of the block's ID
/// and of the word's offset, so that no two live blocks hold the same bytes. A block that overlaps another, is
/// handed out twice, is written by the allocator, or is copied wrongly by realloc shows at the next check of one of
/// them.
///
/// ```
/// offset   0          8         16     20
///          +----------+----------+------+
///          | word(0)  | word(8)  | the low bytes of word(16)
///          +----------+----------+------+
/// ```
public final class BlockPattern {
    private BlockPattern() {}

    private static long word(int id, long offset) {
        long mixed = (id + 1) * 0x9E3779B97F4A7C15L + offset * 0xBF58476D1CE4E5B9L; // odd constants of splitmix64
        return mixed ^ (mixed >>> 31);
    }

    private static byte byteAt(int id, long offset) {
        return (byte) (word(id, offset & -Long.BYTES) >>> ((offset & 7) * Byte.SIZE));
    }

    /// Writes the bytes from offset `from` to the block's end; those before are right already.
    public static void fill(int id, long address, long from, long byteSize) {
        long offset = from;
        while (offset < byteSize && (offset & 7) != 0) {
            Memory.putByte(address + offset, byteAt(id, offset));
            offset++;
        }
        for (; offset + Long.BYTES <= byteSize; offset += Long.BYTES) {
            Memory.putLong(address + offset, word(id, offset));
        }
        for (; offset < byteSize; offset++) {
            Memory.putByte(address + offset, byteAt(id, offset));
        }
    }

    public static void check(int id, long address, long byteSize, String when) {
        long offset = 0;
        while (offset + Long.BYTES <= byteSize && Memory.getLong(address + offset) == word(id, offset)) {
            offset += Long.BYTES;
        }
        for (; offset < byteSize; offset++) {
            byte found = Memory.getByte(address + offset);
            if (found != byteAt(id, offset)) {
                throw wrong(id, address, byteSize, offset, found, byteAt(id, offset), when);
            }
        }
    }

    public static void checkZero(int id, long address, long byteSize) {
        long offset = 0;
        while (offset + Long.BYTES <= byteSize && Memory.getLong(address + offset) == 0) {
            offset += Long.BYTES;
        }
        for (; offset < byteSize; offset++) {
            byte found = Memory.getByte(address + offset);
            if (found != 0) {
                throw wrong(id, address, byteSize, offset, found, (byte) 0, "after calloc");
            }
        }
    }

    public static void checkAlignment(int id, long address, long byteAlignment) {
        if ((address & (byteAlignment - 1)) != 0) {
            throw new ChildFailure(
                    "block of ID %d at 0x%x is not aligned to %d bytes".formatted(id, address, byteAlignment));
        }
    }

    /// What C asks of malloc: an alignment fit for any object of this size, so 16 for 16 bytes and more, and below
    /// that the largest power of two in the size (jemalloc and tcmalloc give 8 to blocks of up to 8 bytes).
    public static long naturalAlignment(long byteSize) {
        return byteSize >= 16 ? 16 : Math.max(1, Long.highestOneBit(byteSize));
    }

    private static ChildFailure wrong(
            int id, long address, long byteSize, long offset, byte found, byte expected, String when) {
        return new ChildFailure("block of ID %d at 0x%x, %d bytes: byte %d is 0x%02x instead of 0x%02x %s"
                .formatted(id, address, byteSize, offset, found, expected, when));
    }
}
