package malloc4j;

import java.util.Locale;
import java.util.function.LongSupplier;
import malloc4j.internal.os.Errno;
import org.jspecify.annotations.Nullable;

/// A request for memory that failed, and which limit it met. What was allocated before is as it was.
///
/// @since 0.1.0
public final class OutOfNativeMemoryError extends OutOfMemoryError {
    private static final long serialVersionUID = 1L;

    /// What stood in the way.
    public enum Limit {
        /// The kernel refused: physical memory, overcommit, `RLIMIT_AS`, `RLIMIT_DATA`, or a cgroup.
        KERNEL,
        /// The hard limit of the heap, or of one above it.
        HEAP,
        /// The reserved addresses, or this library's share of `vm.max_map_count`, are used up.
        ADDRESS_SPACE,
        /// The size cannot be had at all.
        SIZE
    }

    private final Limit limit;
    private final @Nullable String call;
    private final long limitBytes;
    private final long liveBytes;
    private final long committedBytes;
    private transient @Nullable LongSupplier residentBytes;
    private @Nullable String text;

    /// One at a hard limit, whose text is made when somebody reads it.
    ///
    /// @param residentBytes asked then, at most once
    OutOfNativeMemoryError(
            String call,
            String heapName,
            long limitBytes,
            long liveBytes,
            long committedBytes,
            LongSupplier residentBytes) {
        super(heapName);
        this.limit = Limit.HEAP;
        this.call = call;
        this.limitBytes = limitBytes;
        this.liveBytes = liveBytes;
        this.committedBytes = committedBytes;
        this.residentBytes = residentBytes;
    }

    OutOfNativeMemoryError(String call, String heapName, Limit limit, String detail) {
        super(call + " of heap '" + heapName + "' failed: " + detail);
        this.limit = limit;
        this.call = null;
        this.limitBytes = 0;
        this.liveBytes = 0;
        this.committedBytes = 0;
    }

    /// What failed and why. At a hard limit with the figures of the heap whose limit it is, and those below it:
    ///
    /// - `limit`: the hard limit at that moment
    /// - `live`: blocks that were allocated and not freed, those included that other threads freed shortly before
    /// - `committed`: what the limit counted
    /// - `resident`: what the kernel holds memory for when this is first asked
    /// - `idle`: committed and not live
    @Override
    public synchronized String getMessage() {
        if (call == null) {
            return String.valueOf(super.getMessage());
        }
        if (text == null) {
            LongSupplier resident = residentBytes;
            residentBytes = null; // and with it the heap
            text = call + " of heap '" + super.getMessage()
                    + "' failed: the hard limit of the heap or of a parent is reached: limit " + mib(limitBytes)
                    + ", live " + mib(liveBytes) + ", committed " + mib(committedBytes) + ", resident "
                    + (resident == null ? "unknown" : mib(resident.getAsLong())) + ", idle "
                    + mib(Math.max(0, committedBytes - liveBytes)) + "; free blocks or raise hardLimitBytes";
        }
        return text;
    }

    private static String mib(long byteSize) {
        return String.format(Locale.ROOT, "%.1f MiB", byteSize / (double) (1 << 20));
    }

    /// Translates what the levels below answered.
    static OutOfNativeMemoryError of(String call, String heapName, long result) {
        return switch ((int) -result) {
            case Errno.ENOSPC ->
                new OutOfNativeMemoryError(call, heapName, Limit.ADDRESS_SPACE, KernelLimits.ofAddresses());
            case Errno.EOVERFLOW ->
                new OutOfNativeMemoryError(call, heapName, Limit.SIZE, "no address space is that large");
            default ->
                new OutOfNativeMemoryError(
                        call,
                        heapName,
                        Limit.KERNEL,
                        Errno.name(result) + ": the kernel refused memory; " + KernelLimits.ofKernel(result));
        };
    }

    /// Which limit was met.
    public Limit limit() {
        return limit;
    }
}
