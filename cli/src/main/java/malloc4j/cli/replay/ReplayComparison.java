package malloc4j.cli.replay;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import malloc4j.cli.report.Comparison;
import malloc4j.cli.report.Comparison.Contender;
import malloc4j.cli.report.Comparison.Subject;

/// A [ReplayReport] as the page of `--report` tells it.
final class ReplayComparison {
    private ReplayComparison() {}

    static Comparison of(ReplayReport report, List<PreparedTrace> traces) {
        ReplayReport.Settings settings = report.settings();
        List<Subject> subjects = new ArrayList<>();
        for (PreparedTrace trace : traces) {
            List<Contender> contenders = report.results().stream()
                    .filter(result -> result.trace().equals(trace.name()))
                    .map(ReplayComparison::contender)
                    .toList();
            if (!contenders.isEmpty()) {
                subjects.add(new Subject(
                        trace.name(),
                        ReplayTable.facts(trace, settings),
                        "event",
                        trace.summary().peakLiveBytes(),
                        contenders));
            }
        }
        List<String> notes = new ArrayList<>();
        report.notes().forEach(note -> notes.add(note.trace() + ": " + note.text()));
        report.absent()
                .forEach(absent -> notes.add("Not installed: " + absent.allocator() + " (" + absent.reason() + ")"));
        report.failures()
                .forEach(failure ->
                        notes.add(failure.trace() + ": " + failure.allocator() + " failed: " + failure.reason()));
        return new Comparison("replay", report.machine(), settings(settings), subjects, notes, report);
    }

    private static String settings(ReplayReport.Settings settings) {
        return settings.rounds() + (settings.rounds() == 1 ? " round" : " rounds")
                + " of each by turns, in a JVM of its own each; "
                + (settings.touch().equals("all") ? "every byte" : "the first word") + " of each block written; "
                + (settings.serial() ? "all events on one thread; " : "")
                + "malloc4j's pages by " + settings.source();
    }

    private static Contender contender(ReplayReport.Result result) {
        return new Contender(
                result.allocator(),
                result.medianNanosPerEvent(),
                Collections.min(result.roundNanosPerEvent()),
                Collections.max(result.roundNanosPerEvent()),
                result.peakResidentBytes(),
                result.residentAfterFreeBytes());
    }
}
