package malloc4j;

import malloc4j.internal.route.Misuse;
import malloc4j.internal.route.Tenants;

/// Through whom every call for a heap's blocks goes while something must see each: a recording, a profile of blocks
/// where they lie, a debug heap. Answers as [BlockCalls] does.
///
/// ```
///   BlockCalls of the heap -> RecordedCalls -> BlockCalls of arenas -> DebugCalls or ProfiledCalls -> BlockCalls
///                             if it is recorded                        if there is one                with the caches
/// ```
///
/// Nothing is at hand then: who hooks in sees to it that the warm ways lead to nothing ([Heap]).
interface CallHook {
    /// A block.
    long malloc(long byteSize);

    /// A block that is zero.
    ///
    /// @param byteAlignment a power of two
    long zeroed(long byteSize, long byteAlignment);

    /// A block with an alignment.
    ///
    /// @param byteAlignment a power of two above what every block has
    long aligned(long byteSize, long byteAlignment);

    /// Frees a block.
    long free(long address);

    /// Changes a block's size.
    ///
    /// @param address not 0
    long realloc(long address, long byteSize);

    /// Changes a block's size where it is.
    ///
    /// @param address a live block
    long resizeInPlace(long address, long byteSize);

    /// How many bytes of a block may be used, or 0.
    long usableSize(long address);

    /// What is wrong with an address at which no live block begins.
    Misuse explain(long address);

    /// A block for a pool, region or stack.
    long allocateOwned(long byteSize, long byteAlignment, Tenants.Kind owner);

    /// Frees such a block.
    ///
    /// @param address what [#allocateOwned] has given
    long freeOwned(long address);
}
