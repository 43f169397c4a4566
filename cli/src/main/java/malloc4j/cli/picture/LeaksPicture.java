package malloc4j.cli.picture;

import java.util.Locale;
import java.util.StringJoiner;
import java.util.concurrent.TimeUnit;
import malloc4j.observe.LeakReport;

/// What keeps growing in a heap, for people: a sentence, then each line with its callers.
public final class LeaksPicture {
    private LeaksPicture() {}

    /// In a sentence.
    public static String verdict(long pid, int seconds, LeakReport report) {
        return "Process " + pid + ", watched for " + seconds + " s: " + Texts.printable(report.verdict()) + ".";
    }

    /// The sites in lines of their own, the largest first.
    public static String sites(LeakReport report) {
        StringJoiner text = new StringJoiner("\n", "", "\n");
        for (LeakReport.Leak leak : report.leaks()) {
            text.add(String.format(
                    Locale.ROOT,
                    "  grown by %s to %s in about %,d blocks (%,d samples), the oldest %,d s old",
                    Texts.size(leak.grownBytes()),
                    Texts.size(leak.liveBytes()),
                    leak.liveBlocks(),
                    leak.samples(),
                    TimeUnit.NANOSECONDS.toSeconds(leak.oldestAgeNanos())));
            leak.frames().forEach(frame -> text.add("    at " + Texts.printable(frame)));
        }
        return text.toString();
    }
}
