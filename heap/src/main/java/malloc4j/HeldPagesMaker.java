package malloc4j;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import malloc4j.internal.region.PageGeometry;
import malloc4j.internal.region.Zone;
import malloc4j.internal.sample.Sampler;
import malloc4j.internal.slab.HeapWalk;
import malloc4j.internal.slab.Slab;
import malloc4j.internal.span.Spans;
import malloc4j.observe.HeldPages;
import org.jspecify.annotations.Nullable;

/// Makes one [HeldPages]: finds the nearly empty slabs by a [HeapWalk], then asks the [Sampler] for samples that lie in
/// them. Without a lock over the walk: threads may allocate and free meanwhile, and what has become another slab's is
/// left out.
final class HeldPagesMaker {
    private static final int MIN_SHARE = 4; // pages hold at least so many times the bytes of their blocks

    private final int heapId;
    private final Map<Long, Sparse> slabs = new HashMap<>(); // by the address of the chunk
    private final Map<List<StackTraceElement>, Sum> sites = new HashMap<>();

    HeldPagesMaker(Spans spans, int heapId) {
        this.heapId = heapId;
        HeapWalk walk = new HeapWalk(spans);
        while (walk.next()) {
            if (walk.chunk().isSlab() && walk.chunk().heapId() == heapId) {
                Sparse slab = read(walk.chunk().record(), walk.chunk().blockBytes());
                if (slab != null) {
                    slabs.put(walk.address(), slab);
                }
            }
        }
    }

    /// A nearly empty slab.
    private static final class Sparse {
        final long record;
        final int blockBytes;
        final int[] blocksByPage = new int[PageGeometry.PAGES_PER_CHUNK];
        final List<HeldPages.Holder> holders = new ArrayList<>();
        int liveBlocks;

        Sparse(long record, int blockBytes) {
            this.record = record;
            this.blockBytes = blockBytes;
        }

        void add(long address) {
            liveBlocks++;
            int pages = Slab.pagesOf(record, address);
            for (int page = 0; page < blocksByPage.length; page++) {
                blocksByPage[page] += pages >>> page & 1;
            }
        }

        long heldBytes() {
            long pages = 0;
            for (int blocks : blocksByPage) {
                pages += Math.min(blocks, 1);
            }
            return pages << PageGeometry.PAGE_SHIFT;
        }

        /// A block's part of the pages that it touches.
        double heldBytes(long address) {
            double bytes = 0;
            int pages = Slab.pagesOf(record, address);
            for (int page = 0; page < blocksByPage.length; page++) {
                if ((pages >>> page & 1) != 0) {
                    bytes += (double) PageGeometry.PAGE_BYTES / Math.max(1, blocksByPage[page]);
                }
            }
            return bytes;
        }
    }

    /// What a site's samples add up to.
    private static final class Sum {
        double blocks;
        double liveBytes;
        double heldBytes;
        long oldestNanos;
    }

    /// The slab if it is nearly empty, else null.
    private static @Nullable Sparse read(long record, int blockBytes) {
        Sparse slab = new Sparse(record, blockBytes);
        long base = Slab.base(record);
        int capacity = Zone.CHUNK_BYTES / blockBytes;
        for (int index = 0; index < capacity; index++) {
            if (Slab.isLive(record, index)) {
                slab.add(base + (long) index * blockBytes);
            }
        }
        boolean isSparse = slab.liveBlocks > 0 && (long) slab.liveBlocks * blockBytes * MIN_SHARE <= slab.heldBytes();
        return isSparse ? slab : null;
    }

    HeldPages make(String heapName, Sampler sampler) {
        sampler.forEachInBlocks(this::add);
        List<HeldPages.Slab> all = new ArrayList<>();
        slabs.forEach((address, slab) ->
                all.add(new HeldPages.Slab(address, slab.blockBytes, slab.liveBlocks, slab.heldBytes(), slab.holders)));
        List<HeldPages.Site> bySite = new ArrayList<>();
        sites.forEach((stack, sum) -> bySite.add(new HeldPages.Site(
                stack, Math.round(sum.blocks), Math.round(sum.liveBytes), Math.round(sum.heldBytes), sum.oldestNanos)));
        return new HeldPages(heapName, all, bySite);
    }

    private void add(Sampler.InBlock sample) {
        Sparse slab = slabs.get(sample.blockAddress() & -(long) Zone.CHUNK_BYTES);
        if (slab == null || Slab.heapId(slab.record) != heapId) {
            return;
        }
        double held = slab.heldBytes(sample.blockAddress());
        slab.holders.add(new HeldPages.Holder(
                sample.address(), sample.byteSize(), Math.round(held), sample.ageNanos(), sample.stack()));
        Sum sum = sites.computeIfAbsent(sample.stack(), stack -> new Sum());
        sum.blocks += sample.weight();
        sum.liveBytes += sample.weight() * sample.byteSize();
        sum.heldBytes += sample.weight() * held;
        sum.oldestNanos = Math.max(sum.oldestNanos, sample.ageNanos());
    }
}
