package malloc4j.internal.os;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import malloc4j.internal.region.Ground;

/// The kernel that the tests of a JVM run on: Linux's own, or with the system property `test.pageBytes` one of larger
/// pages, on which the whole process stands then.
public final class TestKernel {
    private static final Long PAGE_BYTES = Long.getLong("test.pageBytes");
    private static final SystemCalls CALLS =
            PAGE_BYTES == null ? LinuxCalls.instance() : new PagedCalls(LinuxCalls.instance(), PAGE_BYTES);

    private TestKernel() {}

    public static SystemCalls calls() {
        return CALLS;
    }

    /// Skips a test that counts on slabs of sixteen pages: on larger pages more stays with the blocks that live.
    public static void assumePagesOf4KiB() {
        assumeTrue(CALLS.sysconf(Linux._SC_PAGESIZE) == 4096, "pages are larger than 4 KiB");
    }

    /// Makes the heaps of this process stand on it. Before the first test.
    static void choose() {
        if (PAGE_BYTES != null) {
            Ground.choose(new Ground(CALLS, System::nanoTime, Daemons::unstarted));
        }
    }
}
