package malloc4j.cli.picture;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import malloc4j.cli.profile.Measure;
import malloc4j.cli.profile.SampledProcess;
import malloc4j.observe.AllocationProfile;
import malloc4j.observe.AllocationSite;

/// Allocation sites for people: what there is in a sentence, then a table of sites with their stacks.
public final class SitesPicture {
    private static final String NO_STACK = "(no stack: the table of stacks was full)";
    private static final int PERCENT = 100;
    private static final String INDENT = "  ";

    private SitesPicture() {}

    /// The verdict, and then how it was come by.
    public static List<String> sentences(SampledProcess process, Measure measure) {
        List<String> sentences = new ArrayList<>();
        sentences.add(verdict(process, measure));
        for (AllocationProfile profile : process.profiles()) {
            long samples = profile.sites().stream()
                    .mapToLong(AllocationSite::totalSamples)
                    .sum();
            sentences.add(String.format(
                    Locale.ROOT,
                    "Heap %s: estimated from %,d samples in %s, one for each %s allocated.",
                    Texts.printable(profile.heapName()),
                    samples,
                    seconds(profile.durationNanos()),
                    Texts.size(profile.sampleBytes())));
        }
        return sentences;
    }

    private static String verdict(SampledProcess sampled, Measure measure) {
        List<SampledProcess.Site> sites = sampled.sites(measure);
        long all = sites.stream().mapToLong(site -> measure.bytes(site.site())).sum();
        String process = "Process " + sampled.pid() + ": ";
        if (sites.isEmpty() || measure.bytes(sites.getFirst().site()) == 0) {
            return process + nothing(sampled, measure);
        }
        String place = innermost(sites.getFirst().site());
        long largest = measure.bytes(sites.getFirst().site());
        if (sampled.isDifference() && measure == Measure.LIVE) {
            return process + "live memory " + (all < 0 ? "shrank" : "grew") + " by " + Texts.size(Math.abs(all))
                    + " in " + sampled.seconds() + " s, most of all at " + place + " by " + signed(largest) + ".";
        }
        long count =
                sites.stream().filter(site -> measure.bytes(site.site()) != 0).count();
        return process + Texts.size(all) + (measure == Measure.LIVE ? " sampled and live" : " allocated while sampled")
                + (count == 1
                        ? ", all from " + place
                        : String.format(
                                Locale.ROOT,
                                " from %,d sites, %d %% of it from %s",
                                count,
                                Math.round((double) PERCENT * largest / all),
                                place))
                + ".";
    }

    private static String nothing(SampledProcess sampled, Measure measure) {
        if (measure == Measure.TOTAL) {
            return "no allocation was sampled.";
        }
        return sampled.isDifference()
                ? "no live memory came or went in " + sampled.seconds() + " s."
                : "nothing of what was sampled is live.";
    }

    private static String innermost(AllocationSite site) {
        return site.stack().isEmpty() ? NO_STACK : frame(site.stack().getFirst());
    }

    private static String frame(StackTraceElement frame) {
        return Texts.printable(AllocationSite.text(frame));
    }

    private static String seconds(long nanos) {
        double seconds = (double) nanos / TimeUnit.SECONDS.toNanos(1);
        return String.format(Locale.ROOT, seconds < PERCENT ? "%.1f s" : "%,.0f s", seconds);
    }

    /// A table: the largest sites, each with its callers below.
    ///
    /// @param top how many sites
    /// @param frames how many of each
    /// @param columns how many letters a line has room for, at least 20: stacks without room beside the figures stand
    ///     below
    public static String table(SampledProcess process, Measure measure, int top, int frames, int columns) {
        String beside = table(process, measure, top, frames, true).toString();
        return beside.lines().allMatch(line -> line.length() <= columns)
                ? beside
                : table(process, measure, top, frames, false).toString(columns);
    }

    private static Texts.Table table(SampledProcess process, Measure measure, int top, int frames, boolean isBeside) {
        var table = isBeside
                ? new Texts.Table(" live", " blocks", " total", " blocks", " samples", " +-", "site")
                : new Texts.Table(" live", " blocks", " total", " blocks", " samples", " +-");
        List<SampledProcess.Site> sites = process.sites(measure);
        for (SampledProcess.Site site : sites.stream().limit(top).toList()) {
            List<String> stack = stack(site, process.heaps().size() > 1, frames);
            List<String> row = figures(site.site(), measure, process.isDifference());
            if (isBeside) {
                row.add(stack.getFirst());
            }
            table.add(row.toArray(String[]::new));
            for (String frame : stack.subList(isBeside ? 1 : 0, stack.size())) {
                if (isBeside) {
                    table.add("", "", "", "", "", "", frame);
                } else {
                    table.addLine(INDENT + frame);
                }
            }
        }
        if (sites.size() > top) {
            table.addLine(String.format(Locale.ROOT, "%,d more, see --top", sites.size() - top));
        }
        return table;
    }

    private static List<String> figures(AllocationSite site, Measure measure, boolean isDifference) {
        long samples = measure.samples(site);
        return new ArrayList<>(List.of(
                isDifference ? signed(site.liveBytes()) : Texts.size(site.liveBytes()),
                count((isDifference && site.liveBlocks() > 0 ? "+" : ""), site.liveBlocks()),
                Texts.size(site.totalBytes()),
                count("", site.totalBlocks()),
                count("", samples),
                samples > 0 && !isDifference ? deviationPercent(site, measure) + " %" : ""));
    }

    private static long deviationPercent(AllocationSite site, Measure measure) {
        return Math.round((double) PERCENT * measure.deviationBytes(site) / measure.bytes(site));
    }

    private static String count(String sign, long count) {
        return String.format(Locale.ROOT, "%s%,d", sign, count);
    }

    /// The innermost frame, and the others further right.
    private static List<String> stack(SampledProcess.Site site, boolean hasManyHeaps, int frames) {
        List<String> lines = new ArrayList<>();
        lines.add(innermost(site.site()) + (hasManyHeaps ? " in heap " + Texts.printable(site.heapName()) : ""));
        site.site().stack().stream().skip(1).limit(frames - 1L).forEach(caller -> lines.add(INDENT + frame(caller)));
        return lines;
    }

    private static String signed(long bytes) {
        return (bytes < 0 ? "-" : bytes > 0 ? "+" : "") + Texts.size(Math.abs(bytes));
    }
}
