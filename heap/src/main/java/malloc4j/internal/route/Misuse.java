package malloc4j.internal.route;

import java.util.List;
import malloc4j.internal.sample.Sampler;
import malloc4j.observe.MisuseReport.Block;
import malloc4j.observe.MisuseReport.Finding;
import org.jspecify.annotations.Nullable;

/// What is at an address at which no live block of a heap begins: see [malloc4j.observe.MisuseReport].
///
/// @param block the block that begins there or that it lies inside, null for none
/// @param neighbours the nearest live blocks
public record Misuse(Finding finding, String text, @Nullable Block block, List<Block> neighbours) {
    static Misuse of(Finding finding, String text) {
        return new Misuse(finding, text, null, List.of());
    }

    /// What is at an address of which a sampler knows something.
    public static Misuse of(Sampler.Known known, long address) {
        Block block = known.block();
        if (known.damagedAddress() != 0 && address == block.address()) {
            return damaged(known);
        }
        if (address == block.address()) {
            String text = "double free: the block of " + block.byteSize() + " bytes is free";
            return new Misuse(Finding.FREE_BLOCK, text, block, List.of());
        }
        return known.offset() == 0
                ? inside(address, block, List.of())
                : new Misuse(
                        Finding.NO_BLOCK,
                        "no block is here: it lies beside the one of " + block.byteSize() + " bytes",
                        block,
                        List.of());
    }

    /// What was written to that nobody may write to: beside a block, or in one that was free.
    public static Misuse damaged(Sampler.Known known) {
        Block block = known.block();
        long offset = known.damagedAddress() - block.address();
        String of = " of " + block.byteSize() + " bytes was written to";
        if (offset >= 0 && offset < block.byteSize()) {
            String text = "write after free: the byte " + offset + " of the block" + of + " after the block was freed";
            return new Misuse(Finding.WRITTEN_AFTER_FREE, text, block, List.of());
        }
        String where = offset < 0
                ? "underflow: the byte " + -offset + " before the block"
                : "overflow: the byte " + (offset - block.byteSize() + 1) + " past the end of the block";
        String state = block.isLive() ? "live, and as it was" : "free now";
        return new Misuse(Finding.DAMAGED, where + of + "; the block is " + state, block, List.of());
    }

    static Misuse inside(long address, Block block, List<Block> neighbours) {
        String text = "interior address: " + (address - block.address()) + " bytes inside the block of "
                + block.byteSize() + " bytes at 0x" + Long.toHexString(block.address());
        return new Misuse(Finding.INTERIOR, text + (block.isLive() ? "" : ", which is free"), block, neighbours);
    }
}
