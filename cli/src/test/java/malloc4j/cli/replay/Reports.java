package malloc4j.cli.replay;

import java.nio.file.Path;
import java.util.List;
import malloc4j.cli.child.Machine;
import malloc4j.cli.replay.ReplayReport.Absent;
import malloc4j.cli.replay.ReplayReport.Failure;
import malloc4j.cli.replay.ReplayReport.Note;
import malloc4j.cli.replay.ReplayReport.Result;
import malloc4j.cli.replay.ReplayReport.Settings;
import org.jspecify.annotations.Nullable;

/// A made-up report for tests.
final class Reports {
    static final PreparedTrace TRACE = new PreparedTrace(
            "app.trace",
            new TraceSummary(1_234_567, 600_000, 2, 10 << 20, 500, 7),
            List.of("a note", "another note"),
            new LiveCurve(List.of(617_283, 1_234_567), List.of(10L << 20, 64L), 617_283),
            Path.of("image"));

    private Reports() {}

    static ReplayReport report(boolean verify) {
        Boolean verified = verify ? Boolean.TRUE : null;
        return new ReplayReport(
                new Machine("Debian", "Linux 6.1", "amd64", "Xeon", 2, 24L << 30, "madvise", "25.0.3"),
                new Settings(5, false, "first", verify, "mmap"),
                List.of(
                        result("malloc4j", "0.1.0", 12.34, 13.57, 11 << 20, 1 << 19, verified),
                        result("glibc", "2.36", 21, 22, 10 << 20, 10 << 20, verified),
                        result("none", "none", 2.1, 2.2, 0, 0, verified)),
                List.of(new Note("app.trace", "a note")),
                List.of(new Absent("jemalloc", "cannot load libjemalloc.so.2")),
                List.of(new Failure("app.trace", "tcmalloc", "event 3: no memory")),
                null);
    }

    private static Result result(
            String allocator,
            String version,
            double best,
            double median,
            long peak,
            long after,
            @Nullable Boolean verified) {
        return new Result(
                "app.trace",
                allocator,
                version,
                2,
                1_234_567,
                5,
                best,
                median,
                List.of(median, best),
                10 << 20,
                peak,
                after,
                verified);
    }
}
