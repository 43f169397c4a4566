package malloc4j.cli.bench;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import malloc4j.cli.bench.BenchReport.Result;
import malloc4j.cli.report.Comparison;
import malloc4j.cli.report.Comparison.Contender;
import malloc4j.cli.report.Comparison.Subject;
import malloc4j.cli.workload.WorkloadName;

/// A [BenchReport] as the page of `--report` tells it.
final class BenchComparison {
    private BenchComparison() {}

    static Comparison of(BenchReport report) {
        Map<String, List<Result>> byWorkload = new LinkedHashMap<>();
        for (Result result : report.results()) {
            byWorkload
                    .computeIfAbsent(result.workload(), ignored -> new ArrayList<>())
                    .add(result);
        }
        List<Subject> subjects = new ArrayList<>();
        byWorkload.forEach((workload, results) -> subjects.add(new Subject(
                workload,
                line(workload) + ", " + Figures.count(results.getFirst().threads(), "thread"),
                "operation",
                0,
                results.stream().map(BenchComparison::contender).toList())));
        List<String> notes = new ArrayList<>();
        report.absent()
                .forEach(absent -> notes.add("Not installed: " + absent.allocator() + " (" + absent.reason() + ")"));
        report.skipped()
                .forEach(skipped ->
                        notes.add(skipped.workload() + ": " + skipped.allocator() + " left out: " + skipped.reason()));
        report.failures()
                .forEach(failure ->
                        notes.add(failure.workload() + ": " + failure.allocator() + " failed: " + failure.reason()));
        for (Result result : report.results()) {
            if (result.disturbed() != null) {
                notes.add(
                        result.workload() + ": the machine disturbed " + result.allocator() + ": its rounds differ by "
                                + Math.round(100 * result.disturbed().spread()) + " % of the median");
            }
        }
        return new Comparison("bench", report.machine(), settings(report.settings()), subjects, notes, report);
    }

    private static String line(String workload) {
        for (WorkloadName name : WorkloadName.values()) {
            if (name.toString().equals(workload)) {
                return name.line();
            }
        }
        return workload;
    }

    private static String settings(BenchReport.Settings settings) {
        return Figures.count(settings.rounds(), "round") + " of " + settings.secondsPerRound()
                + " s of each by turns, in a JVM of its own each; "
                + Figures.count(settings.threads(), "thread") + " where a workload takes a number";
    }

    private static Contender contender(Result result) {
        Long peak = result.peakResidentBytes();
        Long end = result.endResidentBytes();
        return new Contender(
                result.allocator(),
                result.nanosPerOperation(),
                Collections.min(result.roundNanosPerOperation()),
                Collections.max(result.roundNanosPerOperation()),
                peak == null ? 0 : peak,
                end == null ? 0 : end);
    }
}
