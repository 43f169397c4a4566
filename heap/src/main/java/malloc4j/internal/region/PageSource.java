package malloc4j.internal.region;

/// Where a heap's extents come from: mapped memory, the program break, huge pages, shared memory, or a file.
///
/// A range is in one of three states, and each method is an edge:
///
/// ```
///   nobody's --acquire--> resident or fresh (readable, writable, reads zero where never written)
///   acquired --purge----> fresh again: its pages went back to the kernel
///   acquired --release--> nobody's
/// ```
///
/// Addresses and sizes are multiples of [Zone#GRANULE_BYTES] for `acquire` and `release`, of the kernel's page for
/// `purge`. Results are an address or 0, or minus errno; after a failed call the range is in the state it was in.
public interface PageSource {
    /// Brings a range of `byteSize` into being. Returns its address, or minus errno.
    long acquire(long byteSize);

    /// Gives a range back whole. Returns 0, or minus errno.
    long release(long address, long byteSize);

    /// Gives the pages of a range back, keeping the addresses; they read zero again. Returns 0, or minus errno.
    long purge(long address, long byteSize);

    /// Ends the source, after everything that it gave has been released. Returns 0, or minus errno.
    default long close() {
        return 0;
    }
}
