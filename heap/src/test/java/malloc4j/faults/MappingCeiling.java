package malloc4j.faults;

import malloc4j.internal.os.Errno;
import malloc4j.internal.os.Linux;
import malloc4j.internal.os.SystemCalls;
import malloc4j.internal.os.TestKernel;
import malloc4j.internal.region.Ground;

/// A process that has as many mappings as this library lets itself have: really, and by its own count but for a few.
public final class MappingCeiling implements AutoCloseable {
    private static final SystemCalls OS = TestKernel.calls();
    private static final long PAGE = OS.sysconf(Linux._SC_PAGESIZE);

    private final long byteSize = (Ground.process().mappings().limit() + 64L) * PAGE;
    private final long address;
    private final int taken;

    /// @param left how many more the count lets through
    public MappingCeiling(int left) {
        address = OS.mmap(0, byteSize, Linux.PROT_NONE, Linux.MAP_PRIVATE | Linux.MAP_ANONYMOUS, -1, 0);
        check(!Errno.isError(address));
        for (long page = PAGE; page < byteSize; page += 2 * PAGE) {
            check(OS.mprotect(address + page, PAGE, Linux.PROT_READ) == 0);
        }
        taken = Ground.process().mappings().limit()
                - Ground.process().mappings().used()
                - left;
        check(Ground.process().mappings().tryAcquire(taken));
        check(!Ground.process()
                .mappings()
                .tryAcquire(Ground.process().mappings().limit())); // that many are looked for, and counted by the way
    }

    private static void check(boolean condition) {
        if (!condition) {
            throw new AssertionError("the ceiling of mappings cannot be reached");
        }
    }

    @Override
    public String toString() {
        return taken + " mappings taken of " + Ground.process().mappings().limit();
    }

    @Override
    public void close() {
        Ground.process().mappings().release(taken);
        check(OS.munmap(address, byteSize) == 0);
    }
}
