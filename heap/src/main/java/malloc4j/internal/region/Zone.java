package malloc4j.internal.region;

import java.util.Arrays;
import malloc4j.internal.memory.Bits;
import malloc4j.internal.memory.RawMemory;
import malloc4j.internal.os.Errno;
import malloc4j.internal.os.Linux;
import malloc4j.internal.os.MemoryCalls;
import malloc4j.internal.os.Mutex;

/// A range of addresses that blocks may lie in, and beside it one record for each 64 KiB of it.
///
/// ```
/// addresses   base                                          base + byteSize
///             | chunk 0 | chunk 1 | chunk 2 | ...           |      64 KiB each
/// records     | rec 0   | rec 1   | rec 2   | ...           |      1,152 bytes each, in a reservation of their own
///             recordsBase
/// entries     | e0 | e1 | e2 | ...                                 32 bytes each, of the main zone only: see ChunkMap
/// granules    |  granule 0: 32 chunks, 2 MiB  | granule 1 ...      the unit that is handed out
/// ```
///
/// The main zone is one `PROT_NONE` reservation, committed as it is used. What a record holds is told by the first
/// of its words (see [ChunkMap]); the zone only sees to it that records are mapped before their chunk is handed out,
/// and zero.
///
/// Invariants, each checked by [#verify]:
/// 1. `base` and every handed-out range are multiples of [#GRANULE_BYTES].
/// 2. Free ranges are disjoint, not adjacent, and below `byteSize`.
/// 3. The records, and the entries, of `[base, base + recordedBytes)` are readable and writable; `recordedBytes`
///    never shrinks.
/// 4. Free and lost bytes together are at most `byteSize`.
/// 5. The table of free ranges has room for each range that is handed out: giving one back needs no Java heap.
///
/// Concurrency: ranges change under the zone's own lock; `recordedBytes` is volatile and read without it.
public final class Zone {
    /// A chunk is 64 KiB: the size of a slab, and of the largest page Linux uses by default on any architecture.
    public static final int CHUNK_SHIFT = 16;

    public static final int CHUNK_BYTES = 1 << CHUNK_SHIFT;

    /// 2 MiB: one huge page of x86-64, and the range whose records fill whole pages (32 * 1,152 = 9 * 4,096).
    public static final long GRANULE_BYTES = 1L << 21;

    /// A header of 128 bytes and 64 pairs of words: two bits for each of up to 4,096 blocks of 16 bytes.
    public static final int RECORD_BYTES = 128 + 64 * 16;

    private static final long RECORD_BYTES_PER_GRANULE = (GRANULE_BYTES >>> CHUNK_SHIFT) * RECORD_BYTES;

    private final long base;
    private final long byteSize;
    private final long recordsBase;
    private final long entriesBase;
    private final OwnMemory memory;
    private final Mutex lock = new Mutex();
    private final Ranges free = new Ranges(); // bytes by offset
    private int outCount; // ranges that were handed out and not given back or lost
    private volatile long recordedBytes;
    private volatile long[] lost = {}; // address and bytes of each range that was lost, and room for more
    private volatile int lostWords; // of `lost` that are in use; the others change, those never
    private long lostBytes;

    /// Describes a zone over addresses that exist; ranges are added by [#addRange].
    ///
    /// @param entriesBase where its entries are, 0 when it has none
    /// @param memory is told where the range ends that blocks may lie in
    Zone(long base, long byteSize, long recordsBase, long entriesBase, OwnMemory memory) {
        this.base = base;
        this.byteSize = byteSize;
        this.recordsBase = recordsBase;
        this.entriesBase = entriesBase;
        this.memory = memory;
    }

    /// The bytes of records that a zone of `byteSize` needs.
    static long recordBytes(long byteSize) {
        return byteSize / GRANULE_BYTES * RECORD_BYTES_PER_GRANULE;
    }

    public long base() {
        return base;
    }

    public long byteSize() {
        return byteSize;
    }

    public long recordsBase() {
        return recordsBase;
    }

    long entriesBase() {
        return entriesBase;
    }

    /// How much of the zone, from its base, has records that may be read.
    public long recordedBytes() {
        return recordedBytes;
    }

    /// Whether `address` lies where records may be read and tell of it: not in a range that was lost, where there may
    /// be a mapping of somebody else's, or one of ours that no record describes.
    public boolean records(long address) {
        return Long.compareUnsigned(address - base, recordedBytes) < 0 && !isLost(address);
    }

    private boolean isLost(long address) {
        int words = lostWords;
        long[] ranges = lost; // at least as long
        for (int index = 0; index < words; index += 2) {
            if (Long.compareUnsigned(address - ranges[index], ranges[index + 1]) < 0) {
                return true;
            }
        }
        return false;
    }

    /// The record of the chunk that `address` lies in.
    public long record(long address) {
        return recordsBase + ((address - base) >>> CHUNK_SHIFT) * RECORD_BYTES;
    }

    /// The address of the chunk that a record describes.
    public long chunk(long record) {
        return base + (((record - recordsBase) / RECORD_BYTES) << CHUNK_SHIFT);
    }

    /// Makes a range available to [#allocateRange].
    void addRange(long address, long bytes) {
        lock.lock();
        try {
            free.reserve(free.count() + outCount + 1);
            free.join(address - base, bytes);
        } finally {
            lock.unlock();
        }
    }

    /// Makes room, so that the next [#addRange] needs none of the Java heap.
    void reserveRange() {
        lock.lock();
        try {
            free.reserve(free.count() + outCount + 1);
        } finally {
            lock.unlock();
        }
    }

    /// Takes the lowest free range of `bytes`, a multiple of [#GRANULE_BYTES], and maps its records. Returns its
    /// address, or minus errno: `ENOSPC` when the zone has no such range left, `ENOMEM` also when the Java heap is
    /// full.
    long allocateRange(MemoryCalls calls, long bytes) {
        lock.lock();
        try {
            int index = free.firstOf(bytes);
            if (index < 0) {
                return -Errno.ENOSPC;
            }
            if (!tryReserve()) {
                return -Errno.ENOMEM;
            }
            long offset = free.key(index);
            long result = commitRecords(calls, offset + bytes);
            if (result < 0) {
                return result;
            }
            free.takeFrom(index, bytes);
            outCount++;
            memory.use(base + offset + bytes);
            return base + offset;
        } finally {
            lock.unlock();
        }
    }

    /// Makes room for one more range to come back or to be lost, so that neither needs the Java heap. Returns false
    /// when that has none.
    private boolean tryReserve() {
        try {
            free.reserve(free.count() + outCount + 2);
            int words = lostWords + 2 * (outCount + 1);
            if (words > lost.length) {
                lost = Arrays.copyOf(lost, 2 * words);
            }
            return true;
        } catch (OutOfMemoryError full) {
            return false;
        }
    }

    /// Makes the records and entries of a range zero, which nobody uses any more: the first step of giving the
    /// range back, while all its memory is still there. Returns 0, or minus errno, and then the range is still in use.
    long clearRecords(MemoryCalls calls, long address, long bytes) {
        long start = record(address);
        long end = start + recordBytes(bytes);
        long firstPage =
                Bits.alignUp(start, PageGeometry.PAGE_BYTES); // above 4 KiB a page may have neighbours' records
        long pagesEnd = Bits.alignDown(end, PageGeometry.PAGE_BYTES);
        if (firstPage < pagesEnd) {
            long result = Discard.pages(calls, firstPage, pagesEnd - firstPage);
            if (result < 0) {
                return result;
            }
            RawMemory.clear(start, firstPage - start);
            RawMemory.clear(pagesEnd, end - pagesEnd);
        } else {
            RawMemory.clear(start, end - start);
        }
        if (entriesBase != 0) {
            RawMemory.clear(entriesBase + entryBytes(address - base), entryBytes(bytes));
        }
        return 0;
    }

    /// Takes a range back that [#allocateRange] gave and whose records are zero: the last step, which cannot fail.
    void freeRange(long address, long bytes) {
        lock.lock();
        try {
            free.reserve(free.count() + 1); // there is room, unless a range comes back in parts
            free.join(address - base, bytes);
            outCount--;
        } finally {
            lock.unlock();
        }
    }

    /// Notes that a range which was handed out will not come back: its addresses may be somebody else's by now.
    void loseRange(long address, long bytes) {
        lock.lock();
        try {
            int words = lostWords;
            lost[words] = address;
            lost[words + 1] = bytes;
            lostWords = words + 2; // published: who reads this sees the two
            lostBytes += bytes;
            outCount--;
        } finally {
            lock.unlock();
        }
    }

    /// The bytes of all ranges that were lost.
    public long lostBytes() {
        lock.lock();
        try {
            return lostBytes;
        } finally {
            lock.unlock();
        }
    }

    /// Calls `visitor` with the address and size of each range that is not handed out, in address order.
    public void forEachFreeRange(RangeVisitor visitor) {
        long from = base;
        while (true) {
            long start;
            long bytes;
            lock.lock();
            try {
                int index = free.floor(from - base);
                index += index < 0 || base + free.key(index) < from ? 1 : 0;
                if (index == free.count()) {
                    return;
                }
                start = base + free.key(index);
                bytes = free.value(index);
            } finally {
                lock.unlock();
            }
            visitor.visit(start, bytes);
            from = start + bytes;
        }
    }

    private long commitRecords(MemoryCalls calls, long end) {
        if (end <= recordedBytes) {
            return 0;
        }
        long result = commit(calls, recordsBase + recordBytes(recordedBytes), recordsBase + recordBytes(end));
        if (result == 0 && entriesBase != 0) {
            result = commit(calls, entriesBase + entryBytes(recordedBytes), entriesBase + entryBytes(end));
        }
        if (result == 0) {
            recordedBytes = end;
        }
        return result;
    }

    private static long commit(MemoryCalls calls, long from, long to) {
        long start =
                Bits.alignUp(from, PageGeometry.PAGE_BYTES); // the page that `from` is in has been committed before
        long end = Bits.alignUp(to, PageGeometry.PAGE_BYTES);
        return start == end
                ? 0
                : Errno.passedOn(calls.mprotect(start, end - start, Linux.PROT_READ | Linux.PROT_WRITE), Errno.ENOMEM);
    }

    /// The bytes of entries that a range of `bytes` has.
    static long entryBytes(long bytes) {
        return (bytes >>> CHUNK_SHIFT) * ChunkMap.ENTRY_BYTES;
    }

    /// Checks the invariants of the class header; throws [AssertionError] on the first that does not hold.
    public void verify() {
        lock.lock();
        try {
            check(Bits.alignDown(base, GRANULE_BYTES) == base, "base is not a multiple of 2 MiB");
            long previousEnd = -1;
            long freeBytes = 0;
            for (int index = 0; index < free.count(); index++) {
                long start = free.key(index);
                check(start > previousEnd, "free ranges touch or overlap");
                check(start % GRANULE_BYTES == 0, "a free range is not made of granules");
                previousEnd = start + free.value(index);
                freeBytes += free.value(index);
                check(previousEnd <= byteSize, "a free range ends beyond the zone");
            }
            check(free.capacity() >= free.count() + outCount, "no room for the ranges that are handed out");
            check(freeBytes + lostBytes <= byteSize, "more is free and lost than there is");
        } finally {
            lock.unlock();
        }
    }

    private static void check(boolean condition, String message) {
        if (!condition) {
            throw new AssertionError("zone: " + message);
        }
    }
}
