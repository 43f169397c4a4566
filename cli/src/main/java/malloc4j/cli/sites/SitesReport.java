package malloc4j.cli.sites;

import io.avaje.jsonb.Json;
import java.util.List;
import malloc4j.cli.profile.Measure;
import malloc4j.cli.profile.SampledProcess;
import malloc4j.observe.AllocationProfile;
import malloc4j.observe.AllocationSite;

/// What `sites --json` prints. The field names are a contract. Of a difference, live figures may be negative.
///
/// @param seconds waited for, between two moments or for samples to be taken; 0 where there were some already
/// @param isDifference whether it is about what came about between two moments
@Json
public record SitesReport(long pid, int seconds, boolean isDifference, List<HeapReport> heaps, List<SiteReport> sites) {
    /// A heap, and how its samples were taken.
    ///
    /// @param sampleBytes mean bytes allocated between two samples
    @Json
    public record HeapReport(String name, long sampleBytes, long durationNanos, long liveBytes, long totalBytes) {}

    /// What one stack has allocated.
    ///
    /// @param stack innermost first, as `Class.method(File.java:LINE)`
    @Json
    public record SiteReport(
            String heap,
            List<String> stack,
            long liveBytes,
            long liveBlocks,
            long totalBytes,
            long totalBlocks,
            long liveSamples,
            long totalSamples,
            long liveDeviationBytes,
            long totalDeviationBytes,
            long oldestAgeNanos,
            long meanAgeNanos,
            long meanLifetimeNanos) {}

    /// What was read, the largest by `measure` first.
    public static SitesReport of(SampledProcess process, Measure measure) {
        return new SitesReport(
                process.pid(),
                process.seconds(),
                process.isDifference(),
                process.profiles().stream().map(SitesReport::heap).toList(),
                process.sites(measure).stream().map(SitesReport::site).toList());
    }

    private static HeapReport heap(AllocationProfile profile) {
        return new HeapReport(
                profile.heapName(),
                profile.sampleBytes(),
                profile.durationNanos(),
                profile.liveBytes(),
                profile.totalBytes());
    }

    private static SiteReport site(SampledProcess.Site of) {
        AllocationSite site = of.site();
        return new SiteReport(
                of.heapName(),
                site.frames(),
                site.liveBytes(),
                site.liveBlocks(),
                site.totalBytes(),
                site.totalBlocks(),
                site.liveSamples(),
                site.totalSamples(),
                site.liveDeviationBytes(),
                site.totalDeviationBytes(),
                site.oldestAgeNanos(),
                site.meanAgeNanos(),
                site.meanLifetimeNanos());
    }
}
