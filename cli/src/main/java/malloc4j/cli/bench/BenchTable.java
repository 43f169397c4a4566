package malloc4j.cli.bench;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;
import malloc4j.cli.bench.BenchReport.Disturbance;
import malloc4j.cli.bench.BenchReport.Latency;
import malloc4j.cli.bench.BenchReport.Result;
import malloc4j.cli.child.TextTable;
import malloc4j.cli.workload.WorkloadName;
import malloc4j.peers.AllocatorName;

/// A report for people: for each workload what it does in a line and its allocators in a table, the fastest first,
/// `*` at the best of a column, `!` at a disturbed measurement.
///
/// ```
/// pair (1 thread): malloc and free at once, 1 to 1,024 bytes, nothing else live
///
/// allocator  version  Mops/s   ns/op   cpu/op   to best              malloc   ns         free   ns         peak   end
///                                          ns              min..max     p50  p99  p99.9   p50  p99  p99.9   MiB   MiB
/// malloc4j   0.1.0       186*    5.38*    5.38*    1.00  1.00..1.00      20   40     50    20   31     40   0.9   0.9
/// mimalloc   2.0.9       112     8.93     8.93     1.66  1.60..1.71      30   41     71    30   40     50   0.4*  0.4*
/// ```
///
/// A verifying bench has no figures but how much was checked: its times are those of the checks.
final class BenchTable {
    private static final int TEXT_COLUMNS = 2;
    private static final String[][] HEADER = {
        {
            "allocator",
            "version",
            "Mops/s ",
            "ns/op ",
            "cpu/op ",
            "to best",
            "",
            "malloc",
            "ns",
            "",
            "free",
            "ns",
            "",
            "peak ",
            "end "
        },
        {"", "", "", "", "ns ", "", "min..max", "p50", "p99", "p99.9", "p50", "p99", "p99.9", "MiB ", "MiB "},
    };

    private BenchTable() {}

    /// One workload's heading and table.
    static String workload(WorkloadName workload, List<Result> results) {
        List<Result> sorted = results.stream()
                .sorted(Comparator.comparingDouble(Result::nanosPerOperation))
                .toList();
        String threads = " (" + Figures.count(sorted.getFirst().threads(), "thread") + ")";
        return workload + threads + ": " + workload.line() + "\n\n" + table(sorted)
                + (sorted.getFirst().verified() == null ? disturbances(sorted) : "") + "\n";
    }

    private static String table(List<Result> results) {
        return results.getFirst().verified() == null ? measured(results) : verified(results);
    }

    private static String verified(List<Result> results) {
        var table = new TextTable(TEXT_COLUMNS, new String[] {"allocator", "version", "operations", "all bytes"});
        for (Result result : results) {
            table.add(
                    result.allocator(),
                    result.version(),
                    String.format(Locale.ROOT, "%,d", result.operations()),
                    "right");
        }
        return table.render();
    }

    private static String measured(List<Result> results) {
        var table = new TextTable(TEXT_COLUMNS, HEADER);
        for (Result result : results) {
            Latency malloc = Objects.requireNonNull(result.mallocNanos());
            Latency free = Objects.requireNonNull(result.freeNanos());
            table.add(
                    result.allocator(),
                    result.version(),
                    marked(results, result, r -> -r.operationsPerSecond(), megaPerSecond(result))
                            + (result.disturbed() == null ? " " : "!"),
                    marked(results, result, Result::nanosPerOperation, Figures.significant(result.nanosPerOperation())),
                    marked(
                            results,
                            result,
                            Result::cpuNanosPerOperation,
                            Figures.significant(result.cpuNanosPerOperation())),
                    Figures.decimals(2, result.toBest().median()),
                    Figures.decimals(2, result.toBest().min()) + ".."
                            + Figures.decimals(2, result.toBest().max()),
                    percentile(malloc, malloc.p50()),
                    percentile(malloc, malloc.p99()),
                    percentile(malloc, malloc.p999()),
                    percentile(free, free.p50()),
                    percentile(free, free.p99()),
                    percentile(free, free.p999()),
                    marked(results, result, BenchTable::peak, Figures.mebibytes(peak(result))),
                    marked(results, result, BenchTable::end, Figures.mebibytes(end(result))));
        }
        return table.render();
    }

    private static String megaPerSecond(Result result) {
        return Figures.significant(result.operationsPerSecond() / 1e6);
    }

    private static long peak(Result result) {
        return Objects.requireNonNull(result.peakResidentBytes());
    }

    private static long end(Result result) {
        return Objects.requireNonNull(result.endResidentBytes());
    }

    private static String percentile(Latency latency, long value) {
        return latency.samples() == 0 ? "-" : Figures.nanos((double) value);
    }

    /// A star behind the least of all that are allocators.
    private static String marked(List<Result> results, Result result, ToDoubleFunction<Result> value, String shown) {
        List<Result> allocators = results.stream().filter(r -> !isYardstick(r)).toList();
        double least = allocators.stream().mapToDouble(value).min().orElse(Double.NaN);
        boolean best = allocators.size() > 1 && !isYardstick(result) && value.applyAsDouble(result) == least;
        return shown + (best ? "*" : " ");
    }

    private static boolean isYardstick(Result result) {
        return result.allocator().equals(AllocatorName.NONE.toString());
    }

    /// How it ran, where, and what to mind.
    static String footnotes(BenchReport report) {
        BenchReport.Settings settings = report.settings();
        List<String> notes = new ArrayList<>();
        notes.add(Figures.count(settings.rounds(), "round") + " of " + Figures.significant(settings.secondsPerRound())
                + (settings.verify()
                        ? " s, every byte written and checked"
                        : " s; an operation is one malloc or one free; medians; * is the best"));
        notes.add(report.machine().line());
        for (BenchReport.Skipped skipped : report.skipped()) {
            notes.add("not put to " + skipped.workload() + ": " + skipped.allocator() + ", " + skipped.reason());
        }
        notes.addAll(Dropouts.notes(report.absent()));
        return String.join("\n", notes) + "\n";
    }

    /// One line for all of a workload's allocators, empty when nothing disturbed.
    private static String disturbances(List<Result> results) {
        List<Disturbance> all =
                results.stream().map(Result::disturbed).filter(Objects::nonNull).toList();
        List<String> causes = new ArrayList<>();
        int rounds = all.stream().mapToInt(Disturbance::rounds).sum();
        if (rounds > 0) {
            causes.add("in " + rounds + " of "
                    + Figures.count(results.stream().mapToInt(Result::rounds).sum(), "round")
                    + " other processes took up to "
                    + percent(all.stream()
                            .mapToDouble(Disturbance::othersShare)
                            .max()
                            .orElse(0))
                    + " of a processor, the hypervisor up to "
                    + percent(all.stream()
                            .mapToDouble(Disturbance::stealShare)
                            .max()
                            .orElse(0)));
        }
        String unsteady = results.stream()
                .filter(result ->
                        result.disturbed() != null && result.disturbed().spread() > Rounds.SPREAD_BOUND)
                .map(result -> result.allocator() + " by "
                        + percent(Objects.requireNonNull(result.disturbed()).spread()))
                .collect(Collectors.joining(", "));
        if (!unsteady.isEmpty()) {
            causes.add("rounds differ: " + unsteady);
        }
        return causes.isEmpty() ? "" : "! disturbed: " + String.join("; ", causes) + "\n";
    }

    private static String percent(double share) {
        return Figures.decimals(0, share * 100) + " %";
    }
}
