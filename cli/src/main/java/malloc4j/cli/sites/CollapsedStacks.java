package malloc4j.cli.sites;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.TreeMap;
import malloc4j.cli.profile.Measure;
import malloc4j.cli.profile.SampledHeap;
import malloc4j.cli.profile.SampledProcess;
import malloc4j.observe.AllocationProfile;

/// Brendan Gregg's collapsed stacks: frames from the outermost to the innermost with semicolons between them, a blank,
/// and bytes. Of a difference there are two figures, before and after, as `difffolded.pl` writes and `flamegraph.pl`
/// reads them.
///
/// @source [FlameGraph](https://github.com/brendangregg/FlameGraph)
final class CollapsedStacks implements SitesFile {
    @Override
    public void write(SampledProcess process, Measure measure, OutputStream out) throws IOException {
        Map<String, long[]> stacks = new TreeMap<>();
        boolean hasManyHeaps = process.heaps().size() > 1;
        for (SampledHeap heap : process.heaps()) {
            AllocationProfile earlier = heap.earlier();
            if (earlier != null) {
                add(stacks, earlier, measure, hasManyHeaps, 0);
            }
            add(stacks, heap.later(), measure, hasManyHeaps, 1);
        }
        StringBuilder text = new StringBuilder();
        stacks.forEach((stack, bytes) -> {
            if (bytes[0] != 0 || bytes[1] != 0) {
                text.append(stack).append(' ');
                text.append(process.isDifference() ? bytes[0] + " " + bytes[1] : bytes[1])
                        .append('\n');
            }
        });
        out.write(text.toString().getBytes(StandardCharsets.UTF_8));
    }

    private static void add(
            Map<String, long[]> stacks, AllocationProfile profile, Measure measure, boolean hasManyHeaps, int moment) {
        for (var site : profile.sites()) {
            var named = new SampledProcess.Site(profile.heapName(), site);
            String stack = String.join(";", OuterFrames.of(named, hasManyHeaps));
            stacks.computeIfAbsent(stack, unseen -> new long[2])[moment] += measure.bytes(site);
        }
    }
}
