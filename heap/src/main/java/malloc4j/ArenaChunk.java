package malloc4j;

import org.jspecify.annotations.Nullable;

/// A block that one thread's confined arenas fill from its start, one arena after the other.
///
/// Concurrency: `owner` changes under the lock of [ArenaChunks]; a thread puts itself there, and while it lives nobody
/// else removes it: so a thread that reads itself there, without the lock, is right. `busy` is the owner's.
final class ArenaChunk {
    /// A chunk that is nobody's.
    static final ArenaChunk NONE = new ArenaChunk(1, 0); // above the limit: not even no bytes fit

    final long begin;
    final long limit;

    @Nullable
    Thread owner;

    boolean busy; // an arena is open on it

    ArenaChunk(long begin, long limit) {
        this.begin = begin;
        this.limit = limit;
    }

    /// Makes it ready for the next arena. By the owner; of [#NONE] by anybody.
    void release() {
        if (busy) { // NONE is not, and is not written to by all threads
            busy = false;
        }
    }

    /// Whether a thread that has not ended has it.
    boolean isOwned() {
        Thread thread = owner;
        return thread != null && thread.isAlive();
    }
}
