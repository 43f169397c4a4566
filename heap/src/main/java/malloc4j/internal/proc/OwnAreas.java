package malloc4j.internal.proc;

import java.util.HashMap;
import java.util.Map;
import malloc4j.internal.region.BreakClaims;
import malloc4j.internal.region.Ground;
import malloc4j.internal.region.OwnMemory.HeapMemory;
import malloc4j.internal.region.OwnMemory.Reserve;
import malloc4j.internal.region.PageGeometry;
import malloc4j.internal.region.Zone;
import malloc4j.internal.slab.ChunkReader;
import malloc4j.observe.AreaKind;

/// Labels this library's own memory in this process: zones, and in them the slabs, blocks and free pages of each
/// heap; huge blocks; records.
///
/// Reads records while other threads change them ([ChunkReader]): a chunk that becomes something else meanwhile is told
/// as free pages.
final class OwnAreas {
    private static final String US = "malloc4j";

    private final Labels labels;
    private final Map<Integer, String> heapNames = new HashMap<>();
    private final ChunkReader reader = new ChunkReader();
    private long nextFree;

    private OwnAreas(Labels labels) {
        this.labels = labels;
    }

    static void label(Labels labels) {
        if (Ground.process().memory().zones().isEmpty()) {
            return; // and ChunkMap is not asked, which would make one
        }
        OwnAreas areas = new OwnAreas(labels);
        for (HeapMemory heap : Ground.process().memory().heaps()) {
            areas.heapNames.put(heap.heapId(), "heap " + heap.name() + " (" + heap.heapId() + ")");
        }
        Ground.process().memory().zones().forEach(areas::labelZone);
        for (HeapMemory heap : Ground.process().memory().heaps()) {
            areas.labelHeap(heap);
        }
        areas.labelReserves();
    }

    private String owner(int heapId) {
        return heapNames.getOrDefault(heapId, US);
    }

    // What chunks hold.

    private void labelZone(Zone zone) {
        nextFree = zone.base();
        zone.forEachFreeRange((free, bytes) -> {
            labelChunks(zone, nextFree, free);
            nextFree = free + bytes;
        });
        labelChunks(zone, nextFree, zone.base() + zone.recordedBytes());
    }

    private void labelChunks(Zone zone, long from, long to) {
        long end = Math.min(to, zone.base() + zone.recordedBytes());
        for (long chunk = from; chunk < end; chunk += Zone.CHUNK_BYTES) {
            reader.read(zone.record(chunk));
            if (reader.holdsPages()) {
                labelLargeBlocks(chunk, end, owner(reader.heapId()));
            } else if (reader.isSlab()) {
                String detail = reader.blockBytes() + "-byte blocks";
                labels.add(chunk, chunk + Zone.CHUNK_BYTES, AreaKind.SLAB, owner(reader.heapId()), detail);
            }
        }
    }

    private void labelLargeBlocks(long chunk, long limit, String owner) {
        for (int page = 0; page < PageGeometry.PAGES_PER_CHUNK; page++) {
            long block = chunk + ((long) page << PageGeometry.PAGE_SHIFT);
            long pages = reader.isLive(page) ? reader.pageCount(page) : 0;
            long end = block + (pages << PageGeometry.PAGE_SHIFT);
            labels.add(block, Math.min(end, limit), AreaKind.LARGE_BLOCK, owner, "");
        }
    }

    // What else heaps have: huge blocks, and the pages of their extents that are in no block.

    private void labelHeap(HeapMemory heap) {
        String owner = owner(heap.heapId());
        heap.huge().accept((address, bytes) -> labels.add(address, address + bytes, AreaKind.HUGE_BLOCK, owner, ""));
        heap.extents().accept((address, bytes) -> labels.add(address, address + bytes, AreaKind.FREE_PAGES, owner, ""));
    }

    // What no heap has.

    private void labelReserves() {
        for (Reserve reserve : Ground.process().memory().reserves()) {
            labels.add(reserve.address(), reserve.address() + reserve.byteSize(), reserve.kind(), US, "");
        }
        Ground.process().claims().forEachClaim((claim, bytes) -> {
            labels.add(claim, claim + bytes, AreaKind.ZONE_RESERVE, US, "of the program break");
            labels.add(claim - BreakClaims.MOAT_BYTES, claim, AreaKind.MOAT, US, "of the program break");
        });
    }
}
