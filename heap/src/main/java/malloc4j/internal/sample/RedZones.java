package malloc4j.internal.sample;

import malloc4j.internal.memory.Bits;
import malloc4j.internal.memory.FaultingRanges;
import malloc4j.internal.memory.RawMemory;
import malloc4j.internal.os.Mutex;

/// How a block of a debug heap lies in a larger one, and the patterns by which a write beside it, or after it was
/// freed, is seen.
///
/// ```
///   sample.whole   sample.pages     sample.address                  sample.pages + sample.pageBytes
///   v              v                v                               v
///   +--------------+----------------+-------------------------------+----------------+
///   |              | front: A7 ...  | block: A5 ... , freed 5A ...  | back: A7 ...   |
///   +--------------+----------------+-------------------------------+----------------+
///    for alignment   zone             byteSize                        zone, 16 to 1,024
/// ```
///
/// `zone = clamp(byteSize / 8, 16, 1,024)`, in multiples of 16: what runs past a large block runs farther. A block with
/// an alignment above 64 KiB has no zone in front: that would take as much as the alignment. Of a large block the first
/// MiB is filled and looked at: to fill the rest would have the kernel find memory for all of it.
public final class RedZones {
    /// What lies beside a block.
    static final byte ZONE = (byte) 0xA7;

    /// What a new block is filled with.
    static final byte ALLOCATED = (byte) 0xA5;

    /// What a freed block is filled with.
    static final byte FREED = (byte) 0x5A;

    private static final long MIN_ZONE_BYTES = 16;
    private static final long MAX_ZONE_BYTES = 1024;
    private static final long MAX_FRONT_ALIGNMENT = 64 << 10;
    private static final int ZONE_SHARE_SHIFT = 3;
    private static final long MAX_FILLED_BYTES = 1L << 20;
    private static final long BYTES_EACH = 0x0101010101010101L;

    private RedZones() {}

    private static long zoneBytes(long byteSize) {
        return Math.clamp(Bits.alignUp(byteSize >>> ZONE_SHARE_SHIFT, MIN_ZONE_BYTES), MIN_ZONE_BYTES, MAX_ZONE_BYTES);
    }

    /// How many bytes a block takes with its zones.
    ///
    /// @param byteAlignment a power of two
    public static long wholeBytes(long byteSize, long byteAlignment) {
        return frontBytes(byteSize, byteAlignment) + byteSize + zoneBytes(byteSize);
    }

    private static long frontBytes(long byteSize, long byteAlignment) {
        return byteAlignment > MAX_FRONT_ALIGNMENT ? 0 : Bits.alignUp(zoneBytes(byteSize), byteAlignment);
    }

    /// Lays a sample's block into memory that was taken for it, fills its zones, and returns its address.
    ///
    /// @param whole the address of [#wholeBytes], a multiple of `byteAlignment`
    public static long lay(Sample sample, long whole, long byteSize, long byteAlignment) {
        long zone = zoneBytes(byteSize);
        long address = whole + frontBytes(byteSize, byteAlignment);
        sample.whole = whole;
        sample.pages = Math.max(whole, address - zone);
        sample.pageBytes = address + byteSize + zone - sample.pages;
        fillZone(sample.pages, address);
        fillZone(address + byteSize, address + byteSize + zone);
        FaultingRanges.await(whole, sample.pageBytes);
        return address;
    }

    /// Fills a new block, so that whoever reads what he has not written sees it.
    public static void fillAllocated(long address, long byteSize) {
        fill(address, byteSize, ALLOCATED);
    }

    /// Fills a freed block, so that a write to it is seen, and a read.
    public static void fillFreed(long address, long byteSize) {
        fill(address, byteSize, FREED);
    }

    private static void fill(long address, long byteSize, byte pattern) {
        long filled = Math.min(byteSize, MAX_FILLED_BYTES);
        set(address, address + filled, pattern);
        FaultingRanges.await(address, filled);
    }

    /// Fills what lies beside a block.
    static void fillZone(long from, long end) {
        set(from, end, ZONE);
    }

    /// As [RawMemory#fill], without an object: the Java heap may be full, and a block half freed.
    private static void set(long from, long end, byte pattern) {
        long word = (pattern & 0xFF) * BYTES_EACH;
        long at = from;
        for (; at <= end - Long.BYTES; at += Long.BYTES) {
            RawMemory.putLong(at, word);
        }
        for (; at < end; at++) {
            RawMemory.putByte(at, pattern);
        }
    }

    /// The address of the first byte beside a live block that was written to, 0 where none was, or pages have vanished.
    static long firstDamage(Sample sample) {
        return sample.pages == 0 ? 0 : firstOf(sample, false);
    }

    /// The address of the first byte of a freed block, or beside it, that was written to; 0 where none was, or pages
    /// have vanished.
    static long firstWritten(Sample sample) {
        return firstOf(sample, true);
    }

    private static long firstOf(Sample sample, boolean isFreed) {
        try {
            long inside = isFreed ? firstInside(sample) : 0;
            long first = inside != 0 ? inside : firstBeside(sample);
            if (sample.isZoned() && FaultingRanges.overlap(sample.pages, sample.pageBytes)) {
                Mutex.giveWay(); // what FaultingRanges.await is for, but a lock is held
            }
            return first;
        } catch (InternalError vanished) {
            return 0;
        }
    }

    private static long firstInside(Sample sample) {
        long filled = Math.min(sample.byteSize, MAX_FILLED_BYTES);
        return firstOther(sample.address, sample.address + filled, FREED);
    }

    private static long firstBeside(Sample sample) {
        long end = sample.address + sample.byteSize;
        long before = firstOther(sample.pages, sample.address, ZONE);
        return before != 0 ? before : firstOther(end, sample.pages + sample.pageBytes, ZONE);
    }

    /// How many bytes are looked at for it, about.
    static long lookedBytes(Sample sample) {
        return Math.min(sample.pageBytes, MAX_FILLED_BYTES);
    }

    /// The address of the first byte in a range that is not `pattern`, 0 where all are.
    private static long firstOther(long from, long end, byte pattern) {
        long word = (pattern & 0xFF) * BYTES_EACH;
        long at = from;
        while (at <= end - Long.BYTES && RawMemory.getLong(at) == word) {
            at += Long.BYTES;
        }
        while (at < end && RawMemory.getByte(at) == pattern) {
            at++;
        }
        return at < end ? at : 0;
    }
}
