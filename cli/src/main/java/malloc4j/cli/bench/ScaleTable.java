package malloc4j.cli.bench;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import malloc4j.cli.bench.ScaleReport.Result;
import malloc4j.cli.child.TextTable;
import malloc4j.cli.workload.ScaleDimension;
import malloc4j.peers.AllocatorName;

/// A report for people: for each dimension a table of nanoseconds per operation, a line for each point and a column
/// for each allocator. Where there is a control, a second table has what is left when the control's are taken away.
final class ScaleTable {
    private ScaleTable() {}

    /// One dimension's heading and tables.
    static String dimension(ScaleDimension dimension, List<Result> results) {
        var text = new StringBuilder();
        text.append(dimension).append(": ").append(dimension.line()).append("\n\n");
        text.append(table(dimension, results, "ns/op, by ", false));
        if (results.stream().anyMatch(result -> result.nanosBeyondControl() != null)) {
            text.append('\n').append(table(dimension, results, "ns/op beyond the control, by ", true));
        }
        if (results.stream().anyMatch(result -> result.disturbed() != null)) {
            text.append("! disturbed, or rounds differ by more than ")
                    .append(Figures.decimals(0, Rounds.SPREAD_BOUND * 100))
                    .append(" %; --json tells more\n");
        }
        if (results.stream().anyMatch(result -> !result.byTurns())) {
            text.append("~ not by turns with the others, for want of memory\n");
        }
        return text.append('\n').toString();
    }

    private static String table(ScaleDimension dimension, List<Result> results, String title, boolean beyondControl) {
        Set<Long> points = results.stream().map(Result::point).collect(Collectors.toCollection(TreeSet::new));
        Set<String> allocators = results.stream()
                .map(Result::allocator)
                .filter(name -> !beyondControl || !name.equals(AllocatorName.NONE.toString()))
                .collect(Collectors.toCollection(LinkedHashSet::new));
        List<String> header = new ArrayList<>(List.of(title + dimension.unit()));
        allocators.forEach(name -> header.add(name.equals(AllocatorName.NONE.toString()) ? "control  " : name + "  "));
        var table = new TextTable(1, header.toArray(String[]::new));
        for (long point : points) {
            List<String> cells = new ArrayList<>(List.of(label(dimension, point)));
            for (String allocator : allocators) {
                Optional<Result> found = results.stream()
                        .filter(result ->
                                result.point() == point && result.allocator().equals(allocator))
                        .findFirst();
                cells.add(found.map(result -> cell(result, beyondControl)).orElse("-  "));
            }
            table.add(cells.toArray(String[]::new));
        }
        return table.render();
    }

    private static String cell(Result result, boolean beyondControl) {
        Double beyond = result.nanosBeyondControl();
        double value = beyondControl && beyond != null ? beyond : result.nanosPerOperation();
        return Figures.significant(value) + (result.disturbed() == null ? " " : "!") + (result.byTurns() ? " " : "~");
    }

    /// A point as people write it.
    static String label(ScaleDimension dimension, long point) {
        return dimension.isInBytes() ? Figures.bytes(point) : String.format(Locale.ROOT, "%,d", point);
    }

    /// How it ran, where, and what to mind.
    static String footnotes(ScaleReport report) {
        List<String> notes = new ArrayList<>();
        notes.add(Figures.count(report.settings().rounds(), "round") + " of "
                + Figures.significant(report.settings().secondsPerRound())
                + " s; an operation is one malloc or one free; medians");
        notes.add(report.machine().line());
        report.skipped().stream()
                .filter(skipped -> skipped.reason().startsWith("takes"))
                .map(skipped ->
                        "left out: " + skipped.workload() + ", " + skipped.allocator() + ": " + skipped.reason())
                .forEach(notes::add);
        notes.addAll(Dropouts.notes(report.absent()));
        return String.join("\n", notes) + "\n";
    }
}
