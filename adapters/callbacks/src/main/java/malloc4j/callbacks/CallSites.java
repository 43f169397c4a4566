package malloc4j.callbacks;

import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLongArray;
import malloc4j.CFamily;

/// Which line of a C library's source has allocated each block, and what is live of it, by line.
///
/// ```
///   block   | what the library asked for | unused | site |        site: 4 bytes at the end of what may be used
///                                                     |
///   counts  | live bytes | live blocks | total bytes | total blocks |    one row a site
///   slots   file, line ---> site    8,192, open addressing; 4,095 sites at most, all others are site 0
/// ```
///
/// The number is in the block, so that a free, which only says who frees, finds who has allocated. A program that
/// writes past what it asked for spoils it, so it is tested: what is out of range counts for site 0.
final class CallSites {
    /// How many sites there may be, with the one for all others.
    static final int MAX_SITES = 4096;

    private static final int SLOTS = 2 * MAX_SITES;
    private static final int ID_BYTES = Integer.BYTES;
    private static final int COLUMNS = 4;
    private static final int MAX_NAME_BYTES = 1024;
    private static final String UNKNOWN = "?";

    private final CFamily family;
    private final AtomicLongArray counts = new AtomicLongArray(MAX_SITES * COLUMNS);
    private final AtomicLongArray files = new AtomicLongArray(SLOTS); // the address of the name; written last
    private final int[] lines = new int[SLOTS];
    private final int[] ids = new int[SLOTS];
    private final String[] names = new String[MAX_SITES];
    private final int[] linesOfSites = new int[MAX_SITES];
    private volatile int siteCount = 1;

    CallSites(CFamily family) {
        this.family = family;
        Arrays.fill(names, UNKNOWN);
    }

    long malloc(long byteSize, long file, int line) {
        int site = find(file, line);
        long address = family.malloc(withId(byteSize));
        if (address != 0) {
            try {
                add(address, site);
            } catch (Throwable noRoom) {
                family.free(address);
                throw noRoom;
            }
        }
        return address;
    }

    long realloc(long block, long byteSize, long file, int line) {
        int site = find(file, line);
        long oldBytes = family.usableSize(block);
        if (oldBytes == 0) {
            return 0; // counted as misuse
        }
        int oldSite = siteOf(block, oldBytes);
        long moved = family.realloc(block, withId(byteSize));
        if (moved == 0) {
            return 0;
        }
        try {
            count(oldSite, -oldBytes, -1);
            add(moved, site);
        } catch (Throwable noRoom) {
            return moved; // counted for the wrong site, which is better than lost
        }
        return moved;
    }

    /// What no memory is large enough for stays so: it is a `size_t`.
    private static long withId(long byteSize) {
        return byteSize < 0 ? byteSize : byteSize + ID_BYTES;
    }

    void free(long block) {
        if (block == 0) {
            return;
        }
        long byteSize = family.usableSize(block);
        if (byteSize != 0) {
            count(siteOf(block, byteSize), -byteSize, -1);
            family.free(block);
        }
    }

    private void add(long address, int site) {
        long byteSize = family.usableSize(address);
        if (byteSize < ID_BYTES) {
            return; // it could not be told: where the stack ends
        }
        CRuntime.MEMORY.set(ValueLayout.JAVA_INT_UNALIGNED, address + byteSize - ID_BYTES, site);
        count(site, byteSize, 1);
        counts.getAndAdd(site * COLUMNS + 2, byteSize);
        counts.getAndIncrement(site * COLUMNS + 3);
    }

    private static int siteOf(long address, long byteSize) {
        int site = CRuntime.MEMORY.get(ValueLayout.JAVA_INT_UNALIGNED, address + byteSize - ID_BYTES);
        return site >= 0 && site < MAX_SITES ? site : 0;
    }

    private void count(int site, long byteSize, int blocks) {
        counts.getAndAdd(site * COLUMNS, byteSize);
        counts.getAndAdd(site * COLUMNS + 1, blocks);
    }

    private static int slot(long file, int line) {
        long mixed = (file * 31 + line) * 0x9E3779B97F4A7C15L;
        return (int) (mixed >>> 51) & (SLOTS - 1);
    }

    /// The site of a line: 0 where there are too many already, or the library does not say.
    private int find(long file, int line) {
        if (file == 0) {
            return 0;
        }
        for (int slot = slot(file, line); ; slot = (slot + 1) & (SLOTS - 1)) {
            long there = files.getAcquire(slot);
            if (there == 0) {
                return make(file, line);
            }
            if (there == file && lines[slot] == line) {
                return ids[slot];
            }
        }
    }

    private synchronized int make(long file, int line) {
        int slot = slot(file, line);
        for (long there; (there = files.getAcquire(slot)) != 0; slot = (slot + 1) & (SLOTS - 1)) {
            if (there == file && lines[slot] == line) {
                return ids[slot];
            }
        }
        int site = siteCount;
        if (site == MAX_SITES) {
            return 0;
        }
        names[site] = text(file);
        linesOfSites[site] = line;
        lines[slot] = line;
        ids[slot] = site;
        siteCount = site + 1;
        files.setRelease(slot, file);
        return site;
    }

    /// A C string, byte by byte: what is behind its end may be no memory.
    private static String text(long address) {
        byte[] bytes = new byte[MAX_NAME_BYTES];
        int length = 0;
        while (length < MAX_NAME_BYTES
                && (bytes[length] = CRuntime.MEMORY.get(ValueLayout.JAVA_BYTE, address + length)) != 0) {
            length++;
        }
        return new String(bytes, 0, length, StandardCharsets.UTF_8);
    }

    /// What each line has allocated, the most live bytes first. Lines that the compiler has named in several places
    /// are one.
    List<CallSite> list() {
        Map<String, CallSite> byLine = new LinkedHashMap<>();
        for (int site = 0; site < siteCount; site++) {
            int row = site * COLUMNS;
            CallSite found = new CallSite(
                    names[site],
                    linesOfSites[site],
                    counts.get(row),
                    counts.get(row + 1),
                    counts.get(row + 2),
                    counts.get(row + 3));
            byLine.merge(found.file() + ":" + found.line(), found, CallSites::sum);
        }
        List<CallSite> all = new ArrayList<>(byLine.values());
        all.removeIf(each -> each.totalBlocks() == 0);
        all.sort(Comparator.comparingLong(CallSite::liveBytes)
                .thenComparingLong(CallSite::totalBytes)
                .reversed());
        return all;
    }

    private static CallSite sum(CallSite one, CallSite other) {
        return new CallSite(
                one.file(),
                one.line(),
                one.liveBytes() + other.liveBytes(),
                one.liveBlocks() + other.liveBlocks(),
                one.totalBytes() + other.totalBytes(),
                one.totalBlocks() + other.totalBlocks());
    }
}
