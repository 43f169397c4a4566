package malloc4j.cli.replay;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.avaje.jsonb.Jsonb;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import malloc4j.cli.CommandRun;
import malloc4j.cli.replay.ReplayReport.Result;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// heaptrack itself records a native program, and what it counted is what is replayed. Where it is not installed this
/// is left out, but not in CI.
class HeaptrackRecordingTest {
    private static final List<String> PROGRAM =
            List.of("perl", "-e", "my %h;\n$h{$_} = 'x' x ($_ % 300) for 1..2000;\ndelete $h{$_ * 2} for 1..900;");
    private static final Pattern ALLOCATIONS = Pattern.compile("\\sallocations:\\s+(\\d+)");
    private static final Pattern LEAKED = Pattern.compile("leaked allocations:\\s+(\\d+)");

    @TempDir
    static Path folder;

    @BeforeAll
    static void heaptrackIsHere() {
        boolean installed = Stream.of(System.getenv("PATH").split(":"))
                .anyMatch(folder -> Files.isExecutable(Path.of(folder, "heaptrack")));
        assumeTrue(installed || System.getenv("CI") != null, "heaptrack is not installed");
    }

    @Test
    void whatHeaptrackCountedIsReplayed() throws IOException, InterruptedException, TraceProblem {
        String told = record("interpreted");
        Path file = recorded("interpreted");

        TraceSummary summary = TraceReader.read(file).summary();

        assertThat(summary.objectCount()).isEqualTo(count(ALLOCATIONS, told)).isGreaterThan(2_000);
        assertThat(summary.objectsLiveAtEnd()).isEqualTo(count(LEAKED, told));

        CommandRun run = CommandRun.of(
                "replay", file.toString(), "--with", "malloc4j,glibc", "--rounds", "1", "--verify", "--json");

        assertThat(run.err()).isEmpty();
        assertThat(run.exitCode()).isZero();
        ReplayReport report = Jsonb.instance().type(ReplayReport.class).fromJson(run.out());
        assertThat(report.results()).extracting(Result::allocator).containsExactly("malloc4j", "glibc");
        assertThat(report.results()).extracting(Result::events).containsOnly((long) summary.eventCount());
        assertThat(report.notes())
                .extracting(ReplayReport.Note::text)
                .anyMatch(note -> note.startsWith("recorded by heaptrack,"))
                .anyMatch(note -> note.startsWith("each free is of the oldest live block"));
    }

    @Test
    void aRawRecordingNeedsNoGuess() throws IOException, InterruptedException {
        String unused = record("raw", "--raw");
        Path file = recorded("raw");

        CommandRun run = CommandRun.of("replay", file.toString(), "--with", "glibc", "--rounds", "1");

        assertThat(run.err()).isEmpty();
        assertThat(run.out())
                .startsWith(file + ": ")
                .contains("1 thread", "\nrecorded by heaptrack, ", "\nglibc ")
                .doesNotContain("oldest");
    }

    /// What heaptrack printed while it recorded the program.
    private static String record(String name, String... options) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of("heaptrack"));
        command.addAll(List.of(options));
        command.addAll(List.of("-o", folder.resolve(name).toString()));
        command.addAll(PROGRAM);
        Path told = folder.resolve(name + ".out");
        Process process = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(told.toFile())
                .start();
        assertThat(process.waitFor(2, TimeUnit.MINUTES)).isTrue();
        String text = Files.readString(told, StandardCharsets.ISO_8859_1);
        assertThat(process.exitValue()).as(text).isZero();
        return text;
    }

    /// heaptrack gives the name an ending that tells the compression it found on this machine.
    private static Path recorded(String name) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.filter(file -> file.getFileName().toString().matches(name + "\\.(raw\\.)?(zst|gz)"))
                    .findFirst()
                    .orElseThrow();
        }
    }

    private static int count(Pattern pattern, String told) {
        Matcher matcher = pattern.matcher(told);
        assertThat(matcher.find()).as(told).isTrue();
        return Integer.parseInt(matcher.group(1));
    }
}
