package malloc4j;

import malloc4j.internal.os.Errno;

/// A request for memory that failed, and which limit it met. What was allocated before is as it was.
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

    OutOfNativeMemoryError(String call, String heapName, Limit limit, String detail) {
        super(call + " of heap '" + heapName + "' failed: " + detail);
        this.limit = limit;
    }

    /// Translates what the levels below answered.
    static OutOfNativeMemoryError of(String call, String heapName, long result) {
        return switch ((int) -result) {
            case Errno.EDQUOT ->
                new OutOfNativeMemoryError(
                        call,
                        heapName,
                        Limit.HEAP,
                        "the hard limit of the heap or of a parent is reached; free blocks or raise hardLimitBytes");
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
