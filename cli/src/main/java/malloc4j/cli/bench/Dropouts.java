package malloc4j.cli.bench;

import java.io.PrintWriter;
import java.util.List;
import malloc4j.cli.bench.BenchReport.Absent;
import malloc4j.cli.bench.BenchReport.Failure;
import malloc4j.cli.child.Contest;

/// Allocators that have no result: in the documents, in the footnotes, on standard error.
final class Dropouts {
    private Dropouts() {}

    static List<Absent> absent(Contest contest) {
        return contest.absent().entrySet().stream()
                .map(entry -> new Absent(entry.getKey(), entry.getValue()))
                .toList();
    }

    static List<Failure> failures(Contest contest) {
        return contest.failures().stream()
                .map(failure -> new Failure(failure.subject(), failure.allocator(), failure.reason()))
                .toList();
    }

    /// A footnote for each.
    static List<String> notes(List<Absent> absent) {
        return absent.stream()
                .map(one -> "not installed: " + one.allocator() + " (" + one.reason() + ")")
                .toList();
    }

    /// Prints a line for each failure.
    ///
    /// @return the exit code of the command: 1 if there is any
    static int tell(List<Failure> failures, PrintWriter err) {
        for (Failure failure : failures) {
            err.println(
                    "malloc4j: " + failure.workload() + ": " + failure.allocator() + " failed: " + failure.reason());
        }
        err.flush();
        return failures.isEmpty() ? 0 : 1;
    }
}
