package malloc4j.internal.slab;

import java.util.concurrent.atomic.AtomicLongArray;
import malloc4j.internal.os.Errno;
import malloc4j.internal.region.ChunkMap;
import malloc4j.internal.region.PageGeometry;
import malloc4j.internal.region.Zone;
import malloc4j.internal.span.Spans;
import malloc4j.observe.Probe;

/// The slabs of one heap: a span becomes one, and when all its blocks are free it becomes a span again.
///
/// Concurrency: none of its own; [Spans] has its lock, and the caller owns the slab in question.
public final class Slabs {
    private final Spans spans;
    private final int heapId;
    private final AtomicLongArray made = new AtomicLongArray(SizeClasses.COUNT);
    private final AtomicLongArray retired = new AtomicLongArray(SizeClasses.COUNT);
    private final AtomicLongArray twiceFreed = new AtomicLongArray(SizeClasses.COUNT);

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
        int pages = PageGeometry.PAGES_PER_CHUNK;
        long span = spans.allocateSpan(pages, pages, mayGrow);
        if (Errno.isError(span)) {
            return span;
        }
        long slab = ChunkMap.record(span);
        Slab.format(slab, span, sizeClass, tag, heapId);
        if (Spans.isZeroed(span)) {
            Slab.putCleanPages(slab, Slab.ALL_PAGES);
        }
        made.getAndIncrement(sizeClass);
        spans.events().note(Probe.Kind.SLAB_MADE, span, Zone.CHUNK_BYTES, SizeClasses.blockBytes(sizeClass));
        return slab;
    }

    /// Makes an empty slab that is in no list and no queue a free span.
    public void freeSlab(long slab) {
        long base = Slab.base(slab);
        int uncharged = Slab.unchargedPages(slab);
        retired.getAndIncrement(Slab.sizeClass(slab));
        spans.events().note(Probe.Kind.SLAB_RETIRED, base, Zone.CHUNK_BYTES, Slab.blockBytes(slab));
        Slab.retire(slab);
        spans.freeChunk(base, uncharged);
    }

    /// How many slabs of a size class were made, ever.
    public long madeCount(int sizeClass) {
        return made.get(sizeClass);
    }

    /// How many slabs of a size class became free spans, ever.
    public long retiredCount(int sizeClass) {
        return retired.get(sizeClass);
    }

    /// Notes blocks that were freed by their owner and by another thread at the same moment, and counted twice.
    public void noteTwiceFreed(int sizeClass, int count) {
        if (count != 0) {
            twiceFreed.getAndAdd(sizeClass, count);
        }
    }

    /// How many blocks of a size class were so, ever.
    public long twiceFreedCount(int sizeClass) {
        return twiceFreed.get(sizeClass);
    }

    /// Makes the pages of a word of a leased slab ready to be used: those that went back to the kernel are charged
    /// again. Returns false, and has done nothing, when the budget refuses. By the owner.
    public boolean useWord(long slab, int word) {
        int pages = Slab.pagesOfWord(slab, word);
        int clean = Slab.cleanPages(slab);
        if ((clean & pages) == 0) {
            return true;
        }
        int uncharged = Slab.unchargedPages(slab);
        if ((uncharged & pages) != 0) {
            if (!spans.chargeSlabPages(Integer.bitCount(uncharged & pages))) {
                return false;
            }
            Slab.putUnchargedPages(slab, uncharged & ~pages);
        }
        Slab.putCleanPages(slab, clean & ~pages);
        return true;
    }

    /// Notes that pages of a slab that is not leased went back to the kernel: no limit counts them any more. Under the
    /// lock of the owning cache. Returns how many bytes of them were in use before.
    public long notePurged(long slab, int pages) {
        int clean = Slab.cleanPages(slab);
        int uncharged = Slab.unchargedPages(slab);
        spans.dischargeSlabPages(Integer.bitCount(pages & ~uncharged));
        Slab.putUnchargedPages(slab, uncharged | pages);
        Slab.putCleanPages(slab, clean | pages);
        return (long) Integer.bitCount(pages & ~clean) << PageGeometry.PAGE_SHIFT;
    }
}
