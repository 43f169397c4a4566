package malloc4j.internal.region;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicLong;
import malloc4j.internal.os.Linux;
import malloc4j.internal.os.MemoryCalls;

/// How many addresses each part of this library takes when the process's address space is limited (`RLIMIT_AS`). All
/// that it reserves is at most half of what is left when the first part is made; blocks that are mappings of their own
/// may take the rest but for a reserve, with which the JVM can start threads when a program has filled its heaps.
///
/// ```
/// |<--------------------------- left ---------------------------------->|
/// |<------------- share: half, at most ------------>|<-- huge blocks, at most -->|<- reserve ->|
/// | zone, its records and entries | caches | break  |  threads, C heap, the program's mappings
///                                   1/16     5/16                                  1/8 of all, at most 512 MiB
/// ```
///
/// Of the break's part, 1/16 are records, and 4/16 the first claim with its moat.
///
/// Invariant, checked by [#verify]: zone, caches and break add up to no more than the share; with the huge blocks and
/// the reserve, to no more than is left.
///
/// Concurrency: any thread at any time.
public final class AddressShare {
    private static final long MAX_ZONE_BYTES = 1L << 40; // 1 TiB: of 128 TiB of addresses, a cost in no page table
    private static final long MIN_ZONE_BYTES = 1L << 24; // 16 MiB
    private static final long MAX_BREAK_ZONE_BYTES = 1L << 36; // 64 GiB: records for 1.1 GiB of addresses
    private static final int PART_SHIFT = 4;
    private static final int CLAIM_SHIFT = 2;
    private static final int RESERVE_SHIFT = 3;
    private static final long MAX_RESERVE_BYTES = 1L << 29;

    private final long shareBytes;
    private final long cacheBytes;
    private final long breakZoneBytes;
    private final long zoneBytes;
    private final long hugeBytes;
    private final AtomicLong usedHugeBytes = new AtomicLong();

    /// @param leftBytes addresses that may still be used, `Long.MAX_VALUE` for no limit
    AddressShare(long leftBytes) {
        shareBytes = leftBytes / 2;
        long reserveBytes = Math.min(leftBytes >>> RESERVE_SHIFT, MAX_RESERVE_BYTES);
        hugeBytes = leftBytes == Long.MAX_VALUE ? leftBytes : leftBytes - shareBytes - reserveBytes;
        cacheBytes = shareBytes >>> PART_SHIFT;
        breakZoneBytes = Math.clamp(
                zoneOf(shareBytes >>> PART_SHIFT, Zone.recordBytes(Zone.GRANULE_BYTES)),
                Zone.GRANULE_BYTES,
                MAX_BREAK_ZONE_BYTES);
        zoneBytes = Math.clamp(
                zoneOf(
                        shareBytes - 2 * (shareBytes >>> PART_SHIFT) - (shareBytes >>> CLAIM_SHIFT),
                        Zone.GRANULE_BYTES + perGranule()),
                MIN_ZONE_BYTES,
                MAX_ZONE_BYTES);
    }

    /// What a granule's records and entries take; entries are aligned to their size and reserved twice over.
    private static long perGranule() {
        return Zone.recordBytes(Zone.GRANULE_BYTES) + 4 * Zone.entryBytes(Zone.GRANULE_BYTES);
    }

    /// The largest zone for which `bytes` suffice, whose granules take `bytesEach`.
    private static long zoneOf(long bytes, long bytesEach) {
        return bytes / bytesEach < MAX_ZONE_BYTES / Zone.GRANULE_BYTES
                ? bytes / bytesEach * Zone.GRANULE_BYTES
                : MAX_ZONE_BYTES;
    }

    /// How large the main zone is to be.
    long zoneBytes() {
        return zoneBytes;
    }

    /// The most addresses for what the caches of threads keep.
    public long cacheBytes() {
        return cacheBytes;
    }

    /// How large the zone of the program break is to be, whose records alone are reserved.
    long breakZoneBytes() {
        return breakZoneBytes;
    }

    /// The largest claim of the break that a request makes without need, its moat and what is lost to alignment
    /// included.
    long breakClaimBytes() {
        return shareBytes >>> CLAIM_SHIFT;
    }

    /// The most addresses for mappings of blocks.
    public long hugeBytes() {
        return hugeBytes;
    }

    /// Takes addresses for mappings of blocks. Returns false, and has taken none, when there are not so many left.
    boolean tryTakeHuge(long byteSize) {
        if (usedHugeBytes.addAndGet(byteSize) <= hugeBytes) {
            return true;
        }
        giveHuge(byteSize);
        return false;
    }

    /// Gives back what [#tryTakeHuge] has taken.
    void giveHuge(long byteSize) {
        usedHugeBytes.addAndGet(-byteSize);
    }

    /// Checks the invariant of the class header, unless the smallest zone is already more than there is.
    void verify() {
        long granules = zoneBytes / Zone.GRANULE_BYTES;
        long zone = zoneBytes + granules * perGranule();
        long claim = Math.min(breakClaimBytes(), MAX_BREAK_ZONE_BYTES);
        long all = zone + Math.min(cacheBytes, 1L << 42) + Zone.recordBytes(breakZoneBytes) + claim;
        if (zoneBytes > MIN_ZONE_BYTES && all > shareBytes) {
            throw new AssertionError("address share: " + all + " bytes of " + shareBytes);
        }
    }

    /// Told by this thread's directory: that of a process tells no memory once its first thread has ended.
    static long addressSpaceLeft(MemoryCalls calls) {
        try {
            for (String line : Files.readAllLines(Path.of("/proc/thread-self/limits"))) {
                if (line.startsWith("Max address space")) {
                    String soft = firstWord(line.substring("Max address space".length()));
                    if (soft.equals("unlimited")) {
                        return Long.MAX_VALUE;
                    }
                    long pages = Long.parseLong(firstWord(Files.readString(Path.of("/proc/thread-self/statm"))));
                    return Math.max(0, Long.parseLong(soft) - pages * calls.sysconf(Linux._SC_PAGESIZE));
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
