package malloc4j;

import malloc4j.internal.cache.CacheRegistry;
import malloc4j.internal.region.HugeBlocks;
import malloc4j.internal.region.PageMap;
import malloc4j.internal.slab.Slab;
import malloc4j.internal.span.Spans;

/// Says what is wrong with an address that was given for a block.
final class Misuse {
    private Misuse() {}

    /// The exception for `call` at `address`, which is not a live block of the heap with these parts.
    static BlockMisuseException of(
            String call,
            long address,
            String heapName,
            CacheRegistry caches,
            Spans spans,
            HugeBlocks huge,
            int heapId) {
        return new BlockMisuseException(
                address,
                call + "(0x" + Long.toHexString(address) + ") of heap '" + heapName + "': "
                        + describe(address, caches, spans, huge, heapId));
    }

    private static String describe(long address, CacheRegistry caches, Spans spans, HugeBlocks huge, int heapId) {
        long record = PageMap.record(address);
        if (record == 0) {
            long around = huge.blockAround(address);
            return around == 0
                    ? "foreign address: this heap never gave it out, or the block was unmapped when it was freed"
                    : inside(address, around, huge.byteSize(around));
        }
        int tag = Slab.tag(record);
        if (tag > 0) {
            return CacheRegistry.owner(tag) == caches ? describeInSlab(address, record) : "block of another heap";
        }
        if (tag == PageMap.PAGES && Slab.heapId(record) != heapId) {
            return "block of another heap";
        }
        long around = spans.blockAround(address);
        return around == 0
                ? "no block is here: freed already, or never given out"
                : inside(address, around, spans.byteSize(around));
    }

    private static String describeInSlab(long address, long slab) {
        long reciprocal = Slab.reciprocal(slab);
        long product = Slab.product(address, reciprocal);
        int index = Slab.index(product);
        int blockBytes = Slab.blockBytes(slab);
        if (index >= Slab.capacity(slab)) {
            return "no block is here: the address lies behind the last block of its slab";
        }
        long block = Slab.base(slab) + (long) index * blockBytes;
        if (!Slab.isBlock(product, reciprocal)) {
            return inside(address, block, blockBytes) + (Slab.isLive(slab, index) ? "" : ", which is free");
        }
        return "double free: the block of " + blockBytes + " bytes is free already, or was never given out";
    }

    private static String inside(long address, long block, long byteSize) {
        return "interior address: " + (address - block) + " bytes inside the block of " + byteSize + " bytes at 0x"
                + Long.toHexString(block);
    }
}
