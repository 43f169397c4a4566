package malloc4j.alloc;

/// A request that does not fit into an allocator of bounded size: a [StackAllocator]'s stack, or a [Region] or
/// [BlockPool] on a given segment. Nothing has changed in the allocator.
///
/// It is a kind of the exception that the JDK's own bounded allocator throws
/// ([java.lang.foreign.SegmentAllocator#slicingAllocator]).
///
/// @since 0.1.0
public final class AllocatorOverflowException extends IndexOutOfBoundsException {
    private static final long serialVersionUID = 1L;

    private final long requestedBytes;
    private final long usedBytes;
    private final long capacityBytes;

    AllocatorOverflowException(
            String call, String allocator, long requestedBytes, long usedBytes, long capacityBytes, String advice) {
        super(call + " overflows " + allocator + ": " + requestedBytes + " bytes asked, " + usedBytes + " of "
                + capacityBytes + " used; " + advice);
        this.requestedBytes = requestedBytes;
        this.usedBytes = usedBytes;
        this.capacityBytes = capacityBytes;
    }

    /// The size that was asked for, in bytes.
    public long requestedBytes() {
        return requestedBytes;
    }

    /// How many bytes were in use.
    public long usedBytes() {
        return usedBytes;
    }

    /// How many bytes there are.
    public long capacityBytes() {
        return capacityBytes;
    }
}
