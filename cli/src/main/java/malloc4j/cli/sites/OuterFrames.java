package malloc4j.cli.sites;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import malloc4j.cli.profile.SampledProcess;
import malloc4j.observe.AllocationSite;

/// Stacks as graphs draw them: outermost first.
final class OuterFrames {
    private static final String NO_STACK = "(no stack)";

    private OuterFrames() {}

    /// The frames of a site, below one for its heap where there are several.
    static List<String> of(SampledProcess.Site of, boolean hasManyHeaps) {
        AllocationSite site = of.site();
        List<String> frames = new ArrayList<>(site.stack().isEmpty() ? List.of(NO_STACK) : site.frames());
        if (hasManyHeaps) {
            frames.add("heap " + of.heapName());
        }
        Collections.reverse(frames);
        return frames;
    }
}
