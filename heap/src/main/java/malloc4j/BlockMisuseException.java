package malloc4j;

/// A program error with a block: freed twice, freed or resized at an address where no live block of the heap
/// begins, or used after its heap was closed. Nothing has changed in the heap. The same for a block of a pool.
public final class BlockMisuseException extends IllegalStateException {
    private static final long serialVersionUID = 1L;

    private final long address;

    /// @param address what the call was given
    /// @param message the call, the allocator and what was wrong
    public BlockMisuseException(long address, String message) {
        super(message);
        this.address = address;
    }

    /// The address that the call was given.
    public long address() {
        return address;
    }
}
