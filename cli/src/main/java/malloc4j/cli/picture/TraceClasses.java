package malloc4j.cli.picture;

import io.avaje.jsonb.Json;
import java.util.List;

/// What a trace asks for, put on a heap's size classes. What `classes --for TRACE --json` prints: the field names are
/// a contract.
///
/// ```
///   blockBytes     == requestedBytes + wasteBytes               of requests, over the whole trace; small ones alone
///   peak.slabBytes == peak.requestedBytes + peak.wasteBytes + peak.freeBytes       of what is live at the peak
/// ```
///
/// A request is a malloc, a calloc, a memalign or a realloc. At the peak blocks are taken to lie as densely as they
/// can: a heap needs no fewer slabs than that, and more where blocks that stay lie among others that went.
///
/// @param verdict what it comes to, in a sentence or two
/// @param requestedBytes of all requests that slabs serve
/// @param blockBytes what they get
/// @param wasteBytes what rounding up to a block costs them
/// @param larger what no slab serves: blocks above 32 KiB, or alignments that none has
/// @param gains sizes that a few bytes less would put into smaller blocks, the most worth first
@Json
public record TraceClasses(
        String trace,
        String verdict,
        long events,
        long requests,
        long requestedBytes,
        long blockBytes,
        long wasteBytes,
        Peak peak,
        List<SizeClass> classes,
        Larger larger,
        List<Gain> gains) {

    /// When most bytes are live, requests of all sizes taken together.
    ///
    /// @param event after how many
    /// @param liveBytes what was asked for, larger requests included
    /// @param blocks that live in slabs
    /// @param requestedBytes of those
    /// @param wasteBytes what rounding costs them
    /// @param freeBytes of slabs: in no block that lives
    @Json
    public record Peak(
            long event,
            long liveBytes,
            long blocks,
            long requestedBytes,
            long wasteBytes,
            long slabs,
            long slabBytes,
            long freeBytes) {}

    /// One block size.
    ///
    /// @param share of all requests, larger ones included
    /// @param wasteBytes what rounding costs, over the whole trace
    /// @param peakBlocks that live at the peak
    /// @param peakSlabs that those need
    /// @param peakFreeBytes of those slabs: in no block that lives
    @Json
    public record SizeClass(
            int blockBytes,
            long requests,
            double share,
            long requestedBytes,
            long wasteBytes,
            long peakBlocks,
            long peakRequestedBytes,
            long peakSlabs,
            long peakFreeBytes) {}

    /// Requests that no slab serves.
    @Json
    public record Larger(long requests, long requestedBytes, long peakBlocks, long peakRequestedBytes) {}

    /// A size that would gain.
    ///
    /// @param byteSize that is asked for
    /// @param lessBytes how many fewer would do
    /// @param blockBytes of the blocks that it gets
    /// @param smallerBlockBytes of those that it would get
    /// @param savedBytes over the whole trace
    @Json
    public record Gain(
            int byteSize, long requests, int lessBytes, int blockBytes, int smallerBlockBytes, long savedBytes) {}
}
