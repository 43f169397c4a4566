package malloc4j.internal.sample;

import malloc4j.internal.memory.Bits;
import malloc4j.internal.region.PageGeometry;
import malloc4j.observe.MisuseReport.Call;
import org.jspecify.annotations.Nullable;

/// A block that was looked at when it was allocated.
///
/// Concurrency: what changes is written by whoever has taken the block, or [taken the sample out][Sampler#remove] to
/// free it; [#address] and [#byteSize] under the lock of [Sampler].
public final class Sample {
    final Site site;
    final String thread;
    final long allocatedNanos;

    /// How many blocks it stands for; 0 for one that is only guarded.
    double weight;

    long address; // 0 until the block is taken
    long byteSize;

    /// How much was asked for; 0 where that is [#byteSize].
    long requestedBytes;

    /// Of [GuardSlots], -1 for none.
    int slot = -1;

    /// All that is the block's alone: its pages in the slot, or the memory that it lies in with its [RedZones]; else 0.
    long pages;

    long pageBytes;
    boolean isMapped; // the slot's pages

    /// Whether a small block has pages of its own in no slot.
    boolean isInPages;

    /// Whether it lies where any block does, and only who sees every call knows of it.
    boolean isInPlace;

    /// What a zoned block lies in, and how large that is.
    long whole;

    long heldBytes;

    /// The one that was freed next, in [Quarantine].
    @Nullable
    Sample next;

    /// By whom it was freed, null while it is live.
    @Nullable
    Call freed;

    long freedNanos;

    /// The first byte beside the block that was found written to when it was freed, 0 for none.
    long damagedAddress;

    /// Whether the call that has freed the block has found that, and is still to tell of it.
    boolean isUntold;

    Sample(Site site, String thread, long allocatedNanos, double weight) {
        this.site = site;
        this.thread = thread;
        this.allocatedNanos = allocatedNanos;
        this.weight = weight;
    }

    /// Notes how much was asked for, where the block is larger. By whoever has begun or taken it out.
    public void setRequested(long bytes) {
        requestedBytes = Math.max(1, bytes);
    }

    /// By how much the block is larger than what was asked for.
    long roundingBytes() {
        return requestedBytes == 0 ? 0 : Math.max(0, byteSize - requestedBytes);
    }

    /// How many bytes of the block may be used. By whoever has [taken it out][Sampler#remove].
    public long byteSize() {
        return byteSize;
    }

    public boolean isGuarded() {
        return slot >= 0;
    }

    /// Whether it lies between red zones.
    public boolean isZoned() {
        return slot < 0 && pages != 0;
    }

    /// What a zoned block lies in: what was allocated, and is to be freed.
    public long wholeAddress() {
        return whole;
    }

    /// Says that a small block was given pages of its own.
    public void setInPages() {
        isInPages = true;
    }

    /// By how much its pages are larger than what it has for use, where it is a small block in pages.
    long excessBytes() {
        return isInPages ? Bits.alignUp(byteSize, PageGeometry.PAGE_BYTES) - byteSize : 0;
    }

    /// Whether an address lies in the block, or in what is the block's alone.
    boolean covers(long other) {
        return Long.compareUnsigned(other - address, byteSize) < 0
                || Long.compareUnsigned(other - pages, pageBytes) < 0;
    }

    /// How far an address is from the block: 0 inside, negative before it, positive from its end on, 1 for the first
    /// byte there.
    long offset(long other) {
        if (other < address) {
            return other - address;
        }
        long behind = other - address - byteSize;
        return behind < 0 ? 0 : behind + 1;
    }
}
