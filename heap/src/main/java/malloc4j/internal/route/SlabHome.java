package malloc4j.internal.route;

import java.util.ArrayList;
import java.util.List;
import malloc4j.internal.cache.CacheRegistry;
import malloc4j.internal.cache.ThreadCache;
import malloc4j.internal.slab.SizeClasses;
import malloc4j.internal.slab.Slab;
import malloc4j.observe.MisuseReport.Block;
import malloc4j.observe.MisuseReport.Finding;

/// The home of blocks up to 32 KiB: slabs, by the caches of threads.
final class SlabHome extends Home {
    private final CacheRegistry caches;

    SlabHome(CacheRegistry caches) {
        this.caches = caches;
    }

    @Override
    boolean serves(long byteSize, long byteAlignment) {
        return SizeClasses.ofAligned(byteSize, byteAlignment) >= 0;
    }

    @Override
    long allocate(long byteSize, long byteAlignment) {
        int sizeClass = SizeClasses.ofAligned(byteSize, byteAlignment);
        ThreadCache cache = caches.current();
        return cache != null ? cache.allocateBlock(sizeClass) : caches.allocateBlock(sizeClass);
    }

    /// As [#allocate], a block that is no sample.
    long allocateUnsampled(long byteSize, long byteAlignment) {
        return caches.allocateUnsampled(SizeClasses.ofAligned(byteSize, byteAlignment));
    }

    @Override
    boolean isZeroed(long address) {
        return false;
    }

    @Override
    long byteSize(long record, long address) {
        long reciprocal = Slab.reciprocal(record);
        long product = Slab.product(address, reciprocal);
        boolean live = caches.has(Slab.tag(record))
                && Slab.isBlock(product, reciprocal)
                && Slab.isLive(record, Slab.index(product));
        return live ? Slab.blockBytes(record) : 0;
    }

    @Override
    long free(long record, long address) {
        int tag = Slab.tag(record);
        if (!caches.has(tag)) {
            return 0;
        }
        ThreadCache cache = caches.currentToFree();
        boolean freed;
        if (cache != null && cache.tag() == tag) {
            freed = cache.freeBlock(record, address);
        } else {
            int sizeClass = Slab.sizeClass(record); // after the free it may be another slab's
            freed = CacheRegistry.freeRemote(record, address);
            if (freed) {
                caches.noteFreedRemote(cache, sizeClass);
            }
        }
        return freed ? 1 : 0;
    }

    /// What fits stays, while it uses half of the block or there is no smaller class for it.
    @Override
    boolean keeps(long usable, long byteSize) {
        return byteSize <= usable
                && (byteSize >= usable >>> 1 || SizeClasses.blockBytes(SizeClasses.of(byteSize)) == usable);
    }

    @Override
    long resize(long record, long address, long byteSize, boolean mayMove) {
        return byteSize <= Slab.blockBytes(record) ? address : 0;
    }

    @Override
    Misuse explain(long record, long address) {
        if (!caches.has(Slab.tag(record))) {
            return Misuse.of(Finding.OTHER_HEAP, "block of another heap");
        }
        long reciprocal = Slab.reciprocal(record);
        long product = Slab.product(address, reciprocal);
        int index = Slab.index(product);
        int blockBytes = Slab.blockBytes(record);
        if (index >= Slab.capacity(record)) {
            return new Misuse(
                    Finding.NO_BLOCK,
                    "no block is here: the address lies behind the last block of its slab",
                    null,
                    near(record, index));
        }
        if (!Slab.isBlock(product, reciprocal)) {
            return Misuse.inside(address, block(record, index), near(record, index));
        }
        return new Misuse(
                Finding.FREE_BLOCK,
                "double free: the block of " + blockBytes + " bytes is free already, or was never given out",
                block(record, index),
                near(record, index));
    }

    private static Block block(long record, int index) {
        int blockBytes = Slab.blockBytes(record);
        return new Block(Slab.base(record) + (long) index * blockBytes, blockBytes, Slab.isLive(record, index));
    }

    /// The nearest live blocks of a slab beside a block.
    private static List<Block> near(long record, int index) {
        List<Block> near = new ArrayList<>();
        for (int step = -1; step <= 1; step += 2) {
            int at = Math.min(index, Slab.capacity(record)) + step;
            while (at >= 0 && at < Slab.capacity(record) && !Slab.isLive(record, at)) {
                at += step;
            }
            if (at >= 0 && at < Slab.capacity(record)) {
                near.add(block(record, at));
            }
        }
        return near;
    }
}
