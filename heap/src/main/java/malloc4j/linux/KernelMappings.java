package malloc4j.linux;

import java.io.IOException;
import java.io.InputStream;
import malloc4j.internal.proc.Smaps;
import malloc4j.internal.proc.SystemFiles;
import malloc4j.internal.region.Ground;

/// How many mappings the kernel may have for one of ours, as counted in [MappingBudget].
///
/// A change of a part splits a mapping. When the parts are alike again, the kernel joins them, but not always:
/// pages that were first written while they were apart stay apart for good. So what is counted here is a bound that
/// only grows, and `/proc/self/maps` is asked for the truth when the bound has become much more than the pieces
/// explain, or more than the budget allows.
///
/// Guarded by the mapping's lock. Invariant: `bound` is at least what the kernel has; `bound + 1` are counted.
final class KernelMappings {
    private static final int NEIGHBOURS = 1; // mapping a part of a free range may leave a rest on one side
    private static final int SLACK = 64; // joins that are not worth reading a file for
    private static final int CHANGES_SHARE = 8; // a recount costs as the mappings do: an eighth as many changes pay it

    private int bound = 1;
    private int changes;

    /// Counts one new mapping. Returns whether the budget allows it.
    static boolean tryAcquireFirst() {
        return Ground.process().mappings().tryAcquire(NEIGHBOURS + 1);
    }

    /// Takes back what [#tryAcquireFirst] counted, for a mapping that did not come to be.
    static void releaseFirst() {
        Ground.process().mappings().release(NEIGHBOURS + 1);
    }

    int bound() {
        return bound;
    }

    /// Counts `more`, before the kernel may have them. Returns whether the budget allows it.
    boolean tryAdd(int more, long from, long to) {
        if (!Ground.process().mappings().tryAcquire(more)) {
            recount(from, to);
            if (!Ground.process().mappings().tryAcquire(more)) {
                return false;
            }
        }
        bound += more;
        return true;
    }

    /// Takes back `surplus` that the kernel did not need. The pieces explain `explained` mappings of `[from, to)`.
    void settle(int surplus, int explained, long from, long to) {
        setBound(bound - surplus);
        changes++;
        if (bound > 2 * explained + SLACK && changes > bound / CHANGES_SHARE) {
            changes = 0;
            recount(from, to);
        }
    }

    /// Ends the counting; the mapping is gone.
    void release() {
        Ground.process().mappings().release(NEIGHBOURS + bound);
    }

    private void recount(long from, long to) {
        int count = count(from, to);
        if (count > 0 && count < bound) {
            setBound(count);
        }
    }

    private void setBound(int lower) {
        Ground.process().mappings().release(bound - lower);
        bound = lower;
    }

    /// The kernel's mappings that reach into `[from, to)`; 0 when it cannot be told.
    private static int count(long from, long to) {
        int[] count = {0};
        try (InputStream maps = SystemFiles.LIVE.open("/proc/thread-self/maps")) {
            Smaps.Summary unused = Smaps.read(maps, mapping -> {
                boolean inside = Long.compareUnsigned(mapping.address(), to) < 0
                        && Long.compareUnsigned(mapping.end(), from) > 0;
                count[0] += inside ? 1 : 0;
            });
            return count[0];
        } catch (IOException unreadable) {
            return 0;
        }
    }
}
