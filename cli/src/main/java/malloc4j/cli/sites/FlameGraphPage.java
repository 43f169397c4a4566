package malloc4j.cli.sites;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import malloc4j.cli.profile.Measure;
import malloc4j.cli.profile.SampledProcess;
import one.convert.Arguments;
import one.convert.CallStack;
import one.convert.FlameGraph;
import one.convert.Frame;

/// A flame graph in one page of HTML, drawn by async-profiler's converter. It knows no differences: of one, what grew
/// stands in red beside what shrank in blue, each as wide as it changed.
final class FlameGraphPage implements SitesFile {
    private static final byte PLAIN = Frame.TYPE_JIT_COMPILED; // green
    private static final byte GROWN = Frame.TYPE_NATIVE; // red
    private static final byte SHRUNK = Frame.TYPE_KERNEL; // orange, made blue below

    private static final String ORANGE = "[0xe17d00, 30, 30,  0]";
    private static final String BLUE = "[0x5a8ce1, 30, 40, 30]";

    @Override
    public void write(SampledProcess process, Measure measure, OutputStream out) throws IOException {
        var graph = new FlameGraph(new Arguments("--title", title(process, measure)));
        boolean hasManyHeaps = process.heaps().size() > 1;
        for (SampledProcess.Site site : process.sites(measure)) {
            long bytes = measure.bytes(site.site());
            if (bytes != 0) {
                List<String> frames = OuterFrames.of(site, hasManyHeaps);
                graph.addSample(stack(process.isDifference(), bytes > 0, frames), Math.abs(bytes));
            }
        }
        var page = new ByteArrayOutputStream();
        graph.dump(new PrintStream(page, false, StandardCharsets.UTF_8));
        out.write(inBytes(page.toString(StandardCharsets.UTF_8)).getBytes(StandardCharsets.UTF_8));
    }

    private static CallStack stack(boolean isDifference, boolean isGrown, List<String> frames) {
        byte type = isDifference ? isGrown ? GROWN : SHRUNK : PLAIN;
        var stack = new CallStack();
        if (isDifference) {
            stack.push(isGrown ? "grown" : "shrunk", type);
        }
        frames.forEach(frame -> stack.push(frame, type));
        return stack;
    }

    private static String title(SampledProcess process, Measure measure) {
        String what = measure == Measure.LIVE ? "Live native memory" : "Native memory allocated";
        return what + " of process " + process.pid()
                + (process.isDifference() ? ", difference of " + process.seconds() + " s" : "");
    }

    /// The page counts samples, and what is kernel code there is what shrank here.
    private static String inBytes(String page) {
        return page.replace("'1 sample'", "'1 byte'")
                .replace("' samples'", "' bytes'")
                .replace(ORANGE, BLUE);
    }
}
