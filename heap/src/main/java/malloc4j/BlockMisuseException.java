package malloc4j;

import malloc4j.observe.MisuseReport;

/// A program error with a block: freed twice, freed or resized at an address where no live block of the heap
/// begins, or used after its heap was closed. Nothing has changed in the heap. The same for a block of a pool.
///
/// @since 0.1.0
public final class BlockMisuseException extends IllegalStateException {
    private static final long serialVersionUID = 1L;

    private final MisuseReport report;

    /// @param report the call, and what was wrong with it
    public BlockMisuseException(MisuseReport report) {
        super(report.message());
        this.report = report;
    }

    /// The address that the call was given.
    public long address() {
        return report.address();
    }

    /// What was called, what is at the address, and what lies near it.
    public MisuseReport report() {
        return report;
    }
}
