package malloc4j.cli.bench;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import malloc4j.cli.bench.ReturnReport.Result;
import malloc4j.cli.child.TextTable;
import malloc4j.cli.workload.ReturnProbe;

/// A report for people: for each probe a table of resident memory in MiB, a line for each allocator and a column
/// for each step, the one that returns most first.
final class ReturnTable {
    private static final int TEXT_COLUMNS = 2;

    private ReturnTable() {}

    static String render(ReturnReport report) {
        var text = new StringBuilder();
        for (ReturnProbe probe : ReturnProbe.values()) {
            List<Result> results = report.results().stream()
                    .filter(result -> result.probe().equals(probe.toString()))
                    .sorted(Comparator.comparingLong(Result::idleBytes))
                    .toList();
            if (!results.isEmpty()) {
                text.append(probe).append(": ").append(probe.line()).append("\n\n");
                text.append(table(results, report.settings())).append('\n');
            }
        }
        return text + footnotes(report);
    }

    private static String table(List<Result> results, ReturnReport.Settings settings) {
        var table = new TextTable(
                TEXT_COLUMNS,
                new String[] {
                    "allocator", "version", "peak", "freed", "3 s", idle(settings), "light", "trimmed", "pages"
                },
                new String[] {"", "", "MiB", "", "idle", "idle", "use", "by call", "live"});
        for (Result result : results) {
            Long trimmed = result.trimmedBytes();
            table.add(
                    result.allocator(),
                    result.version(),
                    Figures.mebibytes(result.peakBytes()),
                    Figures.mebibytes(result.freedBytes()),
                    Figures.mebibytes(result.idle3SecondsBytes()),
                    Figures.mebibytes(result.idleBytes()),
                    Figures.mebibytes(result.lightUseBytes()),
                    trimmed == null ? "no call" : Figures.mebibytes(trimmed),
                    Figures.mebibytes(result.livePageBytes()));
        }
        return table.render();
    }

    private static String idle(ReturnReport.Settings settings) {
        return Figures.significant(settings.idleSeconds()) + " s";
    }

    private static String footnotes(ReturnReport report) {
        List<String> notes = new ArrayList<>();
        notes.add(
                Figures.count(report.settings().blocks(), "block") + " of 16 to 199 bytes; pages live are those that a"
                        + " live block touches, the least that can be resident");
        notes.add(report.machine().line());
        notes.addAll(Dropouts.notes(report.absent()));
        return String.join("\n", notes) + "\n";
    }
}
