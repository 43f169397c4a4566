package malloc4j.observe;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// Who has allocated what in a heap, by Java stack: an estimate from samples, or the difference of two.
///
/// @param heapName of the heap
/// @param sampleBytes mean bytes allocated between two samples, 0 while none are taken
/// @param durationNanos since the first sample could be taken; of a difference, between the two profiles
/// @param sites by live bytes, then by total bytes, the largest first
/// @since 0.1.0
public record AllocationProfile(String heapName, long sampleBytes, long durationNanos, List<AllocationSite> sites)
        implements Serializable {
    private static final Comparator<AllocationSite> LARGEST_FIRST = Comparator.comparingLong(AllocationSite::liveBytes)
            .thenComparingLong(AllocationSite::totalBytes)
            .reversed();

    /// A profile with its sites in order, which nobody can change.
    public AllocationProfile {
        sites = sites.stream().sorted(LARGEST_FIRST).toList();
    }

    /// Bytes of all sites that are not freed.
    public long liveBytes() {
        return sites.stream().mapToLong(AllocationSite::liveBytes).sum();
    }

    /// Blocks of all sites that are not freed.
    public long liveBlocks() {
        return sites.stream().mapToLong(AllocationSite::liveBlocks).sum();
    }

    /// Bytes that all sites have allocated.
    public long totalBytes() {
        return sites.stream().mapToLong(AllocationSite::totalBytes).sum();
    }

    /// Blocks that all sites have allocated.
    public long totalBlocks() {
        return sites.stream().mapToLong(AllocationSite::totalBlocks).sum();
    }

    /// What came about since an earlier profile of the same heap: totals are what was allocated meanwhile, live figures
    /// how much more is live now, negative where it is less. Sites without any difference are left out. Ages are this
    /// profile's.
    public AllocationProfile since(AllocationProfile earlier) {
        Map<List<StackTraceElement>, AllocationSite> before = new HashMap<>();
        earlier.sites.forEach(site -> before.put(site.stack(), site));
        List<AllocationSite> differences = new ArrayList<>();
        for (AllocationSite site : sites) {
            AllocationSite was = before.get(site.stack());
            if (was == null) {
                differences.add(site);
            } else if (was.totalSamples() != site.totalSamples() || was.liveSamples() != site.liveSamples()) {
                differences.add(difference(site, was));
            }
        }
        return new AllocationProfile(heapName, sampleBytes, durationNanos - earlier.durationNanos, differences);
    }

    /// Of the difference of two sums. Of totals the earlier one is a part of the later; of what is live nobody knows
    /// how much of it is, so this is the most.
    private static long deviation(long now, long was, int sign) {
        double variance = (double) now * now + sign * (double) was * was;
        return Math.round(Math.sqrt(Math.max(0, variance)));
    }

    private static AllocationSite difference(AllocationSite now, AllocationSite was) {
        return new AllocationSite(
                now.stack(),
                now.totalBytes() - was.totalBytes(),
                now.totalBlocks() - was.totalBlocks(),
                now.liveBytes() - was.liveBytes(),
                now.liveBlocks() - was.liveBlocks(),
                now.totalSamples() - was.totalSamples(),
                now.liveSamples() - was.liveSamples(),
                deviation(now.totalDeviationBytes(), was.totalDeviationBytes(), -1),
                deviation(now.liveDeviationBytes(), was.liveDeviationBytes(), 1),
                now.oldestAgeNanos(),
                now.meanAgeNanos(),
                now.meanLifetimeNanos());
    }
}
