package malloc4j.internal.region;

import malloc4j.internal.memory.Bits;
import malloc4j.internal.memory.RawMemory;
import malloc4j.internal.os.Errno;
import malloc4j.internal.os.Linux;
import malloc4j.internal.os.MemoryCalls;
import malloc4j.observe.AreaKind;
import org.jspecify.annotations.Nullable;

/// From an address to what is known of its chunk: the record, and in the main zone the entry.
///
/// ```
///   chunk  = (address - BASE) / 64 KiB            in [0, CHUNKS), else the second zone, or nobody's
///   record = RECORDS + chunk * 1,152              everything about the chunk
///   entry  = ENTRIES + chunk * 32                 of a slab: what its owner's free needs (SlabEntry)
///
///   record  0      4      8              72       76             96       112     116      120    124     128
///          +------+------+----- - - -----+--------+----- - - ----+--------+-------+--------+------+-------+------ - -
///          | tag  | heap | the holder's  | queued | the holder's | zeroed | shard | extent | free | dirty | body: the
///          |      |      |               |        |              |        |       | pages  |      |       | holder's
///          +------+------+----- - - -----+--------+----- - - ----+--------+-------+--------+------+-------+------ - -
/// ```
///
/// The main zone's bases are constants to the JIT. Entries exist for the whole main zone and read zero where the
/// zone is not in use, so that a lookup needs one comparison. `ENTRIES` is a multiple of the entries' size rounded
/// up to a power of two: `ENTRIES ^ offset` equals `ENTRIES + offset`, and the JIT does not fold further offsets
/// into another constant of 64 bits.
///
/// A second zone may be registered once, over the memory that the program break has given (see [BrkSource]); it has
/// no entries. An address in neither zone is not in a chunk of ours.
///
/// The first word of a record, its tag, tells what the chunk is: 0 nothing, [#PAGES] runs of pages, and above 0 a
/// slab that belongs to the thread cache of that number.
public final class ChunkMap {
    /// The tag of a chunk that holds runs of pages.
    public static final int PAGES = -1;

    /// Offset of the tag in a record, 32 bits.
    public static final int TAG = 0;

    /// Offset of the number of the heap that the chunk belongs to, 32 bits.
    public static final int HEAP = 4;

    /// Offset of a 32-bit flag that is not zero while a list of remote frees refers to the record. It outlives what
    /// the chunk holds; a range whose records have it set may not be given back.
    public static final int QUEUED = 72;

    /// Offset of one byte for each page of the chunk: not zero where a span begins that the kernel has just zeroed.
    public static final int ZEROED = 96;

    /// Offset of the number of the shard of its heap's pages that the chunk belongs to, 8 bits.
    public static final int SHARD = 112;

    /// Offset of the pages of the extent that begins with the chunk, 32 bits, 0 where none does: for readers from
    /// outside, as the two that follow.
    public static final int EXTENT_PAGES = 116;

    /// Offset of how many of those are free, 32 bits, and how many of the free ones are dirty, 32 bits: one word.
    public static final int FREE_PAGES = 120;

    public static final int DIRTY_PAGES = 124;

    /// Offset of what the chunk's holder keeps: a slab's bits, or the sizes of runs of pages.
    public static final int BODY = 128;

    /// The main zone's first address.
    public static final long BASE;

    /// The main zone's first record.
    public static final long RECORDS;

    /// The main zone's first entry.
    public static final long ENTRIES;

    /// How many chunks the main zone has.
    public static final long CHUNKS;

    /// Bytes of an entry, as a shift and as a number.
    public static final int ENTRY_SHIFT = 5;

    public static final int ENTRY_BYTES = 1 << ENTRY_SHIFT;

    private static final long MIN_ZONE_BYTES = 1L << 24; // 16 MiB

    private static final Zone MAIN;
    private static volatile @Nullable Zone second;

    static {
        Ground ground = Ground.process();
        Zone zone = reserve(ground, ground.addressShare().zoneBytes());
        if (zone == null) {
            throw new OutOfMemoryError("malloc4j cannot reserve " + MIN_ZONE_BYTES
                    + " bytes of address space: raise RLIMIT_AS (ulimit -v) or lower the JVM's own reservations");
        }
        MAIN = zone;
        BASE = zone.base();
        RECORDS = zone.recordsBase();
        ENTRIES = zone.entriesBase();
        CHUNKS = zone.byteSize() >>> Zone.CHUNK_SHIFT;
        addTo(ground.memory(), zone);
    }

    private ChunkMap() {}

    public static Zone main() {
        return MAIN;
    }

    /// The record of the chunk that `address` lies in, or 0 when it lies in no zone.
    public static long record(long address) {
        Zone zone = zone(address);
        return zone == null ? 0 : zone.record(address);
    }

    /// The address of the chunk that `record` describes.
    public static long chunk(long record) {
        Zone other = second;
        boolean inMain = Long.compareUnsigned(record - RECORDS, Zone.recordBytes(MAIN.byteSize())) < 0;
        return (inMain || other == null ? MAIN : other).chunk(record);
    }

    /// The tag of the chunk that `address` lies in, 0 when it lies in no zone.
    public static int tag(long address) {
        long record = record(address);
        return record == 0 ? 0 : RawMemory.getIntAcquire(record + TAG);
    }

    private static @Nullable Zone zone(long address) {
        if (MAIN.records(address)) {
            return MAIN;
        }
        Zone other = second;
        return other != null && other.records(address) ? other : null;
    }

    /// Registers the zone over the program break's memory. Done once.
    static void register(Zone zone, OwnMemory memory) {
        second = zone;
        addTo(memory, zone);
    }

    private static void addTo(OwnMemory memory, Zone zone) {
        memory.addReserve(AreaKind.RECORDS, zone.recordsBase(), recordsBytes(zone.byteSize()));
        memory.addZone(zone);
    }

    /// Reserves a zone of at most `byteSize` and its records, halving the size until the kernel agrees; null when
    /// even the smallest is refused.
    static @Nullable Zone reserve(Ground ground, long byteSize) {
        for (long bytes = byteSize; bytes >= MIN_ZONE_BYTES; bytes = Bits.alignDown(bytes / 2, Zone.GRANULE_BYTES)) {
            Zone zone = tryReserve(ground, bytes);
            if (zone != null) {
                return zone;
            }
        }
        return null;
    }

    private static @Nullable Zone tryReserve(Ground ground, long bytes) {
        MemoryCalls calls = ground.calls();
        long reserved = reserveRange(calls, bytes + Zone.GRANULE_BYTES);
        if (Errno.isError(reserved)) {
            return null;
        }
        long recordsBase = reserveRecords(calls, bytes);
        if (Errno.isError(recordsBase)) {
            calls.munmap(reserved, bytes + Zone.GRANULE_BYTES);
            return null;
        }
        long entriesBase = reserveEntries(ground, Zone.entryBytes(bytes));
        if (Errno.isError(entriesBase)) {
            calls.munmap(recordsBase, recordsBytes(bytes));
            calls.munmap(reserved, bytes + Zone.GRANULE_BYTES);
            return null;
        }
        ground.memory().addReserve(AreaKind.ZONE_RESERVE, reserved, bytes + Zone.GRANULE_BYTES);
        long base = Bits.alignUp(reserved, Zone.GRANULE_BYTES);
        Zone zone = new Zone(base, bytes, recordsBase, entriesBase, ground.memory());
        zone.addRange(base, bytes);
        return zone;
    }

    /// Reserves the records of a zone. Returns the first record's address, or minus errno.
    static long reserveRecords(MemoryCalls calls, long zoneBytes) {
        return reserveRange(calls, recordsBytes(zoneBytes));
    }

    private static long recordsBytes(long zoneBytes) {
        return Bits.alignUp(Zone.recordBytes(zoneBytes), PageGeometry.PAGE_BYTES);
    }

    /// Reserves the main zone's entries, readable, at a multiple of their size rounded up to a power of two,
    /// and as much again around them, which stays unused. Returns their address, or minus errno.
    private static long reserveEntries(Ground ground, long entryBytes) {
        MemoryCalls calls = ground.calls();
        long alignment = Math.max(PageGeometry.PAGE_BYTES, Bits.ceilingPowerOfTwo(entryBytes));
        long reserved = reserveRange(calls, 2 * alignment);
        if (Errno.isError(reserved)) {
            return reserved;
        }
        long entries = Bits.alignUp(reserved, alignment);
        long result = calls.mprotect(entries, alignment, Linux.PROT_READ);
        if (result < 0) {
            calls.munmap(reserved, 2 * alignment);
            return result;
        }
        ground.memory().addReserve(AreaKind.RECORDS, reserved, 2 * alignment);
        return entries;
    }

    private static long reserveRange(MemoryCalls calls, long bytes) {
        int flags = Linux.MAP_PRIVATE | Linux.MAP_ANONYMOUS | Linux.MAP_NORESERVE;
        return calls.mmap(0, bytes, Linux.PROT_NONE, flags, -1, 0);
    }
}
