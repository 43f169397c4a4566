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
/// @since 0.1.0
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
        /// Bytes beside the block, between which and its neighbours nobody may write, were written to.
        DAMAGED,
        /// The block was free, and was written to.
        WRITTEN_AFTER_FREE,
        /// A segment that is no native memory.
        JAVA_HEAP
    }

    /// A block of the heap.
    ///
    /// @param address where it begins
    /// @param byteSize how many bytes of it may be used
    /// @param isLive whether it is allocated
    /// @param allocated who has allocated it, where it is a sample or guarded; else null
    /// @param freed who has freed it, where it was guarded; else null
    public record Block(
            long address,
            long byteSize,
            boolean isLive,
            @Nullable Call allocated,
            @Nullable Call freed) implements Serializable {
        /// A block of which nobody knows where it comes from.
        public Block(long address, long byteSize, boolean isLive) {
            this(address, byteSize, isLive, null, null);
        }

        @Override
        public String toString() {
            return "Block[" + Sizes.range(address, address + byteSize) + " " + Sizes.text(byteSize)
                    + (isLive ? ", live]" : ", free]");
        }

        /// Who has allocated it.
        public Optional<Call> allocatedIfKnown() {
            return Optional.ofNullable(allocated);
        }

        /// Who has freed it.
        public Optional<Call> freedIfKnown() {
            return Optional.ofNullable(freed);
        }

        /// Who has allocated it and who has freed it, each on lines of its own; empty where nobody knows.
        public String calls() {
            return (allocated == null ? "" : "\n    allocated " + allocated)
                    + (freed == null ? "" : "\n    freed " + freed);
        }

        private String json() {
            JsonText json = new JsonText().number("address", address).number("byteSize", byteSize);
            json.text("state", isLive ? "live" : "free");
            if (allocated != null) {
                json.object("allocated", allocated.json());
            }
            if (freed != null) {
                json.object("freed", freed.json());
            }
            return json.toString();
        }

        private String inMessage() {
            return byteSize + " bytes at " + Sizes.hex(address);
        }
    }

    /// A call that has allocated or freed a block.
    ///
    /// @param thread its name
    /// @param ageNanos how long before the report
    /// @param stack innermost frame first, without those of this library
    public record Call(String thread, long ageNanos, List<StackTraceElement> stack) implements Serializable {
        /// A call whose frames nobody can change.
        public Call {
            stack = List.copyOf(stack);
        }

        private String json() {
            List<String> frames = stack.stream()
                    .map(AllocationSite::text)
                    .map(JsonText::quoted)
                    .toList();
            return new JsonText()
                    .text("thread", thread)
                    .number("ageNanos", ageNanos)
                    .array("stack", frames)
                    .toString();
        }

        /// Such as "by thread 'main' 1.234 s before", and the frames, each on a line.
        @Override
        public String toString() {
            StringJoiner text = new StringJoiner("\n        at ");
            text.add("by thread '" + thread + "' " + Sizes.seconds(ageNanos) + " before");
            stack.forEach(frame -> text.add(AllocationSite.text(frame)));
            return text.toString();
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

    /// All of it: the message of the exception. One line, and where it is known by whom the block was allocated and
    /// freed, their stacks below.
    public String message() {
        StringJoiner nearest = new StringJoiner(" and ", "; nearest live blocks: ", "").setEmptyValue("");
        neighbours.forEach(each -> nearest.add(each.inMessage()));
        return call + "(" + Sizes.hex(address) + ") of " + allocator + ": " + text + nearest
                + (block == null ? "" : block.calls());
    }

    /// All of it as one JSON object: numbers as numbers, the address as text too, stacks as arrays of
    /// `Class.method(File.java:LINE)`, innermost first.
    public String json() {
        JsonText json = new JsonText();
        json.text("call", call).number("address", address).text("addressText", Sizes.hex(address));
        json.text("allocator", allocator).text("finding", finding.name()).text("text", text);
        if (block != null) {
            json.object("block", block.json());
        }
        return json.array("neighbours", neighbours.stream().map(Block::json).toList())
                .toString();
    }

    @Override
    public String toString() {
        return "MisuseReport[" + finding + ", " + message() + "]";
    }
}
