package malloc4j;

import java.util.Arrays;
import malloc4j.internal.memory.StackProbe;
import org.jspecify.annotations.Nullable;

/// The blocks that an arena has, and gives back when it ends.
///
/// Concurrency: that of the arena; of an automatic one that nobody can reach any more the collector's thread alone.
final class ArenaBlockList {
    /// Added to a block's address here: the heap knows it as an arena's.
    static final long HELD = 1;

    private static final long[] NONE = {};

    final ArenaBlocks heap;

    @Nullable
    ArenaRecord record; // before the first allocation, if ever

    private final @Nullable AutomaticArenas automatic; // that count it, where it is one of them
    private long first; // most arenas have one
    private long[] others = NONE;
    private int otherCount;
    private long heldBytes; // what `automatic` was told

    ArenaBlockList(ArenaBlocks heap, @Nullable AutomaticArenas automatic) {
        this.heap = heap;
        this.automatic = automatic;
    }

    /// Adds one, of about `byteSize` bytes.
    void add(long block, long byteSize) {
        if (first == 0) {
            first = block;
        } else {
            if (otherCount == others.length) {
                others = Arrays.copyOf(others, Math.max(8, otherCount * 2));
            }
            others[otherCount++] = block;
        }
        if (automatic != null) {
            heldBytes += byteSize;
            automatic.hold(byteSize);
        }
    }

    /// Of the stack, what [#free()] takes.
    void requireStackToFree() {
        if (first == 0) {
            StackProbe.requireForCall();
        } else {
            StackProbe.requireForWhole();
        }
    }

    /// Gives them all back.
    void free() {
        if (record != null) {
            record.end();
        }
        if (first != 0) {
            free(first);
            first = 0;
        }
        if (otherCount > 0) {
            freeOthers();
        }
    }

    /// For the collector's thread: a heap that was closed before has taken them back.
    void freeUnlessClosed() {
        if (!heap.isClosed()) {
            free();
            if (automatic != null) {
                automatic.freed(heldBytes);
            }
        }
    }

    /// Gives one back that is in no list.
    void free(long block) {
        if ((block & HELD) == 0) {
            heap.free(block);
        } else {
            heap.freePages(block - HELD);
        }
    }

    private void freeOthers() {
        for (int index = 0; index < otherCount; index++) {
            free(others[index]);
        }
        otherCount = 0;
    }
}
