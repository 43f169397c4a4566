package malloc4j.internal.region;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import malloc4j.internal.memory.Bits;
import malloc4j.internal.memory.RawMemory;
import malloc4j.internal.os.Errno;
import malloc4j.internal.os.Linux;
import malloc4j.internal.os.LinuxCalls;
import malloc4j.internal.os.SystemCalls;
import org.jspecify.annotations.Nullable;

/// From an address to the record of its chunk: a subtraction, a comparison, a shift and a multiplication.
///
/// ```
///   address - BASE < limitBytes  ?  RECORDS + (address - BASE) / 64 KiB * 1,152  :  the second zone, or nobody's
/// ```
///
/// The main zone's base is a constant to the JIT. A second zone may be registered once, over the memory that the
/// program break has given (see [BrkSource]). An address in neither is not in a chunk of ours.
///
/// The first word of a record, its tag, tells what the chunk is: 0 nothing, [#PAGES] runs of pages, and above 0 a
/// slab that belongs to the thread cache of that number.
public final class PageMap {
    /// The tag of a chunk that holds runs of pages.
    public static final int PAGES = -1;

    /// Offset of the tag in a record, 32 bits.
    public static final int TAG = 0;

    /// Offset of the number of the heap that the chunk belongs to, 32 bits.
    public static final int HEAP = 4;

    /// Offset of a 32-bit flag that is not zero while a list of remote frees refers to the record. It outlives what
    /// the chunk holds; a range whose records have it set may not be given back.
    public static final int QUEUED = 72;

    /// Offset of what the chunk's holder keeps: a slab's bits, or the sizes of runs of pages.
    public static final int BODY = 128;

    /// The kernel's page in bytes.
    public static final long PAGE_BYTES;

    public static final int PAGE_SHIFT;

    /// How many of the kernel's pages a chunk has: 16, or 1 where they are 64 KiB.
    public static final int PAGES_PER_CHUNK;

    /// The main zone's first address.
    public static final long BASE;

    /// The main zone's first record.
    public static final long RECORDS;

    /// The address of a word that is always zero.
    public static final long ZERO_WORD;

    private static final long MAX_ZONE_BYTES = 1L << 40; // 1 TiB: of 128 TiB of addresses, a cost in no page table
    private static final long MIN_ZONE_BYTES = 1L << 24; // 16 MiB
    private static final long CONSTANTS_BYTES = Zone.CHUNK_BYTES; // before the records, keeps them page aligned

    private static final Zone MAIN;
    private static volatile @Nullable Zone second;

    /// How far beyond [#BASE] an address may lie and have a record. Plain: a reader that sees an old value takes
    /// the slow way, which asks the zone.
    private static long limitBytes;

    static {
        SystemCalls calls = LinuxCalls.instance();
        PAGE_BYTES = calls.sysconf(Linux._SC_PAGESIZE);
        PAGE_SHIFT = Long.numberOfTrailingZeros(PAGE_BYTES);
        PAGES_PER_CHUNK = (int) (Zone.CHUNK_BYTES / PAGE_BYTES);
        Zone zone = reserve(calls, zoneBytes());
        if (zone == null) {
            throw new OutOfMemoryError("malloc4j cannot reserve " + MIN_ZONE_BYTES
                    + " bytes of address space: raise RLIMIT_AS (ulimit -v) or lower the JVM's own reservations");
        }
        MAIN = zone;
        BASE = zone.base();
        RECORDS = zone.recordsBase();
        ZERO_WORD = RECORDS - CONSTANTS_BYTES;
    }

    private PageMap() {}

    public static Zone main() {
        return MAIN;
    }

    /// The offset from [#BASE] below which an address has a record for sure.
    public static long limitBytes() {
        return limitBytes;
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
    static void register(Zone zone) {
        second = zone;
    }

    static void raiseLimit(Zone zone, long bytes) {
        if (zone == MAIN) {
            limitBytes = bytes;
        }
    }

    /// Reserves a zone of at most `byteSize` and its records, halving the size until the kernel agrees; null when
    /// even the smallest is refused.
    static @Nullable Zone reserve(SystemCalls calls, long byteSize) {
        for (long bytes = byteSize; bytes >= MIN_ZONE_BYTES; bytes = Bits.alignDown(bytes / 2, Zone.GRANULE_BYTES)) {
            Zone zone = tryReserve(calls, bytes);
            if (zone != null) {
                return zone;
            }
        }
        return null;
    }

    private static @Nullable Zone tryReserve(SystemCalls calls, long bytes) {
        long reserved = reserveRange(calls, bytes + Zone.GRANULE_BYTES);
        if (Errno.isError(reserved)) {
            return null;
        }
        long recordsBase = reserveRecords(calls, bytes);
        if (Errno.isError(recordsBase)) {
            calls.munmap(reserved, bytes + Zone.GRANULE_BYTES);
            return null;
        }
        long base = Bits.alignUp(reserved, Zone.GRANULE_BYTES);
        Zone zone = new Zone(base, bytes, recordsBase);
        zone.addRange(base, bytes);
        return zone;
    }

    /// Reserves the records of a zone, and before them a page that stays zero. Returns the first record's address,
    /// or minus errno.
    static long reserveRecords(SystemCalls calls, long zoneBytes) {
        long bytes = Bits.alignUp(CONSTANTS_BYTES + Zone.recordBytes(zoneBytes), PAGE_BYTES);
        long reserved = reserveRange(calls, bytes);
        if (Errno.isError(reserved)) {
            return reserved;
        }
        long result = calls.mprotect(reserved, CONSTANTS_BYTES, Linux.PROT_READ);
        if (result < 0) {
            calls.munmap(reserved, bytes);
            return result;
        }
        return reserved + CONSTANTS_BYTES;
    }

    private static long reserveRange(SystemCalls calls, long bytes) {
        int flags = Linux.MAP_PRIVATE | Linux.MAP_ANONYMOUS | Linux.MAP_NORESERVE;
        return calls.mmap(0, bytes, Linux.PROT_NONE, flags, -1, 0);
    }

    /// The size to ask for: 1 TiB, or half of what is left where the process's address space is limited.
    private static long zoneBytes() {
        long left = addressSpaceLeft();
        return Bits.alignDown(Math.clamp(left / 2, MIN_ZONE_BYTES, MAX_ZONE_BYTES), Zone.GRANULE_BYTES);
    }

    private static long addressSpaceLeft() {
        try {
            for (String line : Files.readAllLines(Path.of("/proc/self/limits"))) {
                if (line.startsWith("Max address space")) {
                    String soft = firstWord(line.substring("Max address space".length()));
                    if (soft.equals("unlimited")) {
                        return Long.MAX_VALUE;
                    }
                    String pages = firstWord(Files.readString(Path.of("/proc/self/statm")));
                    return Math.max(0, Long.parseLong(soft) - Long.parseLong(pages) * PAGE_BYTES);
                }
            }
        } catch (IOException | NumberFormatException unreadable) {
            return Long.MAX_VALUE; // no /proc: ask for all, the kernel says what it grants
        }
        return Long.MAX_VALUE;
    }

    private static String firstWord(String text) {
        String stripped = text.strip();
        int end = 0;
        while (end < stripped.length() && !Character.isWhitespace(stripped.charAt(end))) {
            end++;
        }
        return stripped.substring(0, end);
    }
}
