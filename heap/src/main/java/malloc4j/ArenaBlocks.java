package malloc4j;

import java.lang.foreign.Arena;
import java.util.concurrent.atomic.LongAdder;
import malloc4j.internal.route.Tenants;

/// A heap as its arenas see it: where their blocks come from and go to. It knows of no arena.
///
/// Concurrency: any thread at any time.
abstract class ArenaBlocks {
    /// A block of the heap, which any free of the heap frees too.
    ///
    /// @throws OutOfNativeMemoryError if the heap has no room for it
    abstract long malloc(long byteSize, long byteAlignment);

    /// Frees a block of [#malloc].
    abstract void free(long address);

    /// Pages, or a mapping, that only [#freePages] frees.
    ///
    /// @throws OutOfNativeMemoryError if the heap has no room for them
    abstract long pages(long byteSize, long byteAlignment);

    /// As [#pages], but minus errno in place of an error.
    abstract long pagesResult(long byteSize, long byteAlignment);

    /// Frees what [#pages] has given.
    abstract void freePages(long address);

    /// Whether every byte of pages is zero that were just given, and not written since.
    abstract boolean isZeroed(long address);

    /// Whether the heap can be closed.
    abstract boolean isCloseable();

    /// Whether the heap was closed, and has everything back.
    abstract boolean isClosed();

    /// What ends when the heap is closed.
    abstract Arena scope();

    /// What the open arenas of a kind are counted by.
    abstract LongAdder count(Tenants.Kind kind);

    /// Asks the collector for arenas that nobody can reach, because `limit` has refused `byteSize` bytes. Returns
    /// whether that has freed any.
    ///
    /// @param begun how many collections had begun before the request: see [CollectorTurns#begun]
    abstract boolean awaitCollector(OutOfNativeMemoryError.Limit limit, long byteSize, long begun);
}
