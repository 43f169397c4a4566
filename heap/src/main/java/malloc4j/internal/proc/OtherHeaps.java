package malloc4j.internal.proc;

import java.io.IOException;
import malloc4j.internal.memory.Bits;
import malloc4j.internal.region.ChunkMap;
import malloc4j.internal.region.RootRecord;
import malloc4j.internal.region.Zone;
import malloc4j.internal.slab.Slab;
import malloc4j.internal.span.LargeBlock;
import malloc4j.observe.AreaKind;
import malloc4j.observe.MappedRange;

/// Labels this library's memory in another process, or in a core, by the [RootTables] there: zones, and in them slabs,
/// large blocks and free pages of each heap; huge blocks; records.
///
/// The process runs on while it is read. Whatever is found is checked before it counts; a chunk that makes no sense,
/// as one that becomes something else meanwhile, is free pages.
final class OtherHeaps {
    private static final String US = "malloc4j";

    private final ProcessMemory memory;
    private final Mappings mappings;
    private final Labels labels;
    private final int pageShift;
    private boolean isWhole = true;

    private OtherHeaps(ProcessMemory memory, Mappings mappings, Labels labels, long pageBytes) {
        this.memory = memory;
        this.mappings = mappings;
        this.labels = labels;
        this.pageShift = Long.numberOfTrailingZeros(pageBytes);
    }

    /// Labels what the process's roots tell. Returns whether that is all.
    static boolean label(ProcessMemory memory, Mappings mappings, Labels labels, long pageBytes) {
        OtherHeaps heaps = new OtherHeaps(memory, mappings, labels, pageBytes);
        for (MappedRange range : mappings) {
            if (range.path().equals(RootRecord.MAPPING)) { // one for each class loader that has the library
                try {
                    heaps.labelRoot(range);
                } catch (IOException ending) {
                    return false;
                }
            }
        }
        return heaps.isWhole;
    }

    private void labelRoot(MappedRange range) throws IOException {
        RootTables tables = RootTables.read(memory, mappings, range);
        isWhole &= tables.isKnown() && tables.untold() == 0 && tables.missingBytes() == 0;
        if (!tables.isKnown()) {
            return;
        }
        for (RootTables.Entry entry : tables.entries()) {
            if (entry.kind() == RootRecord.ZONE) {
                labelZone(tables, entry.address(), entry.byteSize(), entry.records());
            }
        }
        for (RootTables.Huge block : tables.huge()) {
            long end = block.address() + block.byteSize();
            labels.add(block.address(), end, AreaKind.HUGE_BLOCK, owner(tables, block.heapId()), "");
        }
        for (RootTables.Entry entry : tables.entries()) {
            AreaKind kind = RootRecord.RESERVES.get(entry.kind());
            if (kind != null && RootTables.isRange(entry.address(), entry.byteSize())) {
                labels.add(entry.address(), entry.address() + entry.byteSize(), kind, US, "");
            }
        }
        labels.add(range.address(), range.end(), AreaKind.RECORDS, US, "");
    }

    /// As the process itself says it; of a heap that has just come, or goes, by its number alone.
    private static String owner(RootTables tables, int heapId) {
        RootTables.Heap heap = tables.heaps().get(heapId);
        return "heap " + (heap == null ? heapId : heap.name() + " (" + heapId + ")");
    }

    private void labelZone(RootTables tables, long base, long byteSize, long records) throws IOException {
        if (!RootTables.isRange(base, byteSize) || records <= 0 || (base & (Zone.CHUNK_BYTES - 1)) != 0) {
            return;
        }
        for (MappedRange range : mappings) {
            long from = Math.max(base, range.address());
            long to = Math.min(base + byteSize, range.end());
            if (from < to && range.isWritable()) {
                labelChunks(tables, base, records, Bits.alignDown(from, Zone.CHUNK_BYTES), to, base + byteSize);
                labels.add(from, to, AreaKind.FREE_PAGES, US, "");
            }
        }
    }

    /// Up to the first without a record: nothing has ever been in it, nor in those behind it.
    private void labelChunks(RootTables tables, long base, long records, long from, long to, long limit) {
        try {
            for (long chunk = from; chunk < to; chunk += Zone.CHUNK_BYTES) {
                long record = records + ((chunk - base) >>> Zone.CHUNK_SHIFT) * Zone.RECORD_BYTES;
                labelChunk(tables, chunk, record, limit);
            }
        } catch (IOException notCommitted) {
            return;
        }
    }

    private void labelChunk(RootTables tables, long chunk, long record, long limit) throws IOException {
        int tag = memory.number(record + ChunkMap.TAG);
        String owner = owner(tables, memory.number(record + ChunkMap.HEAP));
        int blockBytes = memory.number(record + Slab.BLOCK_BYTES);
        if (tag == ChunkMap.PAGES) {
            labelLargeBlocks(chunk, record, limit, owner);
        } else if (tag > 0 && blockBytes >= 16 && blockBytes <= Zone.CHUNK_BYTES) {
            labels.add(chunk, chunk + Zone.CHUNK_BYTES, AreaKind.SLAB, owner, blockBytes + "-byte blocks");
        }
    }

    private void labelLargeBlocks(long chunk, long record, long limit, String owner) throws IOException {
        int pages = Zone.CHUNK_BYTES >>> pageShift;
        for (int page = 0; page < pages; page++) {
            long count = LargeBlock.livePages(memory.number(record + ChunkMap.BODY + page * LargeBlock.ENTRY_BYTES));
            long block = chunk + ((long) page << pageShift);
            if (count > 0) {
                labels.add(block, Math.min(limit, block + (count << pageShift)), AreaKind.LARGE_BLOCK, owner, "");
            }
        }
    }
}
