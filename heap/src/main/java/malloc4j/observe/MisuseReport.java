package malloc4j.observe;

import java.io.Serializable;
import java.util.List;
import java.util.Optional;
import java.util.StringJoiner;
import malloc4j.internal.memory.Sizes;
import org.jspecify.annotations.Nullable;

/// A call that was refused, because no live block that it may have begins at its address; and what is there instead.
/// Nothing has changed by it.
///
/// ```
///   free(0x7f0dc2d86030) of heap 'cache': interior address: 16 bytes inside the block of 32 bytes at 0x7f0dc2d86020;
///   call address            allocator     text                                        block
///     nearest live blocks: 32 bytes at 0x7f0dc2d86000 and 32 bytes at 0x7f0dc2d86040
///                          neighbours
/// ```
///
/// It is what was seen when the call was refused: other threads may have allocated and freed since, also while it was
/// made.
///
/// @param call the method, such as `free`
/// @param address what it was given
/// @param allocator what was called: `heap 'cache'`, or a pool as it prints itself
/// @param finding what is wrong, in one word
/// @param text the same in a sentence
/// @param block the block that begins at the address or that it lies inside, null where there is none
/// @param neighbours the nearest live blocks below and above the address: in the slab, or for what is in no slab those
///     large blocks of the extent that begin up to 4,096 pages away; none beside huge blocks and foreign memory
public record MisuseReport(
        String call,
        long address,
        String allocator,
        Finding finding,
        String text,
        @Nullable Block block,
        List<Block> neighbours)
        implements Serializable {
    /// What is wrong with an address.
    public enum Finding {
        /// A block begins there, and is free: freed before, or never given out.
        FREE_BLOCK,
        /// It lies inside a block.
        INTERIOR,
        /// The heap has the memory, and no block is there.
        NO_BLOCK,
        /// The block is live and belongs to an arena, pool, region or stack, which frees it.
        OWNED,
        /// The memory is another heap's.
        OTHER_HEAP,
        /// The memory is no heap's; or it was a huge block's, which has gone.
        FOREIGN,
        /// The heap, or the pool, is closed.
        CLOSED,
        /// A segment that is no native memory.
        JAVA_HEAP
    }

    /// A block of the heap.
    ///
    /// @param address where it begins
    /// @param byteSize how many bytes of it may be used
    /// @param isLive whether it is allocated
    public record Block(long address, long byteSize, boolean isLive) implements Serializable {
        @Override
        public String toString() {
            return "Block[" + Sizes.range(address, address + byteSize) + " " + Sizes.text(byteSize)
                    + (isLive ? ", live]" : ", free]");
        }

        private String inMessage() {
            return byteSize + " bytes at " + Sizes.hex(address);
        }
    }

    /// A report whose lists nobody can change.
    public MisuseReport {
        neighbours = List.copyOf(neighbours);
    }

    /// The block that begins at the address or that it lies inside.
    public Optional<Block> blockIfAny() {
        return Optional.ofNullable(block);
    }

    /// All of it in one line: the message of the exception.
    public String message() {
        StringJoiner nearest = new StringJoiner(" and ", "; nearest live blocks: ", "").setEmptyValue("");
        neighbours.forEach(each -> nearest.add(each.inMessage()));
        return call + "(" + Sizes.hex(address) + ") of " + allocator + ": " + text + nearest;
    }

    @Override
    public String toString() {
        return "MisuseReport[" + finding + ", " + message() + "]";
    }
}
