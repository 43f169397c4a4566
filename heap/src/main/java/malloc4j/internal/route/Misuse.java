package malloc4j.internal.route;

import java.util.List;
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

    static Misuse inside(long address, Block block, List<Block> neighbours) {
        String text = "interior address: " + (address - block.address()) + " bytes inside the block of "
                + block.byteSize() + " bytes at 0x" + Long.toHexString(block.address());
        return new Misuse(Finding.INTERIOR, text + (block.isLive() ? "" : ", which is free"), block, neighbours);
    }
}
