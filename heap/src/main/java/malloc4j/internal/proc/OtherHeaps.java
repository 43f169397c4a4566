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

/// Labels this library's memory in another process, by the [RootRecord] there: zones, and in them slabs, large blocks
/// and free pages of each heap, by its number; records. The names of heaps, and huge blocks, are known to that process
/// alone.
///
/// The process runs on while it is read. Whatever is found is checked before it counts; a chunk that makes no sense,
/// as one that becomes something else meanwhile, is free pages.
final class OtherHeaps {
    private static final String US = "malloc4j";
    private static final long MAX_BYTES = 1L << 46;

    private final ProcessMemory memory;
    private final Mappings mappings;
    private final Labels labels;
    private final int pageShift;

    private OtherHeaps(ProcessMemory memory, Mappings mappings, Labels labels, long pageBytes) {
        this.memory = memory;
        this.mappings = mappings;
        this.labels = labels;
        this.pageShift = Long.numberOfTrailingZeros(pageBytes);
    }

    /// Labels what the process's roots tell. Returns whether there is one.
    static boolean label(ProcessMemory memory, Mappings mappings, Labels labels, long pageBytes) {
        OtherHeaps heaps = new OtherHeaps(memory, mappings, labels, pageBytes);
        boolean found = false;
        for (MappedRange range : mappings) {
            if (range.path().equals(RootRecord.MAPPING)) { // one for each class loader that has the library
                try {
                    found |= heaps.labelRoot(range);
                } catch (IOException ending) {
                    return found;
                }
            }
        }
        return found;
    }

    private boolean labelRoot(MappedRange range) throws IOException {
        long root = range.address();
        if (memory.word(root) != RootRecord.MAGIC
                || memory.number(root + RootRecord.VERSION_OFFSET) != RootRecord.VERSION) {
            return false;
        }
        int count = Math.min(memory.number(root + RootRecord.COUNT_OFFSET), RootRecord.MAX_ENTRIES);
        for (int index = 0; index < count; index++) {
            long entry = root + RootRecord.ENTRIES_OFFSET + (long) index * RootRecord.ENTRY_BYTES;
            if (memory.word(entry) == RootRecord.ZONE) {
                labelZone(
                        memory.word(entry + RootRecord.ADDRESS_OFFSET),
                        memory.word(entry + RootRecord.BYTES_OFFSET),
                        memory.word(entry + RootRecord.RECORDS_OFFSET));
            }
        }
        for (int index = 0; index < count; index++) {
            long entry = root + RootRecord.ENTRIES_OFFSET + (long) index * RootRecord.ENTRY_BYTES;
            AreaKind kind = RootRecord.RESERVES.get(memory.word(entry));
            long address = memory.word(entry + RootRecord.ADDRESS_OFFSET);
            long bytes = memory.word(entry + RootRecord.BYTES_OFFSET);
            if (kind != null && isRange(address, bytes)) {
                labels.add(address, address + bytes, kind, US, "");
            }
        }
        labels.add(root, range.end(), AreaKind.RECORDS, US, "");
        return true;
    }

    private static boolean isRange(long address, long bytes) {
        return address > 0 && bytes > 0 && bytes <= MAX_BYTES && address + bytes > address;
    }

    private void labelZone(long base, long byteSize, long records) throws IOException {
        if (!isRange(base, byteSize) || records <= 0 || (base & (Zone.CHUNK_BYTES - 1)) != 0) {
            return;
        }
        for (MappedRange range : mappings) {
            long from = Math.max(base, range.address());
            long to = Math.min(base + byteSize, range.end());
            if (from < to && range.isWritable()) {
                for (long chunk = Bits.alignDown(from, Zone.CHUNK_BYTES); chunk < to; chunk += Zone.CHUNK_BYTES) {
                    long record = records + ((chunk - base) >>> Zone.CHUNK_SHIFT) * Zone.RECORD_BYTES;
                    labelChunk(chunk, record, base + byteSize);
                }
                labels.add(from, to, AreaKind.FREE_PAGES, US, "");
            }
        }
    }

    private void labelChunk(long chunk, long record, long limit) {
        try {
            int tag = memory.number(record + ChunkMap.TAG);
            String owner = "heap " + memory.number(record + ChunkMap.HEAP);
            int blockBytes = memory.number(record + Slab.BLOCK_BYTES);
            if (tag == ChunkMap.PAGES) {
                labelLargeBlocks(chunk, record, limit, owner);
            } else if (tag > 0 && blockBytes >= 16 && blockBytes <= Zone.CHUNK_BYTES) {
                labels.add(chunk, chunk + Zone.CHUNK_BYTES, AreaKind.SLAB, owner, blockBytes + "-byte blocks");
            }
        } catch (IOException notCommitted) {
            return; // it has no record yet: nothing has ever been in it
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
