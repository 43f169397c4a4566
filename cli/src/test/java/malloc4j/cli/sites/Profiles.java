package malloc4j.cli.sites;

import java.util.List;
import malloc4j.cli.profile.SampledHeap;
import malloc4j.cli.profile.SampledProcess;
import malloc4j.observe.AllocationProfile;
import malloc4j.observe.AllocationSite;

/// Profiles made by hand.
final class Profiles {
    private static final StackTraceElement MAIN = frame("app.Main", "main", 7);
    private static final StackTraceElement INTERN = frame("app.Parser", "intern", 41);
    private static final StackTraceElement READ = frame("app.Reader", "read", 12);
    private static final long SECOND = 1_000_000_000;

    private Profiles() {}

    /// 3 MiB live, a third of it from `intern`, which has allocated more since.
    static AllocationProfile earlier() {
        return profile(
                5 * SECOND,
                site(2 << 20, 512, 1 << 20, 256, 4, INTERN, MAIN),
                site(4 << 20, 4, 2 << 20, 2, 8, READ, MAIN));
    }

    /// 4 MiB live, three quarters of it from `intern`; what `read` had is half gone.
    static AllocationProfile later() {
        return profile(
                15 * SECOND,
                site(8 << 20, 2048, 3 << 20, 768, 16, INTERN, MAIN),
                site(6 << 20, 6, 1 << 20, 1, 12, READ, MAIN));
    }

    static SampledProcess process() {
        return new SampledProcess(4711, 10, false, List.of(new SampledHeap(null, later())));
    }

    static SampledProcess difference() {
        return new SampledProcess(4711, 10, true, List.of(new SampledHeap(earlier(), later())));
    }

    static SampledProcess twoHeaps() {
        AllocationProfile later = later();
        var other = new AllocationProfile("cache", later.sampleBytes(), later.durationNanos(), later.sites());
        return new SampledProcess(4711, 10, false, List.of(new SampledHeap(null, later), new SampledHeap(null, other)));
    }

    static SampledProcess nothing() {
        return new SampledProcess(4711, 10, false, List.of(new SampledHeap(null, profile(10 * SECOND))));
    }

    private static AllocationProfile profile(long durationNanos, AllocationSite... sites) {
        return new AllocationProfile("common", 512 << 10, durationNanos, List.of(sites));
    }

    private static AllocationSite site(
            long totalBytes,
            long totalBlocks,
            long liveBytes,
            long liveBlocks,
            long samples,
            StackTraceElement... stack) {
        return new AllocationSite(
                List.of(stack),
                totalBytes,
                totalBlocks,
                liveBytes,
                liveBlocks,
                samples,
                samples / 4,
                Math.round(totalBytes / Math.sqrt((double) samples)),
                Math.round(liveBytes / Math.sqrt(samples / 4.0)),
                3 * SECOND,
                2 * SECOND,
                SECOND);
    }

    private static StackTraceElement frame(String type, String method, int line) {
        return new StackTraceElement(type, method, type.substring(type.lastIndexOf('.') + 1) + ".java", line);
    }
}
