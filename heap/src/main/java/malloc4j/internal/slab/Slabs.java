package malloc4j.internal.slab;

import malloc4j.internal.os.Errno;
import malloc4j.internal.region.PageMap;
import malloc4j.internal.span.Spans;

/// The slabs of one heap: a span becomes one, and when all its blocks are free it becomes a span again.
///
/// Concurrency: none of its own; [Spans] has its lock, and the caller owns the slab in question.
public final class Slabs {
    private final Spans spans;
    private final int heapId;

    public Slabs(Spans spans, int heapId) {
        this.spans = spans;
        this.heapId = heapId;
    }

    /// The number of the heap.
    public int heapId() {
        return heapId;
    }

    /// Makes a slab for the cache with number `tag`, leased. Returns its record, or minus errno as
    /// [Spans#allocateSpan].
    public long allocateSlab(int sizeClass, int tag, boolean mayGrow) {
        int pages = PageMap.PAGES_PER_CHUNK;
        long span = spans.allocateSpan(pages, pages, mayGrow);
        if (Errno.isError(span)) {
            return span;
        }
        long base = span & ~Spans.ZEROED;
        long slab = PageMap.record(base);
        Slab.format(slab, base, sizeClass, tag, heapId);
        return slab;
    }

    /// Makes an empty slab that is in no list and no queue a free span.
    public void freeSlab(long slab) {
        long base = Slab.base(slab);
        Slab.retire(slab);
        spans.freeSpan(base, PageMap.PAGES_PER_CHUNK);
    }
}
