package malloc4j.cli.replay;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import malloc4j.cli.child.TextTable;
import malloc4j.cli.replay.ReplayReport.Result;
import malloc4j.peers.AllocatorName;

/// A report for people: for each trace its facts in a line, its notes in a line each, and its allocators in a table,
/// the fastest first, `*` at the best of each column. What dropped out is named below.
///
/// ```
/// traces/sqlite.trace.gz: 369,853 events, 183,703 objects, 1 thread, peak live 9.4 MiB
///
/// allocator  version      best     median   to best  peak    peak  after free
///                     ns/event   ns/event             MiB   /live         MiB
/// mimalloc   2.0.9         7.2*       7.5*     1.00  11.9    1.26        11.9
/// glibc      2.36         10.5       11.3      1.45   9.4*   1.00         9.4*
/// ```
///
/// Times of a verifying replay are shown as a dash: they are those of the checks.
final class ReplayTable {
    /// Headings of columns whose figures may have a star leave room for it.
    private static final String[][] HEADER = {
        {"allocator", "version", "best ", "median ", "to best", "peak ", "peak", "after free "},
        {"", "", "ns/event ", "ns/event ", "", "MiB ", "/live", "MiB "},
    };
    private static final int TEXT_COLUMNS = 2;
    private static final double MIB = 1 << 20;

    private ReplayTable() {}

    static String render(ReplayReport report, List<PreparedTrace> traces) {
        var text = new StringBuilder();
        for (PreparedTrace trace : traces) {
            List<Result> results = report.results().stream()
                    .filter(result -> result.trace().equals(trace.name()))
                    .sorted(Comparator.comparingDouble(Result::nanosPerEvent))
                    .toList();
            text.append(heading(trace, report.settings())).append('\n');
            trace.notes().forEach(note -> text.append(note).append('\n'));
            if (!results.isEmpty()) {
                text.append('\n');
                text.append(table(results, report.settings().verify()));
            }
            text.append('\n');
        }
        text.append(footnotes(report));
        return text.toString();
    }

    private static String heading(PreparedTrace trace, ReplayReport.Settings settings) {
        return trace.name() + ": " + facts(trace, settings);
    }

    /// What a trace is, without its name.
    static String facts(PreparedTrace trace, ReplayReport.Settings settings) {
        TraceSummary summary = trace.summary();
        String threads = summary.threadCount() == 1 ? "1 thread" : summary.threadCount() + " threads";
        return String.format(
                Locale.ROOT,
                "%,d events, %,d objects, %s%s, peak live %.1f MiB",
                summary.eventCount(),
                summary.objectCount(),
                threads,
                settings.serial() && summary.threadCount() > 1 ? " replayed on one" : "",
                summary.peakLiveBytes() / MIB);
    }

    private static String table(List<Result> results, boolean verified) {
        double bestTime = best(results, Result::nanosPerEvent);
        var table = new TextTable(TEXT_COLUMNS, HEADER);
        for (Result result : results) {
            String live = result.peakLiveBytes() == 0
                    ? "-"
                    : decimals(2, (double) result.peakResidentBytes() / result.peakLiveBytes());
            table.add(
                    result.allocator(),
                    result.version(),
                    verified ? "- " : marked(results, result, Result::nanosPerEvent, 1, 1),
                    verified ? "- " : marked(results, result, Result::medianNanosPerEvent, 1, 1),
                    verified || bestTime == 0 ? "-" : decimals(2, result.nanosPerEvent() / bestTime),
                    marked(results, result, Result::peakResidentBytes, MIB, 1),
                    live,
                    marked(results, result, Result::residentAfterFreeBytes, MIB, 1));
        }
        return table.render();
    }

    /// The value, with a star if no other is better by what is shown of it.
    private static String marked(
            List<Result> results, Result result, ToDoubleFunction<Result> value, double unit, int decimals) {
        String shown = decimals(decimals, value.applyAsDouble(result) / unit);
        boolean isBest = allocators(results).count() > 1
                && !isYardstick(result)
                && shown.equals(decimals(decimals, best(results, value) / unit));
        return shown + (isBest ? "*" : " ");
    }

    /// All but the yardstick.
    private static Stream<Result> allocators(List<Result> results) {
        return results.stream().filter(result -> !isYardstick(result));
    }

    private static boolean isYardstick(Result result) {
        return result.allocator().equals(AllocatorName.NONE.toString());
    }

    private static double best(List<Result> results, ToDoubleFunction<Result> value) {
        return allocators(results).mapToDouble(value).min().orElse(0);
    }

    private static String decimals(int count, double value) {
        return String.format(Locale.ROOT, "%." + count + "f", value);
    }

    private static String footnotes(ReplayReport report) {
        ReplayReport.Settings settings = report.settings();
        List<String> notes = new ArrayList<>();
        String rounds = settings.rounds() == 1 ? "1 round, " : settings.rounds() + " rounds, ";
        notes.add(
                settings.verify()
                        ? rounds + "every byte written and checked; times are not comparable"
                        : rounds
                                + (settings.touch().equals("all") ? "every byte written" : "first word written")
                                + "; * is the best");
        notes.add(report.machine().line());
        if (!report.absent().isEmpty()) {
            notes.add("not installed: "
                    + report.absent().stream()
                            .map(absent -> absent.allocator() + " (" + absent.reason() + ")")
                            .collect(Collectors.joining(", ")));
        }
        return String.join("\n", notes) + "\n";
    }
}
