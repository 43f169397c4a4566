package malloc4j.cli.profile;

import java.util.Comparator;
import java.util.List;
import malloc4j.observe.AllocationProfile;
import malloc4j.observe.AllocationSite;

/// What was read of the heaps of one process.
///
/// @param seconds waited for, between two moments or for samples to be taken; 0 where there were some already
/// @param isDifference whether it is about what came about between two moments, and not about all since sampling began
public record SampledProcess(long pid, int seconds, boolean isDifference, List<SampledHeap> heaps) {
    /// A site, and the name of its heap.
    public record Site(String heapName, AllocationSite site) {}

    /// The profiles that are to be shown, one of each heap.
    public List<AllocationProfile> profiles() {
        return heaps.stream().map(SampledHeap::profile).toList();
    }

    /// The sites of all heaps, those with the largest figure first; of differences the sign does not count.
    public List<Site> sites(Measure measure) {
        return profiles().stream()
                .flatMap(profile -> profile.sites().stream().map(site -> new Site(profile.heapName(), site)))
                .sorted(Comparator.comparingLong((Site site) -> Math.abs(measure.bytes(site.site())))
                        .thenComparingLong(site -> site.site().totalBytes())
                        .reversed())
                .toList();
    }
}
