package malloc4j.cli.report;

import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.LongSummaryStatistics;
import malloc4j.cli.report.Comparison.Contender;
import malloc4j.cli.report.Comparison.Subject;
import malloc4j.peers.AllocatorName;

/// What came of a subject, in words: how malloc4j did against the fastest and the most sparing, or where it did not
/// take part, who those are. Whether rounds overlap is said, since then the order may be the machine's.
final class ComparisonVerdict {
    private static final String OURS = AllocatorName.MALLOC4J.toString();
    private static final double MIB = 1 << 20;

    private ComparisonVerdict() {}

    static String of(Subject subject) {
        List<Contender> all = subject.contenders().stream()
                .filter(each -> !each.allocator().equals(AllocatorName.NONE.toString()))
                .sorted(Comparator.comparingDouble(Contender::medianNanos))
                .toList();
        if (all.isEmpty()) {
            return "No allocator was measured.";
        }
        Contender shown = all.stream()
                .filter(each -> each.allocator().equals(OURS))
                .findFirst()
                .orElse(all.getFirst());
        return time(shown, all, subject.unit()) + " " + memory(shown, all, subject.peakLiveBytes());
    }

    private static String time(Contender shown, List<Contender> all, String unit) {
        String takes = String.format(
                Locale.ROOT, "%s takes %s ns an %s in the median round", shown.allocator(), nanos(shown), unit);
        if (all.size() == 1) {
            return takes + ".";
        }
        boolean isFastest = shown.equals(all.getFirst());
        Contender other = isFastest ? all.get(1) : all.getFirst();
        String chance = shown.overlaps(other) ? " Rounds of the two overlap, so the order may be chance." : "";
        return takes
                + (isFastest
                        ? String.format(
                                Locale.ROOT,
                                ", the least of all; %s is next with %s, %.2f times as much.",
                                other.allocator(),
                                nanos(other),
                                other.medianNanos() / shown.medianNanos())
                        : String.format(
                                Locale.ROOT,
                                ", %.2f times as much as %s, the fastest, with %s.",
                                shown.medianNanos() / other.medianNanos(),
                                other.allocator(),
                                nanos(other)))
                + chance;
    }

    private static String memory(Contender shown, List<Contender> all, long peakLiveBytes) {
        String peak = "Its memory peaks at " + mebibytes(shown.peakBytes());
        if (peakLiveBytes > 0) {
            peak += String.format(
                    Locale.ROOT, ", %.2f times what was live then", (double) shown.peakBytes() / peakLiveBytes);
        }
        Contender least =
                all.stream().min(Comparator.comparingLong(Contender::peakBytes)).orElseThrow();
        if (all.size() > 1) {
            peak += least.peakBytes() == shown.peakBytes()
                    ? ", the least of all"
                    : "; " + least.allocator() + " needs least, " + mebibytes(least.peakBytes());
        }
        String left = " Two seconds after everything was freed it keeps " + mebibytes(shown.leftBytes());
        LongSummaryStatistics others = all.stream()
                .filter(each -> !each.equals(shown))
                .mapToLong(Contender::leftBytes)
                .summaryStatistics();
        if (others.getCount() > 0) {
            String from = mebibytes(others.getMin());
            String to = mebibytes(others.getMax());
            left += (others.getCount() == 1 ? ", the other " : ", the others ")
                    + (from.equals(to) ? to : from + " to " + to);
        }
        return peak + "." + left + ".";
    }

    private static String nanos(Contender contender) {
        return String.format(Locale.ROOT, contender.medianNanos() < 100 ? "%.1f" : "%,.0f", contender.medianNanos());
    }

    private static String mebibytes(long bytes) {
        return String.format(Locale.ROOT, "%.1f MiB", bytes / MIB);
    }
}
