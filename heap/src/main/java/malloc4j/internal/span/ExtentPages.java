package malloc4j.internal.span;

/// The pages of an extent as they were at one moment.
public final class ExtentPages {
    private final long address;
    private final int pageCount;
    private final long[] free;
    private final long[] dirty;

    ExtentPages(long address, int pageCount, long[] free, long[] dirty) {
        this.address = address;
        this.pageCount = pageCount;
        this.free = free;
        this.dirty = dirty;
    }

    public long address() {
        return address;
    }

    public int pageCount() {
        return pageCount;
    }

    /// Bit `p` for page `p`: in no span.
    public long[] free() {
        return free.clone();
    }

    /// Bit `p` for page `p`: free, and may hold the kernel's memory.
    public long[] dirty() {
        return dirty.clone();
    }
}
