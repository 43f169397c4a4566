package malloc4j;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import malloc4j.internal.cache.CacheRegistry;
import malloc4j.internal.memory.Bits;
import malloc4j.internal.region.HugeBlocks;
import malloc4j.internal.region.PageGeometry;
import malloc4j.internal.region.Zone;
import malloc4j.internal.slab.ChunkReader;
import malloc4j.internal.slab.HeapWalk;
import malloc4j.internal.slab.SizeClasses;
import malloc4j.internal.slab.Slab;
import malloc4j.internal.span.ExtentPages;
import malloc4j.internal.span.Spans;
import malloc4j.observe.ExtentSnapshot;
import malloc4j.observe.HeapSnapshot;
import org.jspecify.annotations.Nullable;

/// Makes one [HeapSnapshot]: copies which pages of each extent are free, under a lock of [Spans] for that moment,
/// then goes over the chunks by a [HeapWalk], without a lock.
///
/// What the pages say decides: a slab counts when all its pages are taken, of a large block the pages that are. So
/// every page is exactly one thing, whatever threads do meanwhile, and the parts add up.
final class SnapshotMaker {
    private static final int CHUNK_PAGES = PageGeometry.PAGES_PER_CHUNK;

    private final int heapId;
    private final HeapWalk walk;
    private final List<ExtentPages> pages = new ArrayList<>();
    private final List<ExtentSnapshot> extents = new ArrayList<>();
    private final long[] slabsByClass = new long[SizeClasses.COUNT];
    private final long[] liveByClass = new long[SizeClasses.COUNT];
    private long[] slabsByCache = new long[64];
    private long[] liveByCache = new long[64];
    private long tailBytes;
    private long slabPages;
    private long largePages;
    private long stockedPages;
    private long dirtyPages;
    private long freePages;
    private long allPages;

    SnapshotMaker(Spans spans, int heapId) {
        this.heapId = heapId;
        this.walk = new HeapWalk(spans);
        for (ExtentPages next = spans.pagesFrom(0); next != null; next = spans.pagesFrom(end(next))) {
            pages.add(next);
        }
        boolean more = walk.next();
        for (ExtentPages extent : pages) {
            while (more && walk.address() < extent.address()) {
                more = walk.next();
            }
            more = readExtent(extent, more);
        }
    }

    private static long end(ExtentPages extent) {
        return extent.address() + ((long) extent.pageCount() << PageGeometry.PAGE_SHIFT);
    }

    private boolean readExtent(ExtentPages extent, boolean isAtChunk) {
        long[] free = extent.free();
        long[] dirty = extent.dirty();
        long[] chunks = new long[(extent.pageCount() + CHUNK_PAGES - 1) / CHUNK_PAGES];
        long[] large = new long[16];
        int largeCount = 0;
        boolean more = isAtChunk;
        for (; more && walk.address() < end(extent); more = walk.next()) {
            ChunkReader chunk = walk.chunk();
            int page = (int) ((walk.address() - extent.address()) >>> PageGeometry.PAGE_SHIFT);
            if (chunk.heapId() != heapId) {
                continue;
            }
            if (chunk.isSlab() && Bits.count(free, page, page + CHUNK_PAGES) == 0) {
                chunks[page / CHUNK_PAGES] = readSlab(chunk);
            } else if (chunk.holdsPages()) {
                for (int index = 0; index < CHUNK_PAGES; index++) {
                    int count = Math.min(chunk.pageCount(index), extent.pageCount() - page - index);
                    if (count > 0) {
                        if (largeCount > 0) {
                            large[largeCount - 1] = cut(large[largeCount - 1], page + index);
                        }
                        large = largeCount == large.length ? Arrays.copyOf(large, 2 * largeCount) : large;
                        large[largeCount++] = ExtentSnapshot.large(page + index, count, !chunk.isLive(index));
                    }
                }
            }
        }
        addExtent(extent, free, dirty, chunks, Arrays.copyOf(large, largeCount));
        return more;
    }

    private long readSlab(ChunkReader chunk) {
        int sizeClass = SizeClasses.of(chunk.blockBytes());
        int live = chunk.liveCount();
        slabsByClass[sizeClass]++;
        liveByClass[sizeClass] += live;
        tailBytes += Zone.CHUNK_BYTES % chunk.blockBytes();
        if (chunk.cache() >= slabsByCache.length) {
            slabsByCache = Arrays.copyOf(slabsByCache, 2 * chunk.cache());
            liveByCache = Arrays.copyOf(liveByCache, 2 * chunk.cache());
        }
        slabsByCache[chunk.cache()]++;
        liveByCache[chunk.cache()] += (long) live * chunk.blockBytes();
        slabPages += CHUNK_PAGES;
        return ExtentSnapshot.slab(chunk.blockBytes(), live, chunk.cache(), Slab.unchargedPages(chunk.record()));
    }

    private void addExtent(ExtentPages extent, long[] free, long[] dirty, long[] chunks, long[] large) {
        allPages += extent.pageCount();
        int isFree = Bits.count(free, 0, extent.pageCount());
        int isDirty = Bits.count(dirty, 0, extent.pageCount());
        freePages += isFree - isDirty;
        dirtyPages += isDirty;
        extents.add(new ExtentSnapshot(
                extent.address(),
                (int) PageGeometry.PAGE_BYTES,
                extent.pageCount(),
                CHUNK_PAGES,
                free,
                dirty,
                chunks,
                large));
        for (long block : large) {
            int from = (int) (block >>> Integer.SIZE);
            int end = from + ((int) block & Integer.MAX_VALUE);
            boolean isStocked = (int) block < 0;
            while (from < end) {
                int to = Math.min(end, (from / CHUNK_PAGES + 1) * CHUNK_PAGES);
                int count = chunks[from / CHUNK_PAGES] != 0 ? 0 : to - from - Bits.count(free, from, to);
                largePages += isStocked ? 0 : count;
                stockedPages += isStocked ? count : 0;
                from = to;
            }
        }
    }

    /// A large block without what lies at or after `page`, where another one begins: they were read at different
    /// moments.
    private static long cut(long block, int page) {
        int from = (int) (block >>> Integer.SIZE);
        return ExtentSnapshot.large(from, Math.min((int) block & Integer.MAX_VALUE, page - from), (int) block < 0);
    }

    HeapSnapshot make(
            String name,
            CacheRegistry registry,
            HugeBlocks huge,
            HeapSnapshot.Arenas arenas,
            Map<String, Long> openOnIt,
            List<HeapSnapshot.Budget> budgets) {
        List<HeapSnapshot.SizeClass> sizeClasses = new ArrayList<>();
        long liveBytes = 0;
        for (int sizeClass = 0; sizeClass < SizeClasses.COUNT; sizeClass++) {
            long slabs = slabsByClass[sizeClass];
            if (slabs > 0) {
                long live = liveByClass[sizeClass];
                int blockBytes = SizeClasses.blockBytes(sizeClass);
                long free = slabs * SizeClasses.capacity(sizeClass) - live;
                sizeClasses.add(new HeapSnapshot.SizeClass(blockBytes, slabs, live, free));
                liveBytes += live * blockBytes;
            }
        }
        List<HeapSnapshot.Cache> caches = new ArrayList<>();
        registry.forEachCache((number, thread) -> {
            boolean known = number < slabsByCache.length;
            long slabs = known ? slabsByCache[number] : 0;
            if (slabs > 0 || thread != null) {
                caches.add(new HeapSnapshot.Cache(number, nameOf(thread), slabs, known ? liveByCache[number] : 0));
            }
        });
        List<HeapSnapshot.Block> blocks = new ArrayList<>();
        huge.forEachBlock((address, byteSize) -> blocks.add(new HeapSnapshot.Block(address, byteSize)));
        blocks.sort((left, right) -> Long.compareUnsigned(left.address(), right.address()));
        long hugeBytes = blocks.stream().mapToLong(HeapSnapshot.Block::byteSize).sum();
        long otherPages = allPages - freePages - dirtyPages - slabPages - largePages - stockedPages;
        HeapSnapshot.Parts parts = new HeapSnapshot.Parts(
                liveBytes,
                (slabPages << PageGeometry.PAGE_SHIFT) - liveBytes - tailBytes,
                tailBytes,
                largePages << PageGeometry.PAGE_SHIFT,
                stockedPages << PageGeometry.PAGE_SHIFT,
                dirtyPages << PageGeometry.PAGE_SHIFT,
                freePages << PageGeometry.PAGE_SHIFT,
                otherPages << PageGeometry.PAGE_SHIFT,
                hugeBytes);
        return new HeapSnapshot(name, heapId, extents, sizeClasses, caches, blocks, arenas, openOnIt, budgets, parts);
    }

    private static String nameOf(@Nullable Thread thread) {
        return thread == null ? "" : thread.getName();
    }
}
