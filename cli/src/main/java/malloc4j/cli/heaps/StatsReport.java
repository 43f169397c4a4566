package malloc4j.cli.heaps;

import io.avaje.jsonb.Json;
import java.util.List;
import malloc4j.observe.HeapFootprint;

/// What `stats --json` prints. The field names are a contract.
@Json
public record StatsReport(long pid, List<Heap> heaps) {
    /// A heap. What is estimated from samples is -1 where there are none.
    @Json
    public record Heap(
            String name,
            int heapId,
            long allocatedBytes,
            long activeBytes,
            long metadataBytes,
            long residentBytes,
            long mappedBytes,
            long retainedBytes,
            long requestedBytes,
            long roundingBytes,
            long cachedBytes,
            long slabFreeBytes,
            long quarantinedBytes,
            long samplingBytes,
            long movingBytes,
            long dirtyBytes,
            long returnedBytes) {}

    static StatsReport of(long pid, List<HeapFootprint> footprints) {
        return new StatsReport(pid, footprints.stream().map(StatsReport::heap).toList());
    }

    private static Heap heap(HeapFootprint footprint) {
        return new Heap(
                footprint.heapName(),
                footprint.heapId(),
                footprint.allocatedBytes(),
                footprint.activeBytes(),
                footprint.metadataBytes(),
                footprint.residentBytes(),
                footprint.mappedBytes(),
                footprint.retainedBytes(),
                footprint.requestedBytes(),
                footprint.roundingBytes(),
                footprint.cachedBytes(),
                footprint.slabFreeBytes(),
                footprint.quarantinedBytes(),
                footprint.samplingBytes(),
                footprint.movingBytes(),
                footprint.dirtyBytes(),
                footprint.returnedBytes());
    }
}
