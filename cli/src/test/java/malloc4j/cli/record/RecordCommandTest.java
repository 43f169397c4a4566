package malloc4j.cli.record;

import static org.assertj.core.api.Assertions.assertThat;

import io.avaje.jsonb.Jsonb;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import malloc4j.cli.CommandRun;
import malloc4j.cli.Main;
import malloc4j.cli.sites.AllocatingChild;
import malloc4j.cli.sites.Child;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/// Traces of JVMs that were started without any option for it, replayed.
@Timeout(180)
class RecordCommandTest {
    private static final long POLL_MILLIS = 50;

    @TempDir
    @SuppressWarnings("NullAway.Init")
    private Path folder;

    private Path trace() {
        return folder.resolve("a trace.gz");
    }

    private static CommandRun record(Child child, String... options) {
        List<String> arguments = new ArrayList<>(List.of("record", Long.toString(child.pid())));
        arguments.addAll(List.of(options));
        return CommandRun.of(arguments.toArray(String[]::new));
    }

    private static void requireLine(CommandRun run, int exitCode, String part) {
        assertThat(run.err()).startsWith("malloc4j: ").contains(part).hasLineCount(1);
        assertThat(run.out()).isEmpty();
        assertThat(run.exitCode()).isEqualTo(exitCode);
    }

    private static void requireReplayed(Path file) {
        CommandRun run = CommandRun.of("replay", file.toString(), "--with", "malloc4j", "--rounds", "1", "--serial");
        assertThat(run.err()).isEmpty();
        assertThat(run.exitCode()).isZero();
    }

    @Test
    void recordsForAWhileAndTheTraceIsReplayed() throws IOException {
        try (Child child = Child.start(AllocatingChild.class, folder)) {
            CommandRun run = record(child, "--for", "1", "--output", trace().toString());
            assertThat(run.err()).isEmpty();
            assertThat(run.out())
                    .containsPattern("^Recorded [\\d,]+ events of heap 'common' of process " + child.pid() + " in ")
                    .contains("Replay it: ./malloc4j replay " + trace());
            assertThat(run.exitCode()).isZero();
            assertThat(child.process().isAlive()).isTrue();
            requireReplayed(trace());

            requireLine(record(child, "--for", "1", "--output", trace().toString()), 2, "exists already");
            Path second = folder.resolve("second");
            CommandRun json = record(child, "--for", "1", "--json", "--output", second.toString());
            RecordedTrace recorded = Jsonb.instance().type(RecordedTrace.class).fromJson(json.out());
            assertThat(recorded.events()).isPositive();
            assertThat(recorded.fileBytes()).isEqualTo(Files.size(second));
            assertThat(recorded.end()).isEqualTo("time");
            assertThat(Files.readAllLines(second).stream().filter(line -> !line.startsWith("#")))
                    .hasSize((int) recorded.events());
            requireReplayed(second);
        }
    }

    @Test
    void whatCannotBeRecordedIsSaidInALine() throws IOException {
        try (Child child = Child.start(AllocatingChild.class, folder, "-Dmalloc4j.record=own-%p")) {
            assertThat(folder.resolve("own-" + child.pid())).exists();
            String file = folder.resolve("new").toString();
            requireLine(record(child, "--output", file), 3, "a recording into own-" + child.pid() + " is going on");
            requireLine(record(child, "--output", file, "--heap", "other"), 2, "--heap=other is none of common");
            requireLine(record(child, "--output", "/nosuch/file"), 2, "has no folder /nosuch");
            requireLine(record(child, "--output", "/proc/file"), 3, "startRecording(file=/proc/file)");
            requireLine(record(child, "--output", folder.toString()), 2, "exists already");
            requireLine(record(child, "--output", "a\0b"), 2, "is no path");
            requireLine(record(child, "--for", "0"), 2, "--for must be from 1 to ");
            requireLine(record(child, "--for", "x"), 2, "--for");
            assertThat(Path.of(file)).doesNotExist();
        }
        requireLine(CommandRun.of("record", "self"), 2, "is this command itself");
        requireLine(CommandRun.of("record", "1x"), 2, "neither a process's number nor self");
        requireLine(CommandRun.of("record"), 2, "PID");
    }

    /// The command in a process of its own.
    private Process command(Child child, Path file) throws IOException {
        Process command = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-cp",
                        System.getProperty("java.class.path"),
                        Main.class.getName(),
                        "record",
                        Long.toString(child.pid()),
                        "--output",
                        file.toString())
                .redirectErrorStream(true)
                .start();
        awaitSize(file, 1000);
        return command;
    }

    private static void awaitSize(Path file, long byteSize) throws IOException {
        while (!Files.exists(file) || Files.size(file) < byteSize) {
            sleep();
        }
    }

    private static void sleep() {
        try {
            TimeUnit.MILLISECONDS.sleep(POLL_MILLIS);
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    private static String output(Process command) throws IOException, InterruptedException {
        String text = new String(command.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        command.waitFor();
        return text;
    }

    @Test
    void endsAtEnterAndAtASignalAndSaysWhatThereIs() throws Exception {
        try (Child child = Child.start(AllocatingChild.class, folder)) {
            Path first = folder.resolve("first");
            Process entered = command(child, first);
            entered.getOutputStream().write('\n');
            entered.getOutputStream().flush();
            assertThat(output(entered)).contains("Recorded ", " events of heap 'common'");
            assertThat(entered.exitValue()).isZero();

            Path second = folder.resolve("second");
            Process interrupted = command(child, second);
            // not INT, which is ignored by what a shell has started in the background
            assertThat(new ProcessBuilder("kill", "-TERM", Long.toString(interrupted.pid()))
                            .start()
                            .waitFor())
                    .isZero();
            assertThat(output(interrupted)).contains("Recorded ", " events of heap 'common'");
            assertThat(child.process().isAlive()).isTrue();
            requireReplayed(first);
            requireReplayed(second);
        }
    }

    @Test
    void theTargetGoesOnAndTheRecordingEndsWhenTheCommandIsKilled() throws Exception {
        try (Child child = Child.start(AllocatingChild.class, folder)) {
            Path file = folder.resolve("killed");
            Process command = command(child, file);
            command.destroyForcibly().waitFor();
            Path next = folder.resolve("next");
            CommandRun run = record(child, "--for", "1", "--output", next.toString());
            while (run.exitCode() != 0) {
                assertThat(run.err()).contains("is going on");
                sleep();
                run = record(child, "--for", "1", "--output", next.toString());
            }
            assertThat(child.process().isAlive()).isTrue();
            requireReplayed(file);
            requireReplayed(next);
        }
    }

    @Test
    void theEndOfTheTargetEndsTheRecording() throws Exception {
        for (String signal : List.of("-TERM", "-KILL")) {
            try (Child child = Child.start(AllocatingChild.class, folder)) {
                Path file = folder.resolve("ended" + signal);
                Process command = command(child, file);
                assertThat(new ProcessBuilder("kill", signal, Long.toString(child.pid()))
                                .start()
                                .waitFor())
                        .isZero();
                assertThat(output(command)).contains("Recorded ", "; the process has ended.");
                assertThat(command.exitValue()).isZero();
            }
        }
    }
}
