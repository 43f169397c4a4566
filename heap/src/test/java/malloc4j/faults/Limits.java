package malloc4j.faults;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import malloc4j.internal.os.Linux;
import malloc4j.internal.os.TestKernel;

/// The kernel's limits of this process.
public final class Limits {
    private Limits() {}

    /// Sets the soft limit of a resource alone, so that it can be raised again; [Linux#RLIM_INFINITY] for the hard one.
    public static void setSoft(int resource, long bytes) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment limits = arena.allocate(ValueLayout.JAVA_LONG, 2);
            long read = TestKernel.calls().prlimit(0, resource, 0, limits.address());
            long hard = limits.getAtIndex(ValueLayout.JAVA_LONG, 1);
            limits.setAtIndex(ValueLayout.JAVA_LONG, 0, bytes == Linux.RLIM_INFINITY ? hard : bytes);
            long set = TestKernel.calls().prlimit(0, resource, limits.address(), 0);
            if (read != 0 || set != 0) {
                throw new AssertionError("prlimit is refused: " + read + ", " + set);
            }
        }
    }

    /// The soft limit of a resource.
    public static long soft(int resource) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment limits = arena.allocate(ValueLayout.JAVA_LONG, 2);
            long read = TestKernel.calls().prlimit(0, resource, 0, limits.address());
            if (read != 0) {
                throw new AssertionError("prlimit is refused: " + read);
            }
            return limits.getAtIndex(ValueLayout.JAVA_LONG, 0);
        }
    }
}
