package malloc4j.internal.route;

import java.util.ArrayList;
import java.util.List;
import malloc4j.internal.cache.CacheRegistry;
import malloc4j.internal.memory.Bits;
import malloc4j.internal.os.Errno;
import malloc4j.internal.region.ChunkMap;
import malloc4j.internal.region.PageGeometry;
import malloc4j.internal.slab.SizeClasses;
import malloc4j.internal.slab.Slab;
import malloc4j.internal.span.LargeBlock;
import malloc4j.internal.span.Spans;
import malloc4j.observe.MisuseReport.Block;
import malloc4j.observe.MisuseReport.Finding;

/// The home of blocks between slabs and mappings of their own: spans of whole pages.
final class LargeHome extends Home {
    /// What no zone has in one piece, 2^40 bytes: the pages of all that is less are counted by an `int`.
    private static final long MAX_BYTES = 1L << 40;

    private static final int NEAR_PAGES = 4_096; // microseconds

    private final CacheRegistry caches;
    private final Spans spans;
    private final HugeHome huge;
    private final int heapId;

    LargeHome(CacheRegistry caches, Spans spans, HugeHome huge, int heapId) {
        this.caches = caches;
        this.spans = spans;
        this.huge = huge;
        this.heapId = heapId;
    }

    @Override
    boolean serves(long byteSize, long byteAlignment) {
        return !huge.serves(byteSize, byteAlignment);
    }

    @Override
    long allocate(long byteSize, long byteAlignment) {
        return Math.max(byteSize, byteAlignment) > MAX_BYTES
                ? -Errno.EOVERFLOW
                : caches.allocateLarge(pageCount(byteSize), pageCount(byteAlignment));
    }

    @Override
    long allocateOwned(long byteSize, long byteAlignment) {
        return Math.max(byteSize, byteAlignment) > MAX_BYTES
                ? -Errno.EOVERFLOW
                : caches.allocateUnownedLarge(pageCount(byteSize), pageCount(byteAlignment));
    }

    @Override
    boolean isZeroed(long address) {
        return Spans.isZeroed(address);
    }

    /// The pages of up to [#MAX_BYTES], at least one.
    private static int pageCount(long byteSize) {
        return (int) Math.max(1, Bits.alignUp(byteSize, PageGeometry.PAGE_BYTES) >>> PageGeometry.PAGE_SHIFT);
    }

    /// The bytes of the pages of a request.
    static long pageBytes(long byteSize) {
        return Math.max(1, Bits.alignUp(byteSize, PageGeometry.PAGE_BYTES));
    }

    private boolean has(long record) {
        return Slab.tag(record) == ChunkMap.PAGES && Slab.heapId(record) == heapId;
    }

    @Override
    long byteSize(long record, long address) {
        return has(record) ? Spans.byteSize(address) : 0;
    }

    @Override
    long free(long record, long address) {
        return has(record) && caches.freeLarge(address) ? 1 : 0;
    }

    @Override
    boolean keeps(long usable, long byteSize) {
        return byteSize > SizeClasses.MAX_SMALL_BYTES && serves(byteSize, SizeClasses.QUANTUM_BYTES);
    }

    @Override
    long resize(long record, long address, long byteSize, boolean mayMove) {
        return byteSize <= MAX_BYTES && caches.resizeLarge(address, pageCount(byteSize)) ? address : 0;
    }

    @Override
    Misuse explain(long record, long address) {
        if (Slab.tag(record) == ChunkMap.PAGES && !has(record)) {
            return Misuse.of(Finding.OTHER_HEAP, "block of another heap");
        }
        long entry = LargeBlock.entryOrZero(address);
        if (entry != 0 && LargeBlock.isHeld(entry)) {
            return Misuse.of(Finding.OWNED, "the block belongs to " + Route.ARENA.one());
        }
        long around = spans.blockAround(address);
        if (around == 0) {
            return new Misuse(
                    Finding.NO_BLOCK, "no block is here: freed already, or never given out", null, near(address));
        }
        return LargeBlock.isHeld(LargeBlock.entry(around))
                ? Misuse.of(Finding.INTERIOR, "interior address: inside a block that belongs to " + Route.ARENA.one())
                : Misuse.inside(address, new Block(around, Spans.byteSize(around), true), near(around));
    }

    /// The live blocks that begin on the pages nearest, up to [#NEAR_PAGES] away.
    ///
    /// @param from a block's begin, or an address in no block
    private List<Block> near(long from) {
        List<Block> near = new ArrayList<>();
        for (int step = -1; step <= 1; step += 2) {
            long block = spans.blockNear(from, step, NEAR_PAGES);
            if (block != 0) {
                near.add(new Block(block, Spans.byteSize(block), true));
            }
        }
        return near;
    }
}
