package malloc4j.cli.replay;

import static org.assertj.core.api.Assertions.assertThat;

import io.avaje.jsonb.Jsonb;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import malloc4j.cli.Main;
import malloc4j.cli.replay.ReplayReport.Result;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

/// The whole command, with its child JVMs.
class ReplayCommandTest {
    @TempDir
    Path folder;

    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    @Test
    void printsATable() throws IOException {
        Path trace = Traces.write(folder, "app.trace", Traces.TWO_THREADS);

        assertThat(run("replay", trace.toString(), "--with", "glibc", "--rounds", "1"))
                .isZero();

        assertThat(out.toString())
                .startsWith(trace + ": 6 events, 3 objects, 2 threads, peak live 0.0 MiB\n\nallocator ")
                .containsPattern("\nglibc +2\\.\\d+ +[\\d.]+ +[\\d.]+ +1\\.00 ")
                .contains("\n1 round, first word written; * is the best\n");
        assertThat(err.toString()).isEmpty();
    }

    @Test
    void verifiesEveryAllocatorHere() throws IOException {
        Path trace = Traces.write(folder, "app.trace", busyTrace());

        int exitCode = run("replay", trace.toString(), "--rounds", "1", "--verify", "--json");

        assertThat(err.toString()).isEmpty();
        assertThat(exitCode).isZero();
        ReplayReport report = Jsonb.instance().type(ReplayReport.class).fromJson(out.toString());
        assertThat(report.failures()).isEmpty();
        assertThat(report.results())
                .allSatisfy(result -> assertThat(result.verified()).isTrue())
                .allSatisfy(result -> assertThat(result.threads()).isEqualTo(3))
                .allSatisfy(result -> assertThat(result.nanosPerEvent()).isPositive())
                .extracting(Result::allocator)
                .contains("malloc4j", "glibc", "arena", "unsafe");
        assertThat(report.results().size() + report.absent().size()).isEqualTo(7);
        assertThat(report.settings()).isEqualTo(new ReplayReport.Settings(1, false, "first", true, "mmap"));
    }

    @Test
    void replaysSeveralTracesSeriallyWithAllBytesTouched() throws IOException {
        Path one = Traces.write(folder, "one.trace", Traces.TWO_THREADS);
        Path two = Files.write(folder.resolve("two.trace.gz"), Traces.gzip(Traces.text("a 0 0 4194304")));

        int exitCode = run(
                "replay",
                one.toString(),
                two.toString(),
                "--with=glibc",
                "--rounds=2",
                "--serial",
                "--touch=all",
                "--json");

        assertThat(exitCode).isZero();
        ReplayReport report = Jsonb.instance().type(ReplayReport.class).fromJson(out.toString());
        assertThat(report.results()).extracting(Result::trace).containsExactly(one.toString(), two.toString());
        assertThat(report.results()).extracting(Result::threads).containsExactly(1, 1);
        assertThat(report.results().getFirst().verified()).isNull();
        assertThat(report.results().getLast().peakResidentBytes()).isBetween(4L << 20, 6L << 20);
        assertThat(report.results().getLast().residentAfterFreeBytes()).isLessThan(2L << 20);
    }

    @Test
    void oneThatFailsIsNamedAndTheOthersGoOn() throws IOException {
        Path trace = Traces.write(folder, "app.trace", Traces.text("a 0 0 8", "a 0 1 200000000000000"));

        assertThat(run("replay", trace.toString(), "--with", "none,glibc", "--rounds", "1"))
                .isEqualTo(1);

        assertThat(out.toString()).contains("\nnone ").doesNotContain("glibc");
        assertThat(err.toString())
                .isEqualTo("malloc4j: " + trace
                        + ": glibc failed: event 2: no memory: the allocator returned 0 for 200000000000000 bytes\n");
    }

    @Test
    void withoutATraceTheBundledOneIsReplayed() {
        assertThat(run("replay", "--with", "none", "--rounds", "1")).isZero();

        assertThat(out.toString())
                .startsWith("traces/sqlite.trace.gz: 369,853 events, 183,703 objects, 1 thread, peak live 9.4 MiB\n");
    }

    @Test
    void aProblemInATraceIsExitCode1AndNothingRuns() throws IOException {
        Path good = Traces.write(folder, "good.trace", Traces.TWO_THREADS);
        Path bad = Traces.write(folder, "bad.trace", Traces.text("a 0 0 8", "f 0 0", "f 0 0"));

        assertThat(run("replay", good.toString(), bad.toString())).isEqualTo(1);

        assertThat(err.toString()).isEqualTo("malloc4j: " + bad + ": line 5: ID 0 is freed twice\n");
        assertThat(out.toString()).isEmpty();
    }

    @Test
    void wrongUsageIsExitCode2AndOneLine() throws IOException {
        Path trace = Traces.write(folder, "app.trace", Traces.TWO_THREADS);
        String file = trace.toString();
        Path missing = folder.resolve("missing.trace");

        assertWrongUsage(missing + ": no such file", "replay", file, missing.toString());
        assertWrongUsage(folder + ": not a readable file", "replay", folder.toString());
        assertWrongUsage("Unknown option: '--colour'", "replay", file, "--colour");
        assertWrongUsage(
                "Invalid value for option '--with' (NAME): 'dlmalloc' is none of"
                        + " malloc4j, glibc, jemalloc, mimalloc, tcmalloc, arena, unsafe, none",
                "replay",
                file,
                "--with",
                "glibc,dlmalloc");
        assertWrongUsage(
                "Invalid value for option '--rounds': 'many' is not an int", "replay", file, "--rounds", "many");
        assertWrongUsage("--rounds must be from 1 to 10000, not 0", "replay", file, "--rounds", "0");
        assertWrongUsage(
                "Invalid value for option '--touch': 'last' is none of first, all", "replay", file, "--touch", "last");
        assertWrongUsage(
                "Invalid value for option '--source': 'tape' is none of mmap, brk, huge",
                "replay",
                file,
                "--source",
                "tape");
        assertWrongUsage("Missing required parameter for option '--with' (NAME)", "replay", file, "--with");
        assertWrongUsage(
                "--with none has no memory to verify, or to touch beyond the first word",
                "replay",
                file,
                "--with",
                "none",
                "--verify");
        assertWrongUsage("Unmatched argument at index 0: 'reply': did you mean replay?", "reply");
        assertWrongUsage(
                "Name a command: replay, bench, layout, limits, who, map, doctor, sites, leaks, stats, classes, top, held, trim,"
                        + " serve, record, explain, learn, help");
    }

    /// Three threads, every operation, sizes from 0 to some megabytes, objects that change hands.
    private static String busyTrace() {
        int objects = 3_000;
        String[] events = new String[objects * 3];
        int n = 0;
        for (int id = 0; id < objects; id++) {
            long byteSize = (id * 7919L) % (id % 100 == 0 ? 3_000_000 : 2_000);
            events[n++] = switch (id % 5) {
                case 0 -> "c " + id % 3 + " " + id + " " + byteSize;
                case 1 -> "m " + id % 3 + " " + id + " " + byteSize + " " + (16 << id % 9);
                default -> "a " + id % 3 + " " + id + " " + byteSize;
            };
            int grown = id / 2;
            events[n++] = id % 2 == 0 ? "r " + (id + 1) % 3 + " " + grown + " " + (byteSize + 1) : "f 2 " + grown;
        }
        return Traces.text(Arrays.copyOf(events, n));
    }

    private void assertWrongUsage(String message, String... arguments) {
        err.getBuffer().setLength(0);
        assertThat(run(arguments)).as(message).isEqualTo(2);
        assertThat(err.toString()).isEqualTo("malloc4j: " + message + "\n");
        assertThat(out.toString()).isEmpty();
    }

    private int run(String... arguments) {
        CommandLine commandLine = Main.commandLine();
        commandLine.setOut(new PrintWriter(out, true));
        commandLine.setErr(new PrintWriter(err, true));
        return commandLine.execute(List.of(arguments).toArray(String[]::new));
    }
}
