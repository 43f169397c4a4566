package malloc4j.observe;

import java.io.Serializable;
import java.util.List;
import java.util.StringJoiner;
import malloc4j.internal.memory.Sizes;

/// What one Java stack has allocated in a heap, as an [AllocationProfile] estimates it.
///
/// Bytes are those that the blocks have for use, which is what was asked for, rounded up to the size class or to pages.
/// Each figure is a sum over samples, each weighted by one over the probability that it was taken: its expected value
/// is what an exact count would give. Its standard deviation is an
/// estimate too: about the figure over `sqrt(samples)`, and more where some samples weigh more than others.
///
/// In the [difference][AllocationProfile#since] of two profiles, figures of what is live may be negative.
///
/// @param stack the frames, innermost first, without those of this library; empty for what had no place in the table of
///     stacks
/// @param totalBytes allocated, whether freed since or not
/// @param totalBlocks how many blocks those are
/// @param liveBytes of blocks that are not freed
/// @param liveBlocks how many blocks those are
/// @param totalSamples how many samples the totals rest on
/// @param liveSamples how many samples the live figures rest on
/// @param totalDeviationBytes the standard deviation of `totalBytes`
/// @param liveDeviationBytes the standard deviation of `liveBytes`
/// @param oldestAgeNanos since the oldest live sample was allocated; 0 where none is live
/// @param meanAgeNanos of the live blocks; 0 where none is live
/// @param meanLifetimeNanos of the freed blocks; 0 where none was freed
/// @since 0.1.0
public record AllocationSite(
        List<StackTraceElement> stack,
        long totalBytes,
        long totalBlocks,
        long liveBytes,
        long liveBlocks,
        long totalSamples,
        long liveSamples,
        long totalDeviationBytes,
        long liveDeviationBytes,
        long oldestAgeNanos,
        long meanAgeNanos,
        long meanLifetimeNanos)
        implements Serializable {
    /// A site whose frames nobody can change.
    public AllocationSite {
        stack = List.copyOf(stack);
    }

    /// A frame as every document of this project has it: `Class.method(File.java:LINE)`.
    public static String text(StackTraceElement frame) {
        String file = frame.getFileName();
        String place =
                file == null ? "Unknown Source" : frame.getLineNumber() < 0 ? file : file + ":" + frame.getLineNumber();
        return frame.getClassName() + "." + frame.getMethodName() + "("
                + (frame.isNativeMethod() ? "Native Method" : place) + ")";
    }

    /// The frames as text, innermost first.
    public List<String> frames() {
        return stack.stream().map(AllocationSite::text).toList();
    }

    /// The figures on the first line, then the stack, a frame on each line.
    @Override
    public String toString() {
        StringJoiner text = new StringJoiner("\n    at ");
        text.add("AllocationSite[live " + Sizes.text(liveBytes) + " in " + liveBlocks + " blocks, total "
                + Sizes.text(totalBytes) + " in " + totalBlocks + " blocks, " + totalSamples + " samples]");
        frames().forEach(text::add);
        return text.toString();
    }
}
