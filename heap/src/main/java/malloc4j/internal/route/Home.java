package malloc4j.internal.route;

/// Where blocks of one kind of size live: in slabs, in spans of pages, in mappings of their own. All that differs
/// between them is here.
///
/// A `record` is what [malloc4j.internal.region.ChunkMap#record] has for the address: it is looked for once a call.
/// Every address is checked: an answer of 0 means that no live block of this heap begins there, and that nothing has
/// changed.
abstract class Home {
    /// Whether a request belongs here. Sizes are 0 to [Route#MAX_BYTE_SIZE], alignments powers of two.
    abstract boolean serves(long byteSize, long byteAlignment);

    /// Takes a block for a request that belongs here. Returns its address, or minus errno.
    abstract long allocate(long byteSize, long byteAlignment);

    /// As [#allocate], a block that only [Route#freeOwned] frees.
    long allocateOwned(long byteSize, long byteAlignment) {
        return allocate(byteSize, byteAlignment);
    }

    /// Whether every byte of a block is zero that was just taken here, and not written since.
    abstract boolean isZeroed(long address);

    /// How many bytes of a block may be used, or 0.
    abstract long byteSize(long record, long address);

    /// Frees a block. Returns a positive number, 0, or minus errno, and then the block lives on.
    abstract long free(long record, long address);

    /// Whether a block of `usable` bytes stays here when it is to have `byteSize`: it does not where another home, or
    /// another place here, wastes less.
    abstract boolean keeps(long usable, long byteSize);

    /// Changes the size of a live block, without copying. Returns its address now, another one only if it may move;
    /// 0 when that cannot be; or minus errno. In the last two cases it is as it was.
    abstract long resize(long record, long address, long byteSize, boolean mayMove);

    /// What is wrong with an address that is no live block of this heap.
    abstract Misuse explain(long record, long address);
}
