package malloc4j.internal.slab;

import malloc4j.internal.memory.Bits;
import malloc4j.internal.region.ChunkMap;
import malloc4j.internal.region.PageGeometry;
import malloc4j.internal.region.Zone;
import malloc4j.internal.span.Spans;

/// The walk over the chunks of one heap, in address order: the one way to look at all that a heap has.
///
/// ```
///   extent      | slab | slab | large block . . . . . . | slab | never used |   next extent
///   shown          1      2     3: one step                4                       5 ...
/// ```
///
/// It makes no object and takes locks of [Spans] for a moment in each extent. Where extents may be released
/// meanwhile, what it shows may be another heap's: then the caller compares [ChunkReader#heapId].
public final class HeapWalk {
    private final Spans spans;
    private final ChunkReader chunk = new ChunkReader();
    private long address;
    private long next;
    private long end;

    public HeapWalk(Spans spans) {
        this.spans = spans;
    }

    /// Goes on where this walk has stopped, some time after: the extent may be gone.
    public void resume() {
        end = next;
    }

    /// Begins anew.
    public void restart() {
        next = 0;
        end = 0;
    }

    /// Moves on to the next chunk. Returns false at the end; then it begins anew.
    public boolean next() {
        while (next >= end) {
            next = spans.usedFrom(next);
            if (next == 0) {
                end = 0;
                return false;
            }
            end = spans.usedEnd(next);
        }
        address = next;
        chunk.read(ChunkMap.record(address));
        next = chunk.holdsPages() ? afterLarge() : address + Zone.CHUNK_BYTES;
        return true;
    }

    /// The first chunk after this one that no large block which begins here covers.
    private long afterLarge() {
        long after = address + Zone.CHUNK_BYTES;
        for (int page = 0; page < PageGeometry.PAGES_PER_CHUNK; page++) {
            long start = address + ((long) page << PageGeometry.PAGE_SHIFT);
            after = Math.max(after, start + ((long) chunk.pageCount(page) << PageGeometry.PAGE_SHIFT));
        }
        return Bits.alignDown(after, Zone.CHUNK_BYTES);
    }

    /// The address of the chunk.
    public long address() {
        return address;
    }

    /// What it holds.
    public ChunkReader chunk() {
        return chunk;
    }
}
