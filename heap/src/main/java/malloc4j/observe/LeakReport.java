package malloc4j.observe;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.StringJoiner;
import malloc4j.internal.memory.Sizes;

/// Which lines have allocated what is not freed: what is live when nothing should be, or what keeps growing while a
/// program runs.
///
/// **What grows**, by the rule of two snapshots: only blocks of some age count, for young ones may still be freed. Of a
/// site's samples `n` came to that age between the snapshots and are live, and `g` were live at that age before and are
/// gone. Where nothing leaks, as many go as come: the difference of two such counts has the standard deviation `sqrt(n
/// + g)`. A site leaks where `n - g` is at least three times that: so nine samples that all stay are a leak, eight are
/// not yet one.
///
/// @param heapName of the heap
/// @param leaks the sites, by live bytes, the largest first
/// @param isGrowth whether they are those that have grown; otherwise they are all that is live
/// @since 0.1.0
public record LeakReport(String heapName, List<Leak> leaks, boolean isGrowth) implements Serializable {
    private static final double DEVIATIONS = 3;
    private static final int MAX_LINES = 10;

    /// What a site has not freed, estimated from samples.
    ///
    /// @param stack innermost frame first; empty for what had no place in the table of stacks
    /// @param liveBytes of blocks that are not freed; of those that are old enough, where it is about growth
    /// @param liveBlocks how many those are
    /// @param grownBytes by how much that has grown between the snapshots; all of it where it is not about growth
    /// @param samples how many samples are live
    /// @param oldestAgeNanos since the oldest of them was allocated
    public record Leak(
            List<StackTraceElement> stack,
            long liveBytes,
            long liveBlocks,
            long grownBytes,
            long samples,
            long oldestAgeNanos)
            implements Serializable {
        /// A leak whose frames nobody can change.
        public Leak {
            stack = List.copyOf(stack);
        }

        /// The frames as text, innermost first.
        public List<String> frames() {
            return stack.stream().map(AllocationSite::text).toList();
        }

        private String place() {
            return stack.isEmpty() ? "an unknown line" : AllocationSite.text(stack.getFirst());
        }
    }

    /// A report whose leaks nobody can change, in order.
    public LeakReport {
        leaks = leaks.stream()
                .sorted(Comparator.comparingLong(Leak::liveBytes).reversed())
                .toList();
    }

    /// All that is live.
    public static LeakReport live(AllocationProfile profile) {
        List<Leak> leaks = new ArrayList<>();
        for (AllocationSite site : profile.sites()) {
            if (site.liveSamples() > 0) {
                leaks.add(leak(site, site.liveBytes()));
            }
        }
        return new LeakReport(profile.heapName(), leaks, false);
    }

    /// What grows, by two snapshots of the same heap.
    ///
    /// @param earlier the blocks of some age and more, at the first
    /// @param later the same at the second
    /// @param survivors those of `later` that `earlier` has too: of that age, and as much more as has passed between
    public static LeakReport growing(AllocationProfile earlier, AllocationProfile later, AllocationProfile survivors) {
        Map<List<StackTraceElement>, AllocationSite> before = byStack(earlier);
        Map<List<StackTraceElement>, AllocationSite> left = byStack(survivors);
        List<Leak> leaks = new ArrayList<>();
        for (AllocationSite site : later.sites()) {
            AllocationSite was = before.get(site.stack());
            AllocationSite still = left.get(site.stack());
            long stillLive = still == null ? 0 : still.liveSamples();
            long come = site.liveSamples() - stillLive;
            long gone = Math.max(0, (was == null ? 0 : was.liveSamples()) - stillLive);
            if (come - gone >= DEVIATIONS * Math.sqrt((double) (come + gone)) && come > gone) {
                leaks.add(leak(site, site.liveBytes() - (was == null ? 0 : was.liveBytes())));
            }
        }
        return new LeakReport(later.heapName(), leaks, true);
    }

    private static Leak leak(AllocationSite site, long grownBytes) {
        return new Leak(
                site.stack(),
                site.liveBytes(),
                site.liveBlocks(),
                grownBytes,
                site.liveSamples(),
                site.oldestAgeNanos());
    }

    private static Map<List<StackTraceElement>, AllocationSite> byStack(AllocationProfile profile) {
        Map<List<StackTraceElement>, AllocationSite> sites = new HashMap<>();
        profile.sites().forEach(site -> sites.put(site.stack(), site));
        return sites;
    }

    /// In a sentence.
    public String verdict() {
        String heap = "heap '" + heapName + "': ";
        if (leaks.isEmpty()) {
            return heap + (isGrowth ? "no site keeps growing" : "nothing that was sampled is live");
        }
        long bytes = leaks.stream()
                .mapToLong(isGrowth ? Leak::grownBytes : Leak::liveBytes)
                .sum();
        Leak first = leaks.getFirst();
        String sites = leaks.size() == 1 ? first.place() : leaks.size() + " sites, most by " + first.place();
        return heap + "about " + Sizes.text(bytes)
                + (isGrowth ? " more than before, and not freed, by " : " not freed, by ") + sites;
    }

    /// The verdict, and the first sites with their stacks.
    @Override
    public String toString() {
        StringJoiner text = new StringJoiner("\n").add(verdict());
        for (Leak leak : leaks.subList(0, Math.min(leaks.size(), MAX_LINES))) {
            text.add("  " + Sizes.text(leak.liveBytes) + " in about " + leak.liveBlocks + " blocks (" + leak.samples
                    + " samples), the oldest " + Sizes.seconds(leak.oldestAgeNanos) + " old");
            leak.frames().forEach(frame -> text.add("    at " + frame));
        }
        if (leaks.size() > MAX_LINES) {
            text.add("  and " + (leaks.size() - MAX_LINES) + " more sites");
        }
        return text.toString();
    }
}
