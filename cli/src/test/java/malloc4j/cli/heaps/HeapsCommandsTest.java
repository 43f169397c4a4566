package malloc4j.cli.heaps;

import static org.assertj.core.api.Assertions.assertThat;

import io.avaje.jsonb.Jsonb;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.Objects;
import java.util.concurrent.locks.LockSupport;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import malloc4j.cli.CommandRun;
import malloc4j.cli.Main;
import malloc4j.cli.sites.AllocatingChild;
import malloc4j.cli.sites.Child;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

/// `stats`, `classes`, `top`, `held` and `trim` on a program that keeps a quarter of what it allocates.
@Timeout(120)
class HeapsCommandsTest {
    private static final long KIB = 1 << 10;

    @TempDir
    @SuppressWarnings("NullAway.Init")
    private Path temporary;

    private static CommandRun run(String command, Child child, String... options) {
        return CommandRun.of(Stream.concat(Stream.of(command, Long.toString(child.pid())), Stream.of(options))
                .toArray(String[]::new));
    }

    private static <T> T json(CommandRun run, Class<T> type) {
        assertThat(run.err()).isEmpty();
        assertThat(run.exitCode()).isZero();
        return Jsonb.instance().type(type).fromJson(run.out());
    }

    @Test
    void statsAddUp() throws IOException {
        try (Child child = Child.start(AllocatingChild.class, temporary, "-Dsample=4096")) {
            StatsReport report = json(run("stats", child, "--json"), StatsReport.class);

            assertThat(report.pid()).isEqualTo(child.pid());
            assertThat(report.heaps()).hasSize(1);
            StatsReport.Heap heap = report.heaps().getFirst();
            assertThat(heap.name()).isEqualTo("common");
            assertThat(heap.allocatedBytes()).isGreaterThanOrEqualTo(256 * KIB);
            assertThat(heap.activeBytes())
                    .isEqualTo(heap.allocatedBytes()
                            + heap.cachedBytes()
                            + heap.slabFreeBytes()
                            + heap.quarantinedBytes()
                            + heap.samplingBytes()
                            + heap.movingBytes());
            assertThat(heap.mappedBytes()).isEqualTo(heap.activeBytes() + heap.dirtyBytes() + heap.metadataBytes());
            assertThat(heap.residentBytes()).as("its blocks are never touched").isNotNegative();
            assertThat(heap.requestedBytes())
                    .isEqualTo(heap.allocatedBytes() - Objects.requireNonNull(heap.roundingBytes()));

            CommandRun text = run("stats", child);
            assertThat(text.out())
                    .startsWith("Process " + child.pid() + ": heap common has ")
                    .containsPattern(" mapped for [0-9.]+ [KM]iB allocated \\([0-9]+ %\\), and ")
                    .containsPattern("\n  allocated +[0-9.]+ [KM]iB +[0-9,]+ +#+\n")
                    .contains("\n= active ", "\n= mapped ", "\n  resident ", " was asked for, ");
        }
    }

    @Test
    void classesShowHowFullSlabsAre() throws IOException {
        try (Child child = Child.start(AllocatingChild.class, temporary)) {
            ClassesCommand.Report report = json(run("classes", child, "--json"), ClassesCommand.Report.class);

            ClassesCommand.Report.SizeClass blocks = report.heaps().getFirst().classes().stream()
                    .filter(entry -> entry.blockBytes() == 4096)
                    .findFirst()
                    .orElseThrow();
            assertThat(blocks.liveBlocks()).isPositive().isLessThanOrEqualTo(blocks.slabs() * 16);
            assertThat(blocks.liveBlocks() + blocks.freeBlocks()).isEqualTo(blocks.slabs() * 16);
            assertThat(blocks.liveBytes()).isEqualTo(blocks.liveBlocks() * 4096);

            assertThat(run("classes", child).out())
                    .containsPattern("heap common: [0-9,]+ slabs are [0-9]+ % full: ")
                    .containsPattern("\n *4,096 +[0-9,]+ +[0-9,]+ .* %");
        }
    }

    @Test
    void topShowsRatesUntilTheProcessEnds() throws Exception {
        try (Child child = Child.start(AllocatingChild.class, temporary)) {
            String out = watched(child, "Process " + child.pid(), "top", Long.toString(child.pid()));
            assertThat(out).containsPattern("heap +live +blocks +dirty").containsPattern("\ncommon .*");
        }
    }

    @Test
    void eachLookIsALineOfJson() throws Exception {
        try (Child child = Child.start(AllocatingChild.class, temporary)) {
            String out = watched(child, "{\"pid\"", "stats", Long.toString(child.pid()), "--watch", "1", "--json");
            for (String line : out.split("\n", -1)) {
                if (!line.isEmpty()) {
                    assertThat(Jsonb.instance()
                                    .type(StatsReport.class)
                                    .fromJson(line)
                                    .pid())
                            .isEqualTo(child.pid());
                }
            }
        }
    }

    /// Lets a command look twice, then ends the process, and with it the command. Returns what it has shown.
    private static String watched(Child child, String look, String... arguments) throws InterruptedException {
        var out = new StringWriter();
        var err = new StringWriter();
        CommandLine commandLine = Main.commandLine();
        commandLine.setOut(new PrintWriter(out, true));
        commandLine.setErr(new PrintWriter(err, true));
        Thread end = Thread.ofPlatform().start(() -> {
            while (out.toString().split(Pattern.quote(look), -1).length < 3) {
                LockSupport.parkNanos(10_000_000);
            }
            child.process().destroyForcibly();
        });
        int exitCode = commandLine.execute(arguments);
        end.join();
        assertThat(err).hasToString("malloc4j: process " + child.pid() + " has ended meanwhile\n");
        assertThat(exitCode).isEqualTo(3);
        return out.toString();
    }

    @Test
    void heldNamesWhoKeepsPages() throws IOException {
        try (Child child = Child.start(AllocatingChild.class, temporary, "-Dkept=0", "-Dsample=1")) {
            HeldCommand.Report report = json(run("held", child, "--json"), HeldCommand.Report.class);
            assertThat(report.heaps().getFirst().name()).isEqualTo("common");
            assertThat(report.heaps().getFirst().heldBytes())
                    .isGreaterThanOrEqualTo(report.heaps().getFirst().unknownBytes());
            assertThat(run("held", child).out()).startsWith("Process " + child.pid() + ":\nheap 'common': ");
        }
    }

    @Test
    void trimGivesBack() throws IOException {
        try (Child child = Child.start(FreedChild.class, temporary, "-Dmalloc4j.purgeDelayMillis=-1")) {
            StatsReport.Heap freed = json(run("stats", child, "--json"), StatsReport.class)
                    .heaps()
                    .getFirst();
            assertThat(freed.allocatedBytes()).isZero();
            long residentBytes = Objects.requireNonNull(freed.residentBytes());
            assertThat(residentBytes).isGreaterThanOrEqualTo(32 << 20);
            assertThat(freed.dirtyBytes() + freed.cachedBytes()).isGreaterThanOrEqualTo(residentBytes);

            TrimCommand.Report report = json(run("trim", child, "--json"), TrimCommand.Report.class);

            TrimCommand.Report.Heap heap = report.heaps().getFirst();
            assertThat(heap.name()).isEqualTo("common");
            assertThat(heap.residentBytesBefore()).isEqualTo(residentBytes);
            assertThat(heap.residentBytesAfter()).isLessThan(1 << 20);
            assertThat(run("trim", child).out()).contains("heap common: nothing was to be given back, ");
            assertThat(run("trim", child, "--keep-bytes", "-1").err())
                    .isEqualTo("malloc4j: --keep-bytes must be 0 or more, not -1\n");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"stats", "classes", "top", "held", "trim"})
    void whatIsNoSuchProcessIsToldInOneLine(String command) {
        CommandRun run = CommandRun.of(command, "99999999");
        assertThat(run.err()).isEqualTo("malloc4j: process 99999999: there is no process with this number\n");
        assertThat(run.exitCode()).isEqualTo(2);
        CommandRun wrong = CommandRun.of(command, "1", "--watch", "0");
        assertThat(wrong.err()).isEqualTo("malloc4j: --watch must be from 1 to 20, not 0\n");
        assertThat(wrong.exitCode()).isEqualTo(2);
    }

    @Test
    void aProcessWithoutAHeapIsToldInOneLine() throws IOException {
        try (Child child = Child.startJava(
                temporary,
                java.util.List.of("-cp", System.getProperty("java.class.path"), "malloc4j.cli.sites.IdleChild"))) {
            CommandRun run = run("stats", child);
            assertThat(run.err())
                    .isEqualTo("malloc4j: process " + child.pid() + " uses no malloc4j, or one too old for this\n");
            assertThat(run.exitCode()).isEqualTo(1);
        }
    }
}
