package malloc4j.jmx;

import java.util.List;
import malloc4j.observe.AllocationSite;

/// What one stack has allocated, as [AllocationSite] has it.
///
/// @param liveBytes of blocks that are not freed
/// @param liveBlocks how many blocks those are
/// @param totalBytes allocated, whether freed since or not
/// @param totalBlocks how many blocks those are
/// @param stack the frames as `Class.method(File.java:LINE)`, innermost first
/// @since 0.1.0
public record ProfiledSite(long liveBytes, long liveBlocks, long totalBytes, long totalBlocks, List<String> stack) {
    static ProfiledSite of(AllocationSite site) {
        return new ProfiledSite(
                site.liveBytes(), site.liveBlocks(), site.totalBytes(), site.totalBlocks(), site.frames());
    }
}
