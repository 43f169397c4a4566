package malloc4j.internal.proc;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import malloc4j.internal.cache.CacheRegistry;
import malloc4j.internal.region.ChunkMap;
import malloc4j.internal.region.RootRecord;
import malloc4j.internal.region.Zone;
import malloc4j.internal.slab.SizeClasses;
import malloc4j.internal.slab.Slab;
import malloc4j.internal.span.LargeBlock;
import malloc4j.observe.HeapBook;
import malloc4j.observe.HeapFootprint;
import malloc4j.observe.HeapSnapshot;
import malloc4j.observe.MappedRange;
import org.jspecify.annotations.Nullable;

/// Reads the heaps of another process from their books in its memory, or in its core: nobody there is asked, and
/// nothing there is changed.
///
/// ```
///   /memfd:malloc4j-root -> RootRecord -> heaps: names, counts        HeapRecord
///                                      -> huge blocks
///                                      -> caches: heap, held?
///                                      -> zones -> records, in address order, some hundred at a time
///        | extent's first record: pages, free, dirty | slab: bits | large blocks: entries | slab | ...
/// ```
///
/// The counts of an extent and what its chunks hold are put together as `SnapshotMaker` and `FootprintMaker` do in the
/// process itself, so that of one that stands still both tell the same.
///
/// The process may run on while it is read. Whatever is found is checked before it counts, and each page of an extent
/// is one thing at most, so that the sums hold; what makes no sense counts as changing hands. The work is bounded by
/// the records that were ever written.
final class BooksReader {
    private static final int STEP_RECORDS = 1 << 10;
    private static final int MAX_NOTED_VERSIONS = 8;
    private static final long ARENA_CHUNK_BYTES = 16 << 10; // ArenaChunks.CHUNK_BYTES, or a page where that is more

    private final ProcessMemory memory;
    private final Mappings mappings;
    private final int pageShift;
    private final int chunkPages;
    private final byte[] bytes = new byte[STEP_RECORDS * Zone.RECORD_BYTES];
    private final ByteBuffer records = ByteBuffer.wrap(bytes).order(ByteOrder.nativeOrder());

    private final List<Draft> all = new ArrayList<>();
    private final Set<Integer> otherVersions = new TreeSet<>();
    private int roots;
    private long missingBytes;
    private long untold;

    // of one root
    private Map<Integer, Draft> heaps = new TreeMap<>();

    @SuppressWarnings("NullAway.Init") // set by readRoot
    private RootTables tables;

    // of one zone, while its records go by
    private long zoneEnd;
    private @Nullable Draft owner; // of the extent that the records have come to
    private long extentEnd;
    private long pages;
    private long freePages;
    private long dirtyPages;
    private long usedPages;
    private long largeEnd; // what the large blocks so far go to

    /// Memory that may be resident.
    record Range(long address, long byteSize) {}

    /// A heap, and where its memory lies.
    record Found(HeapBook book, List<Range> ranges) {
        /// With what the kernel says of those ranges.
        HeapBook withResident(long residentBytes) {
            HeapFootprint footprint = book.footprint();
            return new HeapBook(
                    new HeapFootprint(
                            footprint.heapName(),
                            footprint.heapId(),
                            footprint.allocatedBytes(),
                            footprint.roundingBytes(),
                            footprint.cachedBytes(),
                            footprint.slabFreeBytes(),
                            footprint.quarantinedBytes(),
                            footprint.samplingBytes(),
                            footprint.movingBytes(),
                            footprint.dirtyBytes(),
                            footprint.metadataBytes(),
                            footprint.retainedBytes(),
                            residentBytes,
                            footprint.returnedBytes()),
                    book.sizeClasses(),
                    book.hugeBlocks(),
                    book.liveBlocks(),
                    book.arenaChunkBytes());
        }
    }

    /// What was read.
    ///
    /// @param roots how many copies of the library there are
    /// @param otherVersions of roots that cannot be read
    /// @param missingBytes of records that should be there and are not
    /// @param untold how many heaps and huge blocks had no room in the root, ever
    record Books(List<Found> heaps, int roots, Set<Integer> otherVersions, long missingBytes, long untold) {}

    /// A heap while it is added up.
    private final class Draft {
        final RootTables.Heap told;
        final long cacheCount;
        final long[] slabs = new long[SizeClasses.COUNT];
        final long[] live = new long[SizeClasses.COUNT];
        final List<HeapSnapshot.Block> huge = new ArrayList<>();
        final List<Range> ranges = new ArrayList<>();
        long cachedBytes;
        long slabFreeBytes;
        long returnedBytes;
        long largePages;
        long largeBlocks;
        long stockedPages;
        long dirty;
        long clean;
        long moving;
        long chunks;
        long arenaPages;

        Draft(RootTables.Heap told, long cacheCount) {
            this.told = told;
            this.cacheCount = cacheCount;
        }

        Found found() {
            List<HeapSnapshot.SizeClass> sizeClasses = new ArrayList<>();
            long liveBytes = 0;
            long liveBlocks = largeBlocks + huge.size();
            for (int sizeClass = 0; sizeClass < SizeClasses.COUNT; sizeClass++) {
                if (slabs[sizeClass] > 0) {
                    int blockBytes = SizeClasses.blockBytes(sizeClass);
                    long free = slabs[sizeClass] * SizeClasses.capacity(sizeClass) - live[sizeClass];
                    sizeClasses.add(new HeapSnapshot.SizeClass(blockBytes, slabs[sizeClass], live[sizeClass], free));
                    liveBytes += live[sizeClass] * blockBytes;
                    liveBlocks += live[sizeClass];
                }
            }
            liveBytes += (largePages << pageShift)
                    + huge.stream().mapToLong(HeapSnapshot.Block::byteSize).sum();
            long quarantined = Math.min(liveBytes, told.keptBytes());
            long excess = Math.min(liveBytes - quarantined, told.samplingBytes());
            long guarded = Math.min(told.guardedPageBytes(), told.guardedLiveBytes());
            HeapFootprint footprint = new HeapFootprint(
                    told.name(),
                    told.heapId(),
                    liveBytes - quarantined - excess + guarded,
                    -1,
                    cachedBytes + (stockedPages << pageShift),
                    slabFreeBytes,
                    quarantined,
                    excess + told.guardedPageBytes() - guarded,
                    moving << pageShift,
                    dirty << pageShift,
                    chunks * (Zone.RECORD_BYTES + ChunkMap.ENTRY_BYTES) + cacheCount * CacheRegistry.CACHE_BYTES,
                    (clean << pageShift) + returnedBytes,
                    -1,
                    told.purgedBytes());
            long arenaBytes = Math.min(footprint.allocatedBytes(), arenaPages << pageShift);
            return new Found(new HeapBook(footprint, sizeClasses, huge, liveBlocks, arenaBytes), ranges);
        }
    }

    private BooksReader(ProcessMemory memory, Mappings mappings, long pageBytes) {
        this.memory = memory;
        this.mappings = mappings;
        this.pageShift = Long.numberOfTrailingZeros(pageBytes);
        this.chunkPages = Zone.CHUNK_BYTES >>> pageShift;
    }

    /// Reads every heap of every copy of the library that the mappings show.
    static Books read(ProcessMemory memory, Mappings mappings, long pageBytes) throws IOException {
        BooksReader reader = new BooksReader(memory, mappings, pageBytes);
        for (MappedRange range : mappings) {
            if (range.path().equals(RootRecord.MAPPING)) {
                reader.roots++;
                reader.readRoot(range);
            }
        }
        return new Books(
                reader.all.stream().map(Draft::found).toList(),
                reader.roots,
                reader.otherVersions,
                reader.missingBytes,
                reader.untold);
    }

    private void readRoot(MappedRange range) throws IOException {
        tables = RootTables.read(memory, mappings, range);
        missingBytes += tables.missingBytes();
        untold += tables.untold();
        if (!tables.isKnown()) {
            if (tables.version() != 0 && otherVersions.size() < MAX_NOTED_VERSIONS) {
                otherVersions.add(tables.version());
            }
            return;
        }
        heaps = new TreeMap<>();
        tables.heaps().forEach((heapId, told) -> heaps.put(heapId, new Draft(told, tables.cacheCount(heapId))));
        for (RootTables.Huge block : tables.huge()) {
            Draft heap = heaps.get(block.heapId());
            if (heap != null && ((block.address() | block.byteSize()) & ((1L << pageShift) - 1)) == 0) {
                heap.huge.add(new HeapSnapshot.Block(block.address(), block.byteSize()));
                heap.ranges.add(new Range(block.address(), block.byteSize()));
            }
        }
        for (RootTables.Entry entry : tables.entries()) {
            if (entry.kind() == RootRecord.ZONE) {
                readZone(entry.address(), entry.byteSize(), entry.records());
            }
        }
        all.addAll(heaps.values());
    }

    private boolean isRead(long address, int length) throws IOException {
        try {
            memory.read(address, bytes, length);
            return true;
        } catch (EOFException unreadable) {
            return false;
        }
    }

    // The records of a zone.

    private void readZone(long base, long byteSize, long recordsBase) throws IOException {
        long recordBytes = byteSize / Zone.CHUNK_BYTES * Zone.RECORD_BYTES;
        boolean isSound = RootTables.isRange(base, byteSize)
                && RootTables.isRange(recordsBase, recordBytes)
                && (base & (Zone.GRANULE_BYTES - 1)) == 0
                && ((recordsBase & ((1L << pageShift) - 1)) == 0);
        if (!isSound) {
            return;
        }
        zoneEnd = base + byteSize;
        owner = null;
        largeEnd = base;
        long nextRecord = 0; // records that mappings share are read once
        long end = recordsBase + recordBytes;
        for (MappedRange range : mappings) {
            long from = Math.max(recordsBase, range.address());
            long to = Math.min(end, range.end());
            if (from >= to || range.address() < 0 || !range.isWritable()) {
                continue;
            }
            long at = memory.next(from, to, true);
            while (at < to) {
                long touchedEnd = memory.next(at, to, false);
                long first = Math.max(nextRecord, (at - recordsBase) / Zone.RECORD_BYTES);
                long last = (touchedEnd - recordsBase + Zone.RECORD_BYTES - 1) / Zone.RECORD_BYTES;
                readRecords(base, recordsBase, first, Math.min(last, (to - recordsBase) / Zone.RECORD_BYTES));
                nextRecord = Math.max(nextRecord, last);
                at = memory.next(touchedEnd, to, true);
            }
        }
        endExtent();
    }

    private void readRecords(long base, long recordsBase, long first, long last) throws IOException {
        long next = first;
        int step = STEP_RECORDS;
        while (next < last) {
            int count = (int) Math.min(step, last - next);
            if (isRead(recordsBase + next * Zone.RECORD_BYTES, count * Zone.RECORD_BYTES)) {
                for (int index = 0; index < count; index++) {
                    readRecord(base + ((next + index) << Zone.CHUNK_SHIFT), index * Zone.RECORD_BYTES);
                }
                next += count;
            } else if (count > 1) {
                step = count / 2; // up to where it ends
            } else {
                missingBytes += (last - next) * Zone.RECORD_BYTES;
                return;
            }
        }
    }

    private void readRecord(long chunk, int record) {
        int extentPages = records.getInt(record + ChunkMap.EXTENT_PAGES);
        if (extentPages > 0 && (chunk & (Zone.GRANULE_BYTES - 1)) == 0) {
            beginExtent(chunk, extentPages, record);
        }
        Draft heap = owner;
        if (heap == null || chunk >= extentEnd || chunk + Zone.CHUNK_BYTES <= largeEnd) {
            return;
        }
        int tag = records.getInt(record + ChunkMap.TAG);
        if (tag == 0 || records.getInt(record + ChunkMap.HEAP) != heap.told.heapId()) {
            return;
        }
        if (tag == ChunkMap.PAGES) {
            readLargeBlocks(heap, chunk, record);
        } else if (tag > 0 && largeEnd <= chunk) {
            readSlab(heap, record, tag);
        }
    }

    private void beginExtent(long chunk, int extentPages, int record) {
        endExtent();
        long end = chunk + ((long) extentPages << pageShift);
        Draft heap = heaps.get(records.getInt(record + ChunkMap.HEAP));
        if (heap == null || end > zoneEnd || (end & (Zone.GRANULE_BYTES - 1)) != 0) {
            return;
        }
        owner = heap;
        extentEnd = end;
        largeEnd = chunk;
        pages = extentPages;
        freePages = Math.clamp(records.getInt(record + ChunkMap.FREE_PAGES), 0, extentPages);
        dirtyPages = Math.clamp(records.getInt(record + ChunkMap.DIRTY_PAGES), 0, (int) freePages);
        usedPages = 0;
        heap.chunks += extentPages / chunkPages;
        heap.ranges.add(new Range(chunk, end - chunk));
    }

    private void endExtent() {
        Draft heap = owner;
        if (heap != null) {
            long free = Math.min(freePages, pages - usedPages);
            long dirty = Math.min(dirtyPages, free);
            heap.dirty += dirty;
            heap.clean += free - dirty;
            heap.moving += pages - usedPages - free;
        }
        owner = null;
    }

    private void readSlab(Draft heap, int record, int tag) {
        int blockBytes = records.getInt(record + Slab.BLOCK_BYTES);
        int sizeClass = blockBytes > 0 && blockBytes <= SizeClasses.MAX_SMALL_BYTES ? SizeClasses.of(blockBytes) : 0;
        if (SizeClasses.blockBytes(sizeClass) != blockBytes) {
            return;
        }
        int capacity = SizeClasses.capacity(sizeClass);
        int free = 0;
        for (int first = 0; first < capacity; first += Long.SIZE) {
            int pair = record + ChunkMap.BODY + (first >>> 2); // 16 bytes for 64 blocks
            long bits = records.getLong(pair) | records.getLong(pair + Slab.REMOTE);
            long mask = capacity - first >= Long.SIZE ? -1L : (1L << (capacity - first)) - 1;
            free += Long.bitCount(bits & mask);
        }
        heap.slabs[sizeClass]++;
        heap.live[sizeClass] += capacity - free;
        usedPages += chunkPages;
        long notLive = Zone.CHUNK_BYTES - (long) (capacity - free) * blockBytes;
        int purged = records.getInt(record + Slab.UNCHARGED_PAGES) & ((1 << chunkPages) - 1);
        long returned = Math.min(notLive, (long) Integer.bitCount(purged) << pageShift);
        long withMemory = notLive - returned;
        long tail = Math.min(withMemory, Zone.CHUNK_BYTES % blockBytes);
        boolean isHeld = tables.isHeld(tag);
        heap.returnedBytes += returned;
        heap.slabFreeBytes += isHeld ? tail : withMemory;
        heap.cachedBytes += isHeld ? withMemory - tail : 0;
    }

    private void readLargeBlocks(Draft heap, long chunk, int record) {
        for (int page = 0; page < chunkPages; page++) {
            int entry = record + ChunkMap.BODY + page * (int) LargeBlock.ENTRY_BYTES;
            long word = records.getLong(entry);
            long mark = records.getLong(entry + LargeBlock.MARK);
            int count = LargeBlock.pages(word);
            long block = chunk + ((long) page << pageShift);
            long end = Math.min(extentEnd, block + ((long) count << pageShift));
            if (count == 0 || block < largeEnd || end <= block) {
                continue; // or it was read when the one before it was another
            }
            long there = (end - block) >>> pageShift;
            boolean isLive = LargeBlock.isLiveWith(word, mark);
            usedPages += there;
            heap.largePages += isLive ? there : 0;
            heap.largeBlocks += isLive ? 1 : 0;
            heap.stockedPages += isLive ? 0 : there;
            boolean isChunk = isLive && LargeBlock.isHeldMark(mark) && (there << pageShift) == arenaChunkBytes();
            heap.arenaPages += isChunk ? there : 0;
            largeEnd = end;
        }
    }

    private long arenaChunkBytes() {
        return Math.max(ARENA_CHUNK_BYTES, 1L << pageShift);
    }
}
