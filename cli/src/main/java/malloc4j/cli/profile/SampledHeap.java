package malloc4j.cli.profile;

import malloc4j.observe.AllocationProfile;
import org.jspecify.annotations.Nullable;

/// What was read of one heap.
///
/// @param earlier the profile at the first of two moments; null where one was asked for, or the heap is younger
/// @param later the profile at the second moment, or the only one
public record SampledHeap(@Nullable AllocationProfile earlier, AllocationProfile later) {
    /// What is to be shown: the profile, or the difference of the two.
    public AllocationProfile profile() {
        return earlier == null ? later : later.since(earlier);
    }
}
