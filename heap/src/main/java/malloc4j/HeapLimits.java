package malloc4j;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.LongPredicate;
import java.util.function.LongSupplier;
import malloc4j.internal.os.Errno;
import malloc4j.internal.region.Budget;
import malloc4j.internal.region.PageGeometry;
import malloc4j.internal.region.Zone;
import malloc4j.internal.slab.SizeClasses;
import org.jspecify.annotations.Nullable;

/// What happens where a heap meets its limits, or those of the heaps above it: who is called, and whose memory is given
/// back before a request is refused.
///
/// Concurrency: called without a lock held, for it calls the program.
final class HeapLimits implements LongSupplier {
    private static final int MAX_ATTEMPTS = 64; // each follows memory that was given back, which others may have taken

    private static final int COLLECTED_SHARE_SHIFT = 6; // automatic arenas with less are not worth a collection

    private static final ThreadLocal<Boolean> IN_HOOK = new ThreadLocal<>();

    private final Heap heap;
    private final Budget budget;
    private final @Nullable HeapLimits parent;
    private final @Nullable SoftLimitCall softLimitCall;
    private final @Nullable LongPredicate onHardLimit;
    private final boolean watched;
    private volatile HeapLimits lastFull = this; // whose limit has refused a request last: for messages
    private final List<HeapLimits> children = new CopyOnWriteArrayList<>();

    HeapLimits(Heap heap, HeapOptions.Limits options) {
        this.heap = heap;
        this.budget = heap.budget();
        this.parent = options.parent() == null ? null : options.parent().limits();
        this.softLimitCall =
                options.onSoftLimit() == null ? null : new SoftLimitCall(heap.ground(), options.onSoftLimit());
        this.onHardLimit = options.onHardLimit();
        this.watched = softLimitCall != null || (parent != null && parent.watched);
    }

    /// Lets a heap above ask this one for memory, which is whole now.
    void enter() {
        if (parent != null) {
            parent.children.add(this);
        }
    }

    /// Asks for the calls that are due, because the heap has just allocated.
    void noticeSoftLimit() {
        if (watched) {
            for (HeapLimits each = this; each != null; each = each.parent) {
                if (each.softLimitCall != null && each.budget.isAboveSoft()) {
                    each.softLimitCall.request();
                }
            }
        }
    }

    /// Whether a request of `byteSize` bytes that was answered `result`, minus errno, is worth another attempt: memory
    /// went back, or the program freed some.
    ///
    /// @param attempt how often this was asked before for the same request
    boolean makeRoom(long result, long byteSize, int attempt) {
        if (giveBack(result, byteSize, attempt) || (result == -Errno.EDQUOT && askProgram(byteSize, attempt))) {
            return true;
        }
        boolean useful = attempt < MAX_ATTEMPTS && result != -Errno.EOVERFLOW && result != -Errno.EBADF;
        return useful && askCollector(byteSize, result == -Errno.EDQUOT, CollectorTurns.begun(), false);
    }

    /// Asks the program and the collector, because the heap itself has found no room for a request. Returns whether it
    /// is worth another attempt.
    boolean ask(OutOfNativeMemoryError.Limit limit, long byteSize) {
        boolean hard = limit == OutOfNativeMemoryError.Limit.HEAP;
        boolean useful = limit != OutOfNativeMemoryError.Limit.SIZE;
        return (hard && askProgram(byteSize))
                || (useful && askCollector(byteSize, hard, CollectorTurns.begun(), false));
    }

    /// For a request of an automatic arena, which was refused: has the collector asked once since `begun`, and waits
    /// for its turn. Returns whether it is worth another attempt.
    boolean awaitCollector(OutOfNativeMemoryError.Limit limit, long byteSize, long begun) {
        return limit != OutOfNativeMemoryError.Limit.SIZE
                && askCollector(byteSize, limit == OutOfNativeMemoryError.Limit.HEAP, begun, true);
    }

    /// Where automatic arenas may have what is wanted; for others than those only where they have a 64th of all.
    private boolean askCollector(long byteSize, boolean hard, long begun, boolean patient) {
        HeapLimits full = hard ? refusing(byteSize) : this;
        long held = full.heldByCollectorBelow();
        long room = hard ? Math.max(0, full.budget.roomBytes()) : 0;
        boolean few = !patient && held < full.budget.usedBytes() >>> COLLECTED_SHARE_SHIFT;
        return held > 0
                && held >= wantedBytes(byteSize) - room
                && !few
                && IN_HOOK.get() == null
                && CollectorTurns.ask(full, begun, patient);
    }

    private long heldByCollectorBelow() {
        long bytes = heap.automaticArenas().heldBytes();
        for (HeapLimits child : children) {
            bytes += child.heldByCollectorBelow();
        }
        return bytes;
    }

    /// How many bytes of automatic arenas the collector has freed here and below, ever.
    long freedByCollectorBelow() {
        long bytes = heap.automaticArenas().freedBytes();
        for (HeapLimits child : children) {
            bytes += child.freedByCollectorBelow();
        }
        return bytes;
    }

    /// As [#makeRoom], without asking the program or the collector: a lock may be held.
    boolean giveBack(long result, long byteSize, int attempt) {
        if (attempt >= MAX_ATTEMPTS || result == -Errno.EOVERFLOW || result == -Errno.EBADF) {
            return false;
        }
        long wanted = wantedBytes(byteSize);
        if (result != -Errno.EDQUOT) {
            return reclaim(wanted);
        }
        HeapLimits full = refusing(byteSize);
        lastFull = full;
        if (attempt == 0) {
            heap.noteLimitMet(byteSize);
        }
        return full.giveBackBelow(wanted);
    }

    /// Of this heap, and of all below it: their memory counts here.
    private boolean giveBackBelow(long wanted) {
        boolean any = reclaim(wanted);
        for (HeapLimits child : children) {
            any |= (!any || budget.roomBytes() < wanted) && child.giveBackBelow(wanted);
        }
        return any;
    }

    private boolean reclaim(long wanted) {
        boolean any = heap.giveBackQuarantine();
        return heap.reclaimer().reclaim(wanted, budget.usedBytes()) || any;
    }

    private static long wantedBytes(long byteSize) {
        return byteSize <= SizeClasses.MAX_SMALL_BYTES ? Zone.CHUNK_BYTES : byteSize + PageGeometry.PAGE_BYTES;
    }

    /// The error of a request that the limit of this heap or of one above it has refused.
    OutOfNativeMemoryError error(String call) {
        HeapLimits full = lastFull;
        return new OutOfNativeMemoryError(
                call,
                heap.options().name(),
                full.budget.hardBytes(),
                full.liveBytesBelow(),
                full.budget.usedBytes(),
                full);
    }

    private long liveBytesBelow() {
        long used = budget.usedBytes();
        long bytes = heap.liveBytes();
        for (HeapLimits child : children) {
            used -= child.budget.usedBytes();
            bytes += child.liveBytesBelow();
        }
        return Math.clamp(bytes + used - heap.chargedSpanBytes(), 0, Long.MAX_VALUE); // what is left of used is huge
    }

    /// What the kernel holds memory for of this heap and those below it. An object that is there already is all that an
    /// error can be given where the Java heap is full.
    @Override
    public long getAsLong() {
        long bytes = heap.residentBytes();
        for (HeapLimits child : children) {
            bytes += child.getAsLong();
        }
        return bytes;
    }

    /// From here on a parent no longer asks this heap: it is closed.
    void close() {
        if (parent != null) {
            parent.children.remove(this);
        }
    }

    /// As [#askProgram(long)]. After many attempts it is not enough that a hook says so: something must have come free
    /// too, or it would be asked for ever.
    private boolean askProgram(long byteSize, int attempt) {
        if (attempt < MAX_ATTEMPTS) {
            return askProgram(byteSize);
        }
        HeapLimits full = refusing(byteSize);
        long before = full.liveBytesBelow();
        return askProgram(byteSize) && full.liveBytesBelow() < before && full.giveBackBelow(wantedBytes(byteSize));
    }

    /// Asks the hooks from this heap up to the one whose limit it is. Returns whether one wants another attempt.
    private boolean askProgram(long byteSize) {
        if (IN_HOOK.get() != null) {
            return false;
        }
        boolean again = false;
        HeapLimits full = refusing(byteSize);
        for (HeapLimits each = this; each != null && !again; each = each == full ? null : each.parent) {
            if (each.onHardLimit != null) {
                IN_HOOK.set(true);
                try {
                    again = each.onHardLimit.test(byteSize);
                } finally {
                    IN_HOOK.remove();
                }
            }
        }
        return again;
    }

    /// The lowest heap whose limit leaves no room for a request, from this one up; the topmost when all do by now.
    HeapLimits refusing(long byteSize) {
        long wanted = wantedBytes(byteSize);
        HeapLimits each = this;
        while (each.parent != null && each.budget.roomBytes() >= wanted) {
            each = each.parent;
        }
        return each;
    }
}
