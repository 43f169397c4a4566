package malloc4j.cli.playground;

import io.avaje.jsonb.Json;
import java.util.List;

/// The playground after a request. The field names are a contract.
///
/// @param sentences what has come of the request; empty before the first
/// @param breakEnd where the program break's memory ends, 0 where there is none
/// @param blocks the newest first, those of them that are shown
/// @param liveBlocks how many there are
/// @param liveBytes what they may use
/// @param residentBytes what is in memory of the heaps
@Json
public record PlaygroundState(
        List<String> sentences, long breakEnd, List<Block> blocks, int liveBlocks, long liveBytes, long residentBytes) {
    /// A block that is live.
    ///
    /// @param number of it, from 1 on
    /// @param byteSize what was asked for
    /// @param usableBytes what it may use
    /// @param residentBytes of the pages that it touches, what is in memory
    /// @param place what it lies in, in words
    @Json
    public record Block(
            int number,
            long address,
            long byteSize,
            long usableBytes,
            long residentBytes,
            boolean isTouched,
            String place) {}
}
