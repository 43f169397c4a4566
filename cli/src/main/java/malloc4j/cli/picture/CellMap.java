package malloc4j.cli.picture;

import io.avaje.jsonb.Json;
import java.util.ArrayList;
import java.util.List;
import malloc4j.observe.ExtentSnapshot;
import malloc4j.observe.ExtentSnapshot.PageUse;
import malloc4j.observe.HeapSnapshot;

/// The extents of a heap as so many cells of about the same size, column by column: what a picture of them needs.
///
/// ```
///   byteSize[i]  ==  liveBytes[i] + freeBytes[i] + returnedBytes[i]      of cell i, at address[i]
/// ```
///
/// @param heapId of the heap
/// @param address of each cell's first byte
/// @param liveBytes in live blocks
/// @param freeBytes in no live block, but with memory
/// @param returnedBytes without memory: given back, or never used
/// @param blockBytes of the slab, where the cell is one; 0 where it is more or none
@Json
public record CellMap(
        int heapId,
        List<Long> address,
        List<Long> byteSize,
        List<Long> liveBytes,
        List<Long> freeBytes,
        List<Long> returnedBytes,
        List<Integer> blockBytes) {
    private static final int CHUNK_BYTES = 64 << 10;

    /// All extents of a heap.
    ///
    /// @param maxCells about how many there may be; one more for each extent
    public static CellMap of(HeapSnapshot snapshot, int maxCells) {
        return of(snapshot, 0, Long.MAX_VALUE, maxCells);
    }

    /// Those chunks of a heap that lie between two addresses.
    public static CellMap of(HeapSnapshot snapshot, long from, long to, int maxCells) {
        long chunks = 0;
        for (ExtentSnapshot extent : snapshot.extents()) {
            long begin = Math.max(from, extent.address());
            long end = Math.min(to, extent.address() + extent.byteSize());
            chunks += Math.max(0, end - begin) / CHUNK_BYTES;
        }
        int perCell = (int) Math.max(1, (chunks + maxCells - 1) / maxCells);
        Cells cells = new Cells(snapshot.heapId(), perCell);
        for (ExtentSnapshot extent : snapshot.extents()) {
            cells.add(extent, from, to);
        }
        return cells.map();
    }

    /// Fills the columns.
    private static final class Cells {
        private final int heapId;
        private final int chunksPerCell;
        private final List<Long> address = new ArrayList<>();
        private final List<Long> byteSize = new ArrayList<>();
        private final List<Long> liveBytes = new ArrayList<>();
        private final List<Long> freeBytes = new ArrayList<>();
        private final List<Long> returnedBytes = new ArrayList<>();
        private final List<Integer> blockBytes = new ArrayList<>();

        private int chunksInCell;
        private long cellAddress;
        private long live;
        private long free;
        private long returned;
        private int block;

        Cells(int heapId, int chunksPerCell) {
            this.heapId = heapId;
            this.chunksPerCell = chunksPerCell;
        }

        void add(ExtentSnapshot extent, long from, long to) {
            int pagesPerChunk = CHUNK_BYTES / extent.pageBytes();
            List<ExtentSnapshot.Slab> slabs = extent.slabs();
            int next = 0;
            for (int page = 0; page < extent.pageCount(); page += pagesPerChunk) {
                long chunk = extent.address() + (long) page * extent.pageBytes();
                ExtentSnapshot.Slab slab =
                        next < slabs.size() && slabs.get(next).address() == chunk ? slabs.get(next++) : null;
                if (chunk >= from && chunk < to) {
                    begin(chunk);
                    if (slab != null) {
                        addSlab(slab, extent.pageBytes());
                    } else {
                        addPages(extent, page, Math.min(extent.pageCount(), page + pagesPerChunk));
                    }
                }
            }
            end();
        }

        private void begin(long chunk) {
            if (chunksInCell == chunksPerCell) {
                end();
            }
            if (chunksInCell++ == 0) {
                cellAddress = chunk;
            }
        }

        private void addSlab(ExtentSnapshot.Slab slab, int pageBytes) {
            long alive = (long) slab.liveBlocks() * slab.blockBytes();
            long back = Math.clamp((long) Integer.bitCount(slab.purgedPages()) * pageBytes, 0, CHUNK_BYTES - alive);
            live += alive;
            returned += back;
            free += CHUNK_BYTES - alive - back;
            block = slab.blockBytes();
        }

        private void addPages(ExtentSnapshot extent, int from, int end) {
            for (int page = from; page < end; page++) {
                PageUse use = extent.pageUse(page);
                live += use == PageUse.LARGE ? extent.pageBytes() : 0;
                returned += use == PageUse.FREE ? extent.pageBytes() : 0;
                free += use == PageUse.LARGE || use == PageUse.FREE ? 0 : extent.pageBytes();
            }
        }

        private void end() {
            if (chunksInCell > 0) {
                address.add(cellAddress);
                byteSize.add(live + free + returned);
                liveBytes.add(live);
                freeBytes.add(free);
                returnedBytes.add(returned);
                blockBytes.add(chunksInCell == 1 ? block : 0);
            }
            chunksInCell = 0;
            live = 0;
            free = 0;
            returned = 0;
            block = 0;
        }

        CellMap map() {
            return new CellMap(heapId, address, byteSize, liveBytes, freeBytes, returnedBytes, blockBytes);
        }
    }
}
