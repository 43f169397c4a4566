package malloc4j.cli.serve;

import io.avaje.jsonb.Json;
import java.util.List;
import malloc4j.cli.heaps.ClassesCommand.Report.SizeClass;
import malloc4j.cli.heaps.StatsReport;
import malloc4j.cli.picture.CellMap;
import malloc4j.observe.HeapSnapshot;

/// What the page draws of one moment. The field names are a contract.
///
/// @param tick of this command, from 1 on
/// @param timeMillis since 1970
/// @param verdict how things are, in a sentence
/// @param events the newest that have happened, the oldest of them first
@Json
record Observation(
        long pid,
        String program,
        long tick,
        long timeMillis,
        String verdict,
        List<HeapView> heaps,
        List<HeapEvent> events) {
    /// A heap.
    ///
    /// @param footprint where its memory is
    /// @param hardLimitBytes -1 for none
    @Json
    record HeapView(
            StatsReport.Heap footprint,
            Counts counts,
            long hardLimitBytes,
            List<SizeClass> classes,
            List<CacheView> caches,
            CellMap cells) {}

    /// What a heap has done since it began, and holds now.
    @Json
    record Counts(
            long liveBlocks,
            long allocatedBlocks,
            long allocatedBytes,
            long freedBlocks,
            long refusals,
            long systemCalls,
            long largeBlocks,
            long largeBytes,
            long hugeBlocks,
            long hugeBytes) {}

    /// A thread's cache.
    ///
    /// @param thread empty where no thread has it
    @Json
    record CacheView(String thread, long slabs, long liveBytes) {
        static CacheView of(HeapSnapshot.Cache cache) {
            return new CacheView(cache.thread(), cache.slabs(), cache.liveBytes());
        }
    }
}
