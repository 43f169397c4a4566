package malloc4j;

import java.util.HashSet;
import java.util.Set;
import malloc4j.internal.cache.CacheRegistry;
import malloc4j.internal.cache.Reclaimer;
import malloc4j.internal.region.ChunkMap;
import malloc4j.internal.region.Zone;
import malloc4j.internal.sample.GuardSlots;
import malloc4j.internal.sample.Quarantine;
import malloc4j.internal.sample.Sampler;
import malloc4j.observe.ExtentSnapshot;
import malloc4j.observe.HeapFootprint;
import malloc4j.observe.HeapSnapshot;
import org.jspecify.annotations.Nullable;

/// Makes one [HeapFootprint] of a [HeapSnapshot]: takes off its live blocks what is the heap's own, by counts that are
/// read a little later. What is more by then than there was in the snapshot is left out, so that the sums hold.
final class FootprintMaker {
    private static final long CHUNK_METADATA_BYTES = Zone.RECORD_BYTES + ChunkMap.ENTRY_BYTES;

    private final CacheRegistry caches;
    private final Reclaimer reclaimer;
    private final Sampler sampler;
    private final @Nullable Quarantine quarantine;

    /// @param quarantine of a debug heap, else null
    FootprintMaker(HeapAssembly parts, @Nullable Quarantine quarantine) {
        this.caches = parts.caches();
        this.reclaimer = parts.reclaimer();
        this.sampler = parts.sampler();
        this.quarantine = quarantine;
    }

    HeapFootprint make(HeapSnapshot snapshot, long residentBytes) {
        HeapSnapshot.Parts parts = snapshot.parts();
        Quarantine.Census kept = quarantine == null ? Quarantine.Census.none() : quarantine.census();
        GuardSlots.Census guarded = sampler.guardCensus();
        Slabs slabs = new Slabs(snapshot);

        long live = parts.liveBytes() + parts.largeBytes() + parts.hugeBytes();
        long idleChunks = part(live, (long) snapshot.arenas().idleChunks() * ArenaChunks.CHUNK_BYTES);
        live -= idleChunks;
        long quarantined = part(live, kept.bytes() + kept.allocatedExcess() - kept.freedExcess());
        live -= quarantined;
        long excess = part(live, sampler.allocatedExcessBytes() - sampler.freedExcessBytes());
        live -= excess;
        long guardedLive = part(guarded.pageBytes(), guarded.liveBytes());

        return new HeapFootprint(
                snapshot.heap(),
                snapshot.heapId(),
                live + guardedLive,
                sampler.roundingBytes(),
                slabs.cachedBytes + parts.stockedBytes() + idleChunks,
                slabs.freeBytes,
                quarantined,
                excess + guarded.pageBytes() - guardedLive,
                parts.otherBytes(),
                parts.dirtyBytes(),
                metadataBytes(snapshot),
                parts.freeBytes() + slabs.returnedBytes,
                residentBytes,
                reclaimer.purgedBytes());
    }

    private static long part(long whole, long bytes) {
        return Math.clamp(bytes, 0, whole);
    }

    /// Records and entries of the chunks of all extents, and magazines.
    private long metadataBytes(HeapSnapshot snapshot) {
        long chunks = 0;
        for (ExtentSnapshot extent : snapshot.extents()) {
            chunks += extent.byteSize() >>> Zone.CHUNK_SHIFT;
        }
        return chunks * CHUNK_METADATA_BYTES + caches.magazineBytes();
    }

    /// What is free in slabs: had by a running thread, had by none, and without memory.
    private static final class Slabs {
        long cachedBytes;
        long freeBytes;
        long returnedBytes;

        Slabs(HeapSnapshot snapshot) {
            Set<Integer> running = new HashSet<>();
            for (HeapSnapshot.Cache cache : snapshot.caches()) {
                if (!cache.thread().isEmpty()) {
                    running.add(cache.number());
                }
            }
            for (ExtentSnapshot extent : snapshot.extents()) {
                for (ExtentSnapshot.Slab slab : extent.slabs()) {
                    add(slab, extent.pageBytes(), running.contains(slab.cache()));
                }
            }
        }

        private void add(ExtentSnapshot.Slab slab, int pageBytes, boolean isRunning) {
            long notLive = Zone.CHUNK_BYTES - (long) slab.liveBlocks() * slab.blockBytes();
            long returned = part(notLive, (long) Integer.bitCount(slab.purgedPages()) * pageBytes);
            long free = notLive - returned;
            long tail = Math.min(free, Zone.CHUNK_BYTES % slab.blockBytes());
            returnedBytes += returned;
            freeBytes += isRunning ? tail : free;
            cachedBytes += isRunning ? free - tail : 0;
        }
    }
}
