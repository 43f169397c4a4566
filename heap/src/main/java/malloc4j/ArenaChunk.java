package malloc4j;

import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/// A block that one thread's confined arenas fill from its start, one arena after the other; and how many arenas are
/// open on it.
///
/// Concurrency: `owner` changes under the lock of [ArenaChunks]; a thread puts itself there, and while it lives nobody
/// else removes it: so a thread that reads itself there, without the lock, is right. `open` is the owner's; who closes
/// the heap reads it too.
final class ArenaChunk {
    /// A chunk that is nobody's.
    static final ArenaChunk NONE = new ArenaChunk(null);

    final long begin;
    final long limit;

    /// For arenas that are open while another one has the memory: only counts them. Itself for one without memory.
    final ArenaChunk beside;

    @Nullable
    Thread owner;

    int open; // at most 1 where there is memory
    private final @Nullable LongAdder shared; // counts in place of `open`

    ArenaChunk(long begin, long limit) {
        this.begin = begin;
        this.limit = limit;
        this.beside = new ArenaChunk(null);
        this.shared = null;
    }

    /// One without memory: not even no bytes fit.
    ///
    /// @param shared counts the arenas of many threads, null for those of one
    ArenaChunk(@Nullable LongAdder shared) {
        this.begin = 1;
        this.limit = 0;
        this.beside = this;
        this.shared = shared;
    }

    /// Notes that an arena is open on it.
    ArenaChunk enter() {
        if (shared == null) {
            open++;
        } else {
            shared.increment();
        }
        return this;
    }

    /// Notes that the arena is closed.
    void release() {
        if (shared == null) {
            open--;
        } else {
            shared.decrement();
        }
    }

    /// Whether a thread that has not ended has it.
    boolean isOwned() {
        Thread thread = owner;
        return thread != null && thread.isAlive();
    }

    /// How many arenas of a thread that has not ended are open here. Those of ended ones nobody can reach.
    int openCount() {
        return isOwned() ? open + beside.open : 0;
    }
}
