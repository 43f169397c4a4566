package malloc4j.internal.region;

import java.util.Map;
import malloc4j.internal.memory.RawMemory;
import malloc4j.internal.os.Errno;
import malloc4j.internal.os.Linux;
import malloc4j.internal.os.MemoryCalls;
import malloc4j.observe.AreaKind;

/// Where this library's memory lies, for those who look at the process from outside: one page, which they find by the
/// name of its mapping.
///
/// ```
///   0          8         12      16
///  +----------+---------+-------+---------------------------------+---------------------------------+---
///  | MAGIC    | VERSION | count | kind | address | bytes | records| kind | address | bytes | records| ...
///  +----------+---------+-------+---------------------------------+---------------------------------+---
///                                 an entry, 32 bytes: a reserve, or a zone and where its records are
/// ```
///
/// It is a private mapping of a memory file, because the kernel shows such a file's name, needs no option for it, and
/// makes it one with no other mapping. Where there are no memory files there is no page, and nothing else is missing.
///
/// Invariants: entries below the count are never changed, so that a reader needs no lock; the count only grows.
///
/// Concurrency: written under the object's lock.
public final class RootRecord {
    /// What the name of the mapping begins with.
    public static final String MAPPING = "/memfd:malloc4j-root";

    /// The first word: `malloc4j` in ASCII.
    public static final long MAGIC = 0x6a34636f6c6c616dL;

    public static final int VERSION_OFFSET = 8;

    /// What a reader of this version can read.
    public static final int VERSION = 1;

    public static final int COUNT_OFFSET = 12;
    public static final int ENTRIES_OFFSET = 16;
    public static final int ENTRY_BYTES = 32;

    /// Offsets in an entry, 64 bits each.
    public static final int ADDRESS_OFFSET = 8;

    public static final int BYTES_OFFSET = 16;
    public static final int RECORDS_OFFSET = 24;

    /// The kind of an entry that is a zone.
    public static final long ZONE = 1;

    /// The kinds of those that are reserves.
    public static final Map<Long, AreaKind> RESERVES =
            Map.of(2L, AreaKind.ZONE_RESERVE, 3L, AreaKind.RECORDS, 4L, AreaKind.MOAT);

    private static final String NAME = "malloc4j-root";
    private static final long PAGE_BYTES = 4096; // at least; of larger pages the rest is not used

    /// How many entries there can be.
    public static final int MAX_ENTRIES = (int) ((PAGE_BYTES - ENTRIES_OFFSET) / ENTRY_BYTES);

    private final Ground ground;
    private boolean made;
    private long address; // 0 where there is no page
    private int count;

    /// Without a page, which comes with what it is to tell.
    RootRecord(Ground ground) {
        this.ground = ground;
    }

    /// The page's address, 0 where there is none.
    synchronized long address() {
        if (!made) {
            made = true;
            address = make(ground.calls());
        }
        return address;
    }

    static long byteSize() {
        return PAGE_BYTES;
    }

    private static long make(MemoryCalls calls) {
        long fd = calls.memfdCreate(NAME, Linux.MFD_CLOEXEC);
        if (fd < 0) {
            return 0;
        }
        long sized = calls.ftruncate((int) fd, PAGE_BYTES);
        int rights = Linux.PROT_READ | Linux.PROT_WRITE;
        long address = sized < 0 ? sized : calls.mmap(0, PAGE_BYTES, rights, Linux.MAP_PRIVATE, (int) fd, 0);
        calls.close((int) fd);
        if (Errno.isError(address)) {
            return 0;
        }
        RawMemory.putInt(address + VERSION_OFFSET, VERSION);
        RawMemory.putLongRelease(address, MAGIC);
        return address;
    }

    void addZone(Zone zone) {
        add(ZONE, zone.base(), zone.byteSize(), zone.recordsBase());
    }

    void addReserve(AreaKind kind, long address, long byteSize) {
        RESERVES.forEach((number, each) -> {
            if (each == kind) {
                add(number, address, byteSize, 0);
            }
        });
    }

    private synchronized void add(long kind, long address, long byteSize, long records) {
        long root = address();
        if (root == 0 || count == MAX_ENTRIES) {
            return;
        }
        long entry = root + ENTRIES_OFFSET + (long) count * ENTRY_BYTES;
        RawMemory.putLong(entry, kind);
        RawMemory.putLong(entry + ADDRESS_OFFSET, address);
        RawMemory.putLong(entry + BYTES_OFFSET, byteSize);
        RawMemory.putLong(entry + RECORDS_OFFSET, records);
        count++;
        RawMemory.putIntRelease(root + COUNT_OFFSET, count);
    }
}
