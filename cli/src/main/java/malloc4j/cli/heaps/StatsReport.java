package malloc4j.cli.heaps;

import io.avaje.jsonb.Json;
import java.util.List;
import malloc4j.observe.HeapFootprint;
import malloc4j.process.HeapBooks;
import org.jspecify.annotations.Nullable;

/// What `stats --json` prints. The field names are a contract.
///
/// @param readFromOutside whether the process was not asked: then what it alone knows is absent
/// @param notes what could not be told, a sentence each
@Json
public record StatsReport(long pid, boolean readFromOutside, List<Heap> heaps, List<String> notes) {
    /// A heap. What is estimated from samples is -1 where there are none.
    ///
    /// @param residentBytes absent where nobody tells, as in a core
    /// @param requestedBytes absent where it was read from outside, as is roundingBytes
    @Json
    public record Heap(
            String name,
            int heapId,
            long allocatedBytes,
            long activeBytes,
            long metadataBytes,
            @Nullable Long residentBytes,
            long mappedBytes,
            long retainedBytes,
            @Nullable Long requestedBytes,
            @Nullable Long roundingBytes,
            long cachedBytes,
            long slabFreeBytes,
            long quarantinedBytes,
            long samplingBytes,
            long movingBytes,
            long dirtyBytes,
            long returnedBytes) {}

    static StatsReport of(BooksCommand.Look<List<HeapFootprint>> look) {
        HeapBooks books = look.books();
        return new StatsReport(
                look.pid(),
                books != null,
                look.heaps().stream().map(heap -> heap(heap, books == null)).toList(),
                books == null ? List.of() : books.notes());
    }

    /// One heap of it, as it tells itself.
    public static Heap heap(HeapFootprint footprint) {
        return heap(footprint, true);
    }

    private static Heap heap(HeapFootprint footprint, boolean knowsSamples) {
        return new Heap(
                footprint.heapName(),
                footprint.heapId(),
                footprint.allocatedBytes(),
                footprint.activeBytes(),
                footprint.metadataBytes(),
                footprint.residentBytes() < 0 ? null : footprint.residentBytes(),
                footprint.mappedBytes(),
                footprint.retainedBytes(),
                knowsSamples ? footprint.requestedBytes() : null,
                knowsSamples ? footprint.roundingBytes() : null,
                footprint.cachedBytes(),
                footprint.slabFreeBytes(),
                footprint.quarantinedBytes(),
                footprint.samplingBytes(),
                footprint.movingBytes(),
                footprint.dirtyBytes(),
                footprint.returnedBytes());
    }
}
