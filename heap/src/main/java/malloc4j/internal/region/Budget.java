package malloc4j.internal.region;

import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/// What a heap may commit: a soft mark, a hard limit, and those of the heaps above it.
///
/// Invariants: `0 <= usedBytes <= hardBytes`, and a parent's `usedBytes` is at least the sum of its children's.
///
/// Concurrency: lock-free; a charge climbs from child to parent and is undone below when one refuses.
public final class Budget {
    private final @Nullable Budget parent;
    private final long softBytes;
    private final long hardBytes;
    private final AtomicLong usedBytes = new AtomicLong();
    private final Runnable onSoft;

    /// @param softBytes the mark whose crossing upward is told, [Long#MAX_VALUE] for none
    /// @param hardBytes the limit, [Long#MAX_VALUE] for none
    /// @param onSoft told of a crossing; called with locks held, so it may only pass the word on
    public Budget(@Nullable Budget parent, long softBytes, long hardBytes, Runnable onSoft) {
        this.parent = parent;
        this.onSoft = onSoft;
        this.softBytes = softBytes;
        this.hardBytes = hardBytes;
    }

    /// Adds `bytes` here and above, or nowhere when that would pass a hard limit.
    public boolean charge(long bytes) {
        long before;
        do {
            before = usedBytes.get();
            if (bytes > hardBytes - before) {
                return false;
            }
        } while (!usedBytes.compareAndSet(before, before + bytes));
        if (parent != null && !parent.charge(bytes)) {
            usedBytes.addAndGet(-bytes);
            return false;
        }
        if (before <= softBytes && before + bytes > softBytes) {
            onSoft.run();
        }
        return true;
    }

    /// Takes `bytes` off here and above.
    public void discharge(long bytes) {
        usedBytes.addAndGet(-bytes);
        if (parent != null) {
            parent.discharge(bytes);
        }
    }

    public long usedBytes() {
        return usedBytes.get();
    }

    public long hardBytes() {
        return hardBytes;
    }

    public @Nullable Budget parent() {
        return parent;
    }
}
