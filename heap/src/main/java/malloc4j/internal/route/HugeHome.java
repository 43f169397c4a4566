package malloc4j.internal.route;

import java.util.List;
import malloc4j.internal.region.HugeBlocks;
import malloc4j.internal.slab.SizeClasses;
import malloc4j.observe.MisuseReport.Block;
import malloc4j.observe.MisuseReport.Finding;

/// The home of blocks that are mappings of their own, from a threshold on; and of every address that is in no chunk of
/// ours, which it refuses.
final class HugeHome extends Home {
    static final long MAX_SPAN_ALIGNMENT = 1L << 25; // above, here: an extent would be as large as that

    private final HugeBlocks blocks;
    private volatile long threshold;

    /// @param threshold from which size on, in bytes; `Long.MAX_VALUE` for never
    HugeHome(HugeBlocks blocks, long threshold) {
        this.blocks = blocks;
        this.threshold = threshold;
    }

    long threshold() {
        return threshold;
    }

    void threshold(long byteSize) {
        threshold = byteSize;
    }

    @Override
    boolean serves(long byteSize, long byteAlignment) {
        long from = threshold;
        return byteSize >= from || (byteAlignment > MAX_SPAN_ALIGNMENT && from < Long.MAX_VALUE);
    }

    @Override
    long allocate(long byteSize, long byteAlignment) {
        return blocks.allocateBlock(Math.max(1, byteSize), byteAlignment);
    }

    /// By the kernel, each.
    @Override
    boolean isZeroed(long address) {
        return true;
    }

    @Override
    long byteSize(long record, long address) {
        return blocks.byteSize(address);
    }

    @Override
    long free(long record, long address) {
        return blocks.freeBlock(address);
    }

    @Override
    boolean keeps(long usable, long byteSize) {
        return byteSize > SizeClasses.MAX_SMALL_BYTES && byteSize >= threshold >>> 1;
    }

    @Override
    long resize(long record, long address, long byteSize, boolean mayMove) {
        return blocks.resizeBlock(address, Math.max(1, byteSize), mayMove);
    }

    @Override
    Misuse explain(long record, long address) {
        long around = blocks.blockAround(address);
        if (around != 0) {
            return Misuse.inside(address, new Block(around, blocks.byteSize(around), true), List.of());
        }
        return Misuse.of(
                Finding.FOREIGN,
                "foreign address: this heap never gave it out, or the block was unmapped when it was freed");
    }
}
