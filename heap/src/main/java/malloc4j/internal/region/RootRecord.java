package malloc4j.internal.region;

import java.util.Map;
import malloc4j.internal.memory.RawMemory;
import malloc4j.internal.os.Errno;
import malloc4j.internal.os.Linux;
import malloc4j.internal.os.MemoryCalls;
import malloc4j.internal.os.Mutex;
import malloc4j.observe.AreaKind;

/// Where this library's memory lies, and what no record of a chunk says of its heaps, for those who look at the process
/// from outside, also when it has stopped or died: one mapping, which they find by its name.
///
/// ```
///   0          8         12      16        24
///  +----------+---------+-------+---------+-------------------------------+-------------------------------+---
///  | MAGIC    | VERSION | count | untold  | kind | address| bytes| records| kind | address| bytes| records| ...
///  +----------+---------+-------+---------+-------------------------------+-------------------------------+---
///                                           an entry, 32 bytes: a reserve, or a zone and where its records are
///  4,096       HEAPS    256 bytes for each open heap: HeapRecord
///  1,052,672   HUGE     32 bytes for each huge block: | address | bytes | heap | 0 |, a hash table
///  3,149,824   CACHES   4 bytes for each number of a thread cache: its heap, and whether a thread has it
/// ```
///
/// It is a private mapping of a memory file, because the kernel shows such a file's name, needs no option for it, and
/// makes it one with no other mapping. What nobody has written takes no memory. Where there are no memory files there
/// is no such mapping, and nothing else is missing.
///
/// Invariants: entries below the count are never changed, so that a reader needs no lock; the count only grows. In the
/// tables things come and go: a reader takes what makes sense. Between the slot that a huge block's address is hashed
/// to and the one that it is in, none is empty.
///
/// Concurrency: entries and heaps are written under the object's lock, huge blocks and what had no room
/// under one of their own, the word of a cache under its registry's.
public final class RootRecord {
    /// What the name of the mapping begins with.
    public static final String MAPPING = "/memfd:malloc4j-root";

    /// The first word: `malloc4j` in ASCII.
    public static final long MAGIC = 0x6a34636f6c6c616dL;

    public static final int VERSION_OFFSET = 8;

    /// What a reader of this version can read.
    public static final int VERSION = 2;

    public static final int COUNT_OFFSET = 12;

    /// How many heaps and huge blocks had no room in the tables, ever: 64 bits.
    public static final int UNTOLD_OFFSET = 16;

    public static final int ENTRIES_OFFSET = 24;
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
    private static final long PAGE_BYTES = 4096; // at least; of larger pages the rest of the first is not used

    /// How many entries there can be.
    public static final int MAX_ENTRIES = (int) ((PAGE_BYTES - ENTRIES_OFFSET) / ENTRY_BYTES);

    /// Where the heaps are, and how many there can be.
    public static final int HEAPS_OFFSET = 4096;

    public static final int MAX_HEAPS = 1 << 12;

    /// Where the huge blocks are, and in how many slots.
    public static final int HUGE_OFFSET = HEAPS_OFFSET + MAX_HEAPS * HeapRecord.BYTES;

    public static final int HUGE_SLOTS = 1 << 16; // at most half of them are used

    /// A slot: the block's address, its bytes, and the number of its heap, 64 bits each.
    public static final int HUGE_SLOT_BYTES = 32;

    public static final int HUGE_BYTES_OFFSET = 8;
    public static final int HUGE_HEAP_OFFSET = 16;

    /// Where the words of the caches are, by their numbers, and how many there can be.
    public static final int CACHES_OFFSET = HUGE_OFFSET + HUGE_SLOTS * HUGE_SLOT_BYTES;

    public static final int MAX_CACHES = 1 << 17;

    /// Set in a cache's word while a thread has it; above is the number of the heap, 0 where the cache has no memory.
    public static final int CACHE_IS_HELD = 1;

    public static final int CACHE_HEAP_SHIFT = 1;

    /// All of it.
    public static final int BYTES = CACHES_OFFSET + MAX_CACHES * Integer.BYTES;

    private static final int HUGE_SHIFT = Long.SIZE - Integer.numberOfTrailingZeros(HUGE_SLOTS);
    private static final long SPREAD = 0x9E37_79B9_7F4A_7C15L; // 2^64 by the golden ratio: neighbours fall far apart

    private final Ground ground;
    private final Mutex hugeLock = new Mutex();
    private boolean made;
    private volatile long address; // 0 where there is none
    private int count;
    private int hugeCount;

    /// Without a mapping, which comes with what it is to tell.
    RootRecord(Ground ground) {
        this.ground = ground;
    }

    /// The mapping's address, 0 where there is none.
    synchronized long address() {
        if (!made) {
            made = true;
            address = make(ground.calls());
        }
        return address;
    }

    private static long make(MemoryCalls calls) {
        long fd = calls.memfdCreate(NAME, Linux.MFD_CLOEXEC);
        if (fd < 0) {
            return 0;
        }
        long sized = calls.ftruncate((int) fd, BYTES);
        int rights = Linux.PROT_READ | Linux.PROT_WRITE;
        int flags = Linux.MAP_PRIVATE | Linux.MAP_NORESERVE;
        long address = sized < 0 ? sized : calls.mmap(0, BYTES, rights, flags, (int) fd, 0);
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

    /// Gives a heap a record, if there is a root: it comes with the first zone. Without room it is one that keeps
    /// nothing.
    synchronized HeapRecord addHeap(int heapId, String name) {
        long root = address;
        if (root == 0) {
            return HeapRecord.NONE;
        }
        for (int slot = 0; slot < MAX_HEAPS; slot++) {
            long record = root + HEAPS_OFFSET + (long) slot * HeapRecord.BYTES;
            if (RawMemory.getInt(record) == 0) {
                return new HeapRecord(this, record, heapId, name);
            }
        }
        hugeLock.lock();
        try {
            countUntold(root);
        } finally {
            hugeLock.unlock();
        }
        return HeapRecord.NONE;
    }

    /// Under the lock of the huge blocks.
    private static void countUntold(long root) {
        RawMemory.putLong(root + UNTOLD_OFFSET, RawMemory.getLong(root + UNTOLD_OFFSET) + 1);
    }

    synchronized void removeHeap(HeapRecord record) {
        record.end();
    }

    /// Writes the word of a cache. By whoever holds the lock of its registry.
    void putCache(int tag, int word) {
        long root = address;
        if (root != 0 && tag < MAX_CACHES) {
            RawMemory.putInt(root + CACHES_OFFSET + (long) tag * Integer.BYTES, word);
        }
    }

    void addHuge(int heapId, long block, long byteSize) {
        long root = address;
        if (root == 0) {
            return;
        }
        hugeLock.lock();
        try {
            if (2 * hugeCount >= HUGE_SLOTS) {
                countUntold(root);
                return;
            }
            int slot = firstHuge(block);
            while (hugeKey(slot) != 0) {
                slot = (slot + 1) & (HUGE_SLOTS - 1);
            }
            putHuge(slot, block, byteSize, heapId);
            hugeCount++;
        } finally {
            hugeLock.unlock();
        }
    }

    /// Takes a block out, if it is there, and moves what stands behind it to where a search still finds it.
    void removeHuge(long block) {
        if (address == 0) {
            return;
        }
        hugeLock.lock();
        try {
            int hole = firstHuge(block);
            while (hugeKey(hole) != block) {
                if (hugeKey(hole) == 0) {
                    return;
                }
                hole = (hole + 1) & (HUGE_SLOTS - 1);
            }
            for (int next = (hole + 1) & (HUGE_SLOTS - 1); hugeKey(next) != 0; next = (next + 1) & (HUGE_SLOTS - 1)) {
                int distance = (next - firstHuge(hugeKey(next))) & (HUGE_SLOTS - 1);
                if (distance >= ((next - hole) & (HUGE_SLOTS - 1))) {
                    long from = hugeSlot(next);
                    putHuge(
                            hole,
                            hugeKey(next),
                            RawMemory.getLong(from + HUGE_BYTES_OFFSET),
                            RawMemory.getLong(from + HUGE_HEAP_OFFSET));
                    hole = next;
                }
            }
            RawMemory.putLongRelease(hugeSlot(hole), 0);
            hugeCount--;
        } finally {
            hugeLock.unlock();
        }
    }

    private static int firstHuge(long block) {
        return (int) (((block >>> PageGeometry.PAGE_SHIFT) * SPREAD) >>> HUGE_SHIFT);
    }

    private long hugeSlot(int slot) {
        return address + HUGE_OFFSET + (long) slot * HUGE_SLOT_BYTES;
    }

    private long hugeKey(int slot) {
        return RawMemory.getLong(hugeSlot(slot));
    }

    private void putHuge(int slot, long block, long byteSize, long heapId) {
        long to = hugeSlot(slot);
        RawMemory.putLongRelease(to, 0); // no reader takes one block's address with another's size
        RawMemory.putLongRelease(to + HUGE_BYTES_OFFSET, byteSize);
        RawMemory.putLongRelease(to + HUGE_HEAP_OFFSET, heapId);
        RawMemory.putLongRelease(to, block);
    }
}
