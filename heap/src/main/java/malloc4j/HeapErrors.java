package malloc4j;

import java.util.List;
import malloc4j.internal.os.Errno;
import malloc4j.internal.region.ProbeCalls;
import malloc4j.internal.route.Misuse;
import malloc4j.observe.MisuseReport;
import malloc4j.observe.MisuseReport.Finding;

/// What a heap throws for what [BlockCalls] answers, in words that name the call, the heap, and what to do.
final class HeapErrors {
    private final String heapName;
    private final BlockCalls calls;
    private final HeapLimits limits;
    private final ProbeCalls probe;

    /// @param probe is told of what is misused
    HeapErrors(String heapName, BlockCalls calls, HeapLimits limits, ProbeCalls probe) {
        this.heapName = heapName;
        this.calls = calls;
        this.limits = limits;
        this.probe = probe;
    }

    /// Whether a request was refused for want of memory, or because nothing is that large: not for its arguments, nor
    /// because the heap is closed.
    private static boolean isWantOfMemory(long result) {
        return result != -Errno.EBADF && result != -Errno.EINVAL;
    }

    /// The answer to a request for a block, which was refused: always throws.
    ///
    /// @param call with its arguments
    /// @param result minus errno
    long fail(String call, long result) {
        if (result == -Errno.EDQUOT) {
            throw limits.error(call);
        }
        if (isWantOfMemory(result)) {
            throw OutOfNativeMemoryError.of(call, heapName, result);
        }
        if (result == -Errno.EBADF) {
            throw closed(call);
        }
        throw new IllegalArgumentException(
                call + " of heap '" + heapName + "': a size is 0 to 2^46 bytes, an alignment a power of two");
    }

    /// The answer to a request to which want of memory is no error: 0 then, else as [#fail].
    long zeroOrFail(String call, long result) {
        return isWantOfMemory(result) ? 0 : fail(call, result);
    }

    /// A call that a closed heap does not have.
    IllegalStateException closed(String call) {
        return new IllegalStateException(call + " of heap '" + heapName + "': the heap is closed");
    }

    /// A call with an address at which no live block begins.
    BlockMisuseException misuse(String call, long address) {
        return misuse(call, address, calls.explain(address));
    }

    /// A call with a segment of the Java heap.
    ///
    /// @param segment as it prints itself
    BlockMisuseException notNative(String call, long address, String segment) {
        String text = segment + ": a segment on the Java heap";
        return misuse(call, address, new Misuse(Finding.JAVA_HEAP, text, null, List.of()));
    }

    private BlockMisuseException misuse(String call, long address, Misuse what) {
        MisuseReport report = report(call, address, what);
        probe.misused(report);
        return new BlockMisuseException(report);
    }

    /// As [#misuse(String, long)], for a call that throws nothing: tells the heap's probe, if it can.
    void tellMisuse(String call, long address) {
        if (probe.isTold()) {
            try {
                probe.misused(report(call, address, calls.explain(address)));
            } catch (Throwable noRoom) {
                return; // the call has its answer all the same
            }
        }
    }

    private MisuseReport report(String call, long address, Misuse what) {
        return new MisuseReport(
                call, address, "heap '" + heapName + "'", what.finding(), what.text(), what.block(), what.neighbours());
    }

    /// A free that the kernel has refused.
    IllegalStateException notFreed(long address, long result) {
        return new IllegalStateException("free(0x" + Long.toHexString(address) + ") of heap '" + heapName
                + "': munmap failed: " + Errno.name(result) + "; the block lives on, free it again");
    }

    /// Throws unless a free has freed.
    void requireFreed(long address, long result) {
        if (result == 0) {
            throw misuse("free", address);
        }
        if (Errno.isError(result)) {
            throw notFreed(address, result);
        }
    }
}
