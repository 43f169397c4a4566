package malloc4j.cli.serve;

import io.avaje.jsonb.Json;
import java.util.Comparator;
import java.util.concurrent.TimeUnit;
import malloc4j.observe.AllocationSite;
import malloc4j.observe.HeldPages;

/// A nearly empty slab, and whose blocks keep it. The field names are a contract.
///
/// @param site the line that has allocated the oldest block of which that is known, as `Class.method(File.java:LINE)`;
///     empty where none is known
/// @param oldestAgeMillis of that block, 0 where none is known
@Json
record HeldSlab(long address, int blockBytes, int liveBlocks, long heldBytes, String site, long oldestAgeMillis) {
    static HeldSlab of(HeldPages.Slab slab) {
        HeldPages.Holder oldest = slab.blocks().stream()
                .max(Comparator.comparingLong(HeldPages.Holder::ageNanos))
                .orElse(null);
        return new HeldSlab(
                slab.address(),
                slab.blockBytes(),
                slab.liveBlocks(),
                slab.heldBytes(),
                oldest == null || oldest.stack().isEmpty()
                        ? ""
                        : AllocationSite.text(oldest.stack().getFirst()),
                oldest == null ? 0 : TimeUnit.NANOSECONDS.toMillis(oldest.ageNanos()));
    }
}
