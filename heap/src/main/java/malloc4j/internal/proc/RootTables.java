package malloc4j.internal.proc;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import malloc4j.internal.region.HeapRecord;
import malloc4j.internal.region.RootRecord;
import malloc4j.observe.MappedRange;

/// What stands in the [RootRecord] of another process, or of a core. Rows that make no sense are left out.
final class RootTables {
    private static final int STEP_BYTES = 1 << 20;
    private static final long MAX_BYTES = 1L << 46;

    private final ProcessMemory memory;
    private final byte[] bytes = new byte[STEP_BYTES];
    private final ByteBuffer table = ByteBuffer.wrap(bytes).order(ByteOrder.nativeOrder());
    private final List<Entry> entries = new ArrayList<>();
    private final Map<Integer, Heap> heaps = new TreeMap<>();
    private final Map<Long, Huge> huge = new TreeMap<>(); // one that was moved while it was read may be there twice
    private final int[] caches = new int[RootRecord.MAX_CACHES];
    private int version;
    private long untold;
    private long missingBytes;

    /// A zone, or a reserve, whose records are at 0.
    record Entry(long kind, long address, long byteSize, long records) {}

    /// A heap.
    record Heap(
            int heapId,
            String name,
            long purgedBytes,
            long samplingBytes,
            long guardedPageBytes,
            long guardedLiveBytes,
            long keptBytes) {}

    /// A huge block.
    record Huge(long address, long byteSize, int heapId) {}

    private RootTables(ProcessMemory memory) {
        this.memory = memory;
    }

    /// Reads what a mapping with the root's name has.
    static RootTables read(ProcessMemory memory, Mappings mappings, MappedRange root) throws IOException {
        RootTables tables = new RootTables(memory);
        tables.readHeader(root);
        if (tables.isKnown()) {
            tables.readHeaps(root.address());
            tables.readHuge(root.address(), mappings);
            tables.readCaches(root.address());
        }
        return tables;
    }

    /// Whether a range can be one.
    static boolean isRange(long address, long byteSize) {
        return address > 0 && byteSize > 0 && byteSize <= MAX_BYTES && address + byteSize > address;
    }

    private void readHeader(MappedRange root) throws IOException {
        int length = RootRecord.HEAPS_OFFSET;
        if (root.byteSize() < length || !isRead(root.address(), length)) {
            missingBytes += length;
            return;
        }
        if (table.getLong(0) != RootRecord.MAGIC) {
            return; // somebody else's by the same name, or one that is just made
        }
        version = table.getInt(RootRecord.VERSION_OFFSET);
        if (!isKnown()) {
            return;
        }
        if (root.byteSize() < RootRecord.BYTES) {
            version = 0;
            return;
        }
        untold = Math.max(0, table.getLong(RootRecord.UNTOLD_OFFSET));
        int count = Math.clamp(table.getInt(RootRecord.COUNT_OFFSET), 0, RootRecord.MAX_ENTRIES);
        for (int index = 0; index < count; index++) {
            int entry = RootRecord.ENTRIES_OFFSET + index * RootRecord.ENTRY_BYTES;
            entries.add(new Entry(
                    table.getLong(entry),
                    table.getLong(entry + RootRecord.ADDRESS_OFFSET),
                    table.getLong(entry + RootRecord.BYTES_OFFSET),
                    table.getLong(entry + RootRecord.RECORDS_OFFSET)));
        }
    }

    private boolean isRead(long address, int length) throws IOException {
        try {
            memory.read(address, bytes, length);
            return true;
        } catch (EOFException unreadable) {
            return false;
        }
    }

    private interface RowReader {
        void read(int offset, int row);
    }

    /// Shows where each row of a table is to a reader, of those that were ever touched.
    private void readRows(long rowsAddress, int rowBytes, int rows, RowReader reader) throws IOException {
        long end = rowsAddress + (long) rows * rowBytes;
        long at = memory.next(rowsAddress, end, true);
        while (at < end) {
            long touchedEnd = memory.next(at, end, false);
            int row = (int) ((at - rowsAddress) / rowBytes);
            int last = (int) ((touchedEnd - rowsAddress + rowBytes - 1) / rowBytes);
            while (row < last) {
                int count = Math.min(STEP_BYTES / rowBytes, last - row);
                if (isRead(rowsAddress + (long) row * rowBytes, count * rowBytes)) {
                    for (int index = 0; index < count; index++) {
                        reader.read(index * rowBytes, row + index);
                    }
                } else {
                    missingBytes += (long) count * rowBytes;
                }
                row += count;
            }
            at = memory.next(touchedEnd, end, true);
        }
    }

    private void readHeaps(long root) throws IOException {
        readRows(root + RootRecord.HEAPS_OFFSET, HeapRecord.BYTES, RootRecord.MAX_HEAPS, (offset, row) -> {
            int heapId = table.getInt(offset + HeapRecord.ID);
            int nameBytes = table.getInt(offset + HeapRecord.NAME_BYTES);
            if (heapId > 0 && nameBytes >= 0 && nameBytes <= HeapRecord.MAX_NAME_BYTES) {
                heaps.put(
                        heapId,
                        new Heap(
                                heapId,
                                new String(bytes, offset + HeapRecord.NAME, nameBytes, StandardCharsets.UTF_8),
                                count(offset + HeapRecord.PURGED),
                                count(offset + HeapRecord.SAMPLING),
                                count(offset + HeapRecord.GUARDED_PAGES),
                                count(offset + HeapRecord.GUARDED_LIVE),
                                count(offset + HeapRecord.KEPT)));
            }
        });
    }

    private long count(int offset) {
        return Math.clamp(table.getLong(offset), 0, MAX_BYTES);
    }

    private void readHuge(long root, Mappings mappings) throws IOException {
        int rowBytes = RootRecord.HUGE_SLOT_BYTES;
        readRows(root + RootRecord.HUGE_OFFSET, rowBytes, RootRecord.HUGE_SLOTS, (offset, row) -> {
            long address = table.getLong(offset);
            long byteSize = table.getLong(offset + RootRecord.HUGE_BYTES_OFFSET);
            long heapId = table.getLong(offset + RootRecord.HUGE_HEAP_OFFSET);
            int index = isRange(address, byteSize) ? mappings.indexAt(address) : -1;
            if (index >= 0 && mappings.get(index).isWritable() && heapId == (int) heapId) {
                huge.put(address, new Huge(address, byteSize, (int) heapId));
            }
        });
    }

    private void readCaches(long root) throws IOException {
        readRows(
                root + RootRecord.CACHES_OFFSET,
                Integer.BYTES,
                RootRecord.MAX_CACHES,
                (offset, row) -> caches[row] = table.getInt(offset));
    }

    /// What it is written as, 0 where it is no root.
    int version() {
        return version;
    }

    /// Whether it can be read.
    boolean isKnown() {
        return version == RootRecord.VERSION;
    }

    /// Zones and reserves.
    List<Entry> entries() {
        return entries;
    }

    /// The open heaps, by their numbers.
    Map<Integer, Heap> heaps() {
        return heaps;
    }

    /// Huge blocks, in address order.
    Iterable<Huge> huge() {
        return huge.values();
    }

    /// How many heaps and huge blocks had no room in the tables, ever.
    long untold() {
        return untold;
    }

    /// How many bytes of the tables cannot be read.
    long missingBytes() {
        return missingBytes;
    }

    /// How many caches with memory a heap has.
    long cacheCount(int heapId) {
        long count = 0;
        for (int word : caches) {
            count += word >>> RootRecord.CACHE_HEAP_SHIFT == heapId ? 1 : 0;
        }
        return count;
    }

    /// Whether a thread has a cache.
    boolean isHeld(int cache) {
        return cache < caches.length && (caches[cache] & RootRecord.CACHE_IS_HELD) != 0;
    }
}
