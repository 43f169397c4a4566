package malloc4j.internal.region;

import java.util.concurrent.atomic.AtomicLong;
import malloc4j.internal.os.Mutex;
import org.jspecify.annotations.Nullable;

/// What a heap may commit: a soft mark, a hard limit, and those of the heaps above it. Both may change at any time.
///
/// A charge is made everywhere or nowhere, and never taken back: nobody is refused because of a charge that another
/// level refuses a moment later. So what charges a child looks at every level below the top first, while nobody else
/// can charge those, then charges the top, which may refuse, and last the levels that have agreed already.
///
/// Invariants:
/// 1. `0 <= usedBytes`, and no charge brings it above `hardBytes` as that is at the moment.
/// 2. A parent's `usedBytes` is at least the sum of its children's.
///
/// Concurrency: charges of a heap without a parent, and all discharges, are lock-free. `usedBytes` of a budget that has
/// a parent grows under the lock of the topmost only.
public final class Budget {
    private final @Nullable Budget parent;
    private final Mutex growing; // the topmost budget's
    private final AtomicLong usedBytes = new AtomicLong();
    private volatile long softBytes;
    private volatile long hardBytes;

    /// @param softBytes the mark above which callers are to be told, [Long#MAX_VALUE] for none
    /// @param hardBytes the limit, [Long#MAX_VALUE] for none
    public Budget(@Nullable Budget parent, long softBytes, long hardBytes) {
        this.parent = parent;
        this.growing = parent == null ? new Mutex() : parent.growing;
        this.softBytes = softBytes;
        this.hardBytes = hardBytes;
    }

    /// Adds `bytes` here and above, or nowhere when that would pass a hard limit.
    public boolean charge(long bytes) {
        if (bytes == 0) {
            return true; // also above a limit that was brought down
        }
        if (parent == null) {
            return chargeTop(bytes);
        }
        growing.lock();
        try {
            Budget top = this;
            while (top.parent != null) {
                if (bytes > top.roomBytes()) {
                    return false;
                }
                top = top.parent;
            }
            if (!top.chargeTop(bytes)) {
                return false;
            }
            for (Budget each = this; each.parent != null; each = each.parent) {
                each.usedBytes.addAndGet(bytes);
            }
            return true;
        } finally {
            growing.unlock();
        }
    }

    private boolean chargeTop(long bytes) {
        long before;
        do {
            before = usedBytes.get();
            if (bytes > hardBytes - before) {
                return false;
            }
        } while (!usedBytes.compareAndSet(before, before + bytes));
        return true;
    }

    /// Whether `bytes` could be charged at this moment: to ask before an effort that would be in vain.
    public boolean hasRoom(long bytes) {
        for (Budget each = this; each != null; each = each.parent) {
            if (bytes > each.roomBytes()) {
                return false;
            }
        }
        return true;
    }

    /// Takes `bytes` off here and above.
    public void discharge(long bytes) {
        for (Budget each = this; each != null; each = each.parent) {
            each.usedBytes.addAndGet(-bytes);
        }
    }

    public long usedBytes() {
        return usedBytes.get();
    }

    /// How much may be charged before the hard limit of this budget alone is reached; negative when the limit was
    /// brought down below what is used.
    public long roomBytes() {
        return hardBytes - usedBytes.get();
    }

    public long hardBytes() {
        return hardBytes;
    }

    /// Changes the limit. What is used already stays, even if it is more.
    public void putHardBytes(long bytes) {
        hardBytes = bytes;
    }

    public long softBytes() {
        return softBytes;
    }

    public void putSoftBytes(long bytes) {
        softBytes = bytes;
    }

    /// Whether more is used than the soft mark of this budget.
    public boolean isAboveSoft() {
        return usedBytes.get() > softBytes;
    }

    public @Nullable Budget parent() {
        return parent;
    }
}
