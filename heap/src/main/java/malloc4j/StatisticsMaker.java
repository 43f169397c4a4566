package malloc4j;

import malloc4j.internal.cache.CacheRegistry;
import malloc4j.internal.cache.Reclaimer;
import malloc4j.internal.os.CountedCalls;
import malloc4j.internal.region.HugeBlocks;
import malloc4j.internal.route.Route;
import malloc4j.internal.sample.GuardSlots;
import malloc4j.internal.sample.Quarantine;
import malloc4j.internal.sample.Sampler;
import malloc4j.internal.span.Spans;
import malloc4j.observe.HeapStatistics;
import org.jspecify.annotations.Nullable;

/// Adds up [HeapStatistics] from the counts that the parts of a heap keep. Each level counts what it has given out;
/// what is no block of the program's, though a level has given it out, is taken off again.
final class StatisticsMaker {
    private static final int MAX_READINGS = 8; // of counts that others change meanwhile

    private final Reclaimer reclaimer;
    private final Spans spans;
    private final HugeBlocks huge;
    private final CacheRegistry caches;
    private final Sampler sampler;
    private final CountedCalls systemCalls;
    private final Route route;
    private final ArenaChunks arenaChunks;
    private final @Nullable Quarantine quarantine;

    /// @param quarantine of a debug heap, else null
    StatisticsMaker(HeapAssembly parts, Route route, ArenaChunks arenaChunks, @Nullable Quarantine quarantine) {
        this.reclaimer = parts.reclaimer();
        this.spans = parts.spans();
        this.huge = parts.huge();
        this.caches = parts.caches();
        this.sampler = parts.sampler();
        this.systemCalls = parts.calls();
        this.route = route;
        this.arenaChunks = arenaChunks;
        this.quarantine = quarantine;
    }

    HeapStatistics make() {
        Quarantine.Census kept = quarantine == null ? Quarantine.Census.none() : quarantine.census();
        Reclaimer.Census slabs =
                reclaimer.census(); // with what is freed meanwhile: a little too much is live, not less
        Spans.Census pages = pageCensus();
        HugeBlocks.Census mapped = huge.census();
        GuardSlots.Census guarded = sampler.guardCensus();
        long allocatedExcess = sampler.allocatedExcessBytes();
        long freedExcess = sampler.freedExcessBytes();
        long excess = allocatedExcess - freedExcess;
        long keptExcess = kept.bytes() + kept.allocatedExcess() - kept.freedExcess();
        return new HeapStatistics(
                Math.max(
                        0,
                        slabs.liveBlocks()
                                + pages.largeBlocks()
                                + mapped.blocks()
                                + guarded.liveBlocks()
                                - kept.blocks()),
                Math.max(
                        0,
                        slabs.liveBytes()
                                + pages.largeBytes()
                                + mapped.bytes()
                                + guarded.liveBytes()
                                - excess
                                - keptExcess),
                slabs.allocatedBlocks()
                        + pages.largeAllocatedBlocks()
                        + mapped.allocatedBlocks()
                        + guarded.allocatedBlocks(),
                slabs.allocatedBytes()
                        + pages.largeAllocatedBytes()
                        + mapped.allocatedBytes()
                        + guarded.allocatedBytes()
                        - allocatedExcess
                        - kept.allocatedExcess(),
                slabs.freedBlocks()
                        + pages.largeFreedBlocks()
                        + mapped.freedBlocks()
                        + guarded.freedBlocks()
                        + kept.blocks(),
                slabs.freedBytes()
                        + pages.largeFreedBytes()
                        + mapped.freedBytes()
                        + guarded.freedBytes()
                        - freedExcess
                        + kept.bytes()
                        - kept.freedExcess(),
                route.refusals(),
                systemCalls.count(),
                slabs.sizeClasses(),
                pages.largeBlocks(),
                pages.largeBytes() - excess,
                mapped.blocks(),
                mapped.bytes(),
                pages.spanBytes(),
                pages.dirtyBytes(),
                pages.chargedBytes() + mapped.bytes() + guarded.pageBytes(),
                pages.extentBytes() + mapped.bytes() + guarded.pageBytes(),
                reclaimer.purgedBytes(),
                caches.cacheCount(),
                caches.magazineBytes());
    }

    /// With idle chunks of arenas as free blocks: they are the heap's own. Once more when a stock has given blocks back
    /// meanwhile, which would be counted on neither side.
    private Spans.Census pageCensus() {
        long idleChunks = arenaChunks.idleCount();
        Spans.Census census;
        long before;
        int attempt = 0;
        do {
            before = spans.largeFreed();
            census = spans.census(caches.stocked().with(idleChunks, idleChunks * ArenaChunks.PAGE_COUNT));
        } while (spans.largeFreed() != before && ++attempt < MAX_READINGS);
        return census;
    }
}
