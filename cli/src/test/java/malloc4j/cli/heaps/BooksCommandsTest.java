package malloc4j.cli.heaps;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import io.avaje.jsonb.Jsonb;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import malloc4j.cli.CommandRun;
import malloc4j.cli.map.MapReport;
import malloc4j.cli.sites.Child;
import malloc4j.cli.who.HeapsChild;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// `stats`, `classes` and `map` of a process that cannot answer, and of what it has left.
@Timeout(180)
class BooksCommandsTest {
    private static final int ASKED = 20;

    @TempDir
    @SuppressWarnings("NullAway.Init")
    private Path temporary;

    private static <T> T json(CommandRun run, Class<T> type) {
        assertThat(run.exitCode()).as(run.err()).isZero();
        return Jsonb.instance().type(type).fromJson(run.out());
    }

    private static void execute(String... command) throws IOException, InterruptedException {
        Process process = new ProcessBuilder(command).inheritIO().start();
        assertThat(process.waitFor(30, TimeUnit.SECONDS)).isTrue();
        assertThat(process.exitValue()).isZero();
    }

    /// What a process says that has come to rest.
    private static StatsReport askedAtRest(String pid) {
        StatsReport before = json(CommandRun.of("stats", "--json", pid), StatsReport.class);
        for (int look = 0; look < ASKED; look++) {
            StatsReport now = json(CommandRun.of("stats", "--json", pid), StatsReport.class);
            if (now.equals(before)) {
                return now;
            }
            before = now;
        }
        throw new AssertionError("it does not come to rest: " + before);
    }

    private static StatsReport.Heap withoutWhatItAloneKnows(StatsReport.Heap heap, boolean knowsResident) {
        return new StatsReport.Heap(
                heap.name(),
                heap.heapId(),
                heap.allocatedBytes(),
                heap.activeBytes(),
                heap.metadataBytes(),
                knowsResident ? heap.residentBytes() : null,
                heap.mappedBytes(),
                heap.retainedBytes(),
                null,
                null,
                heap.cachedBytes(),
                heap.slabFreeBytes(),
                heap.quarantinedBytes(),
                heap.samplingBytes(),
                heap.movingBytes(),
                heap.dirtyBytes(),
                heap.returnedBytes());
    }

    private static List<ClassesCommand.Report.SizeClass> withSlabs(ClassesCommand.Report report) {
        return report.heaps().getFirst().classes().stream()
                .filter(entry -> entry.slabs() > 0)
                .map(entry -> new ClassesCommand.Report.SizeClass(
                        entry.blockBytes(),
                        entry.slabs(),
                        entry.liveBlocks(),
                        entry.freeBlocks(),
                        entry.liveBytes(),
                        entry.freeBytes(),
                        null,
                        null))
                .toList();
    }

    @Test
    void aStoppedProcessAndItsCoreTellWhatItToldItself() throws Exception {
        try (Child child = Child.start(HeapsChild.class, temporary)) {
            String pid = Long.toString(child.pid());
            StatsReport.Heap asked = askedAtRest(pid).heaps().getFirst();
            ClassesCommand.Report classes = json(CommandRun.of("classes", "--json", pid), ClassesCommand.Report.class);
            execute("kill", "-STOP", pid);

            CommandRun stopped = CommandRun.of("stats", "--json", pid);
            CommandRun text = CommandRun.of("stats", pid);
            CommandRun stoppedClasses = CommandRun.of("classes", "--json", "--outside", pid);

            String silent =
                    "malloc4j: process " + pid + " does not answer, it is stopped: its books are read from outside\n";
            assertThat(stopped.err()).isEqualTo(silent);
            StatsReport seen = json(stopped, StatsReport.class);
            assertThat(seen.readFromOutside()).isTrue();
            assertThat(seen.notes()).isEmpty();
            assertThat(seen.heaps()).containsExactly(withoutWhatItAloneKnows(asked, true));
            assertThat(text.err()).isEqualTo(silent);
            assertThat(text.out())
                    .startsWith("Process " + pid + ", read from outside: heap cache has ")
                    .contains("\n= mapped ", "\n  resident ", "Read from memory without asking the process");
            assertThat(stoppedClasses.err()).isEmpty();
            ClassesCommand.Report seenClasses = json(stoppedClasses, ClassesCommand.Report.class);
            assertThat(seenClasses.readFromOutside()).isTrue();
            assertThat(withSlabs(seenClasses)).isNotEmpty().isEqualTo(withSlabs(classes));
            assertThat(CommandRun.of("map", pid).out()).contains("malloc4j: cache");

            execute("kill", "-CONT", pid);
            assumeThat(Files.readString(Path.of("/proc/sys/kernel/core_pattern"))
                            .strip())
                    .isEqualTo("core");
            execute("prlimit", "--core=unlimited", "--pid", pid);
            execute("kill", "-ABRT", pid);
            assertThat(child.process().waitFor(120, TimeUnit.SECONDS)).isTrue();
            checkCore(core(), pid, asked, classes);
        }
    }

    /// What the kernel has left, with or without the number of the process.
    private Path core() throws IOException {
        try (Stream<Path> files = Files.list(temporary)) {
            return files.filter(file -> String.valueOf(file.getFileName()).startsWith("core"))
                    .findFirst()
                    .orElseThrow();
        }
    }

    private void checkCore(Path core, String pid, StatsReport.Heap asked, ClassesCommand.Report classes)
            throws IOException {
        CommandRun stats = CommandRun.of("stats", "--json", core.toString());
        StatsReport dead = json(stats, StatsReport.class);
        assertThat(stats.err()).isEmpty();
        assertThat(dead.pid()).isEqualTo(Long.parseLong(pid));
        assertThat(dead.heaps()).containsExactly(withoutWhatItAloneKnows(asked, false));
        assertThat(stats.out()).doesNotContain("residentBytes", "requestedBytes");
        assertThat(withSlabs(json(CommandRun.of("classes", "--json", core.toString()), ClassesCommand.Report.class)))
                .isEqualTo(withSlabs(classes));
        assertThat(CommandRun.of("stats", core.toString()).out())
                .startsWith("Core of process " + pid + ": heap cache has ")
                .doesNotContain("\n  resident ");
        assertThat(CommandRun.of("stats", "--watch", "1", core.toString()).err())
                .isEqualTo("malloc4j: --watch is for a process, and " + core + " is a core file: it stays as it is\n");

        CommandRun map = CommandRun.of("map", core.toString());
        assertThat(map.out())
                .startsWith("Core of process " + pid + " (java): it had ")
                .containsPattern("\nmalloc4j: cache +[0-9]+ ")
                .contains("shared libraries", "a core does not tell what was resident");
        MapReport report = json(CommandRun.of("map", "--json", core.toString()), MapReport.class);
        assertThat(report.readFromCore()).isTrue();
        assertThat(report.residentBytes()).isNull();
        assertThat(report.areas())
                .anyMatch(
                        area -> area.kind().equals("HUGE_BLOCK") && area.owner().startsWith("heap cache"));

        Path cut = temporary.resolve("cut");
        Files.copy(core, cut);
        try (RandomAccessFile file = new RandomAccessFile(cut.toFile(), "rw")) {
            file.setLength(1 << 20);
        }
        for (String command : new String[] {"stats", "classes", "map"}) {
            CommandRun broken = CommandRun.of(command, cut.toString());
            if (broken.exitCode() == 0) {
                assertThat(broken.out()).contains("core file");
            } else {
                assertThat(broken.err()).startsWith("malloc4j: " + cut + ": ").containsOnlyOnce("\n");
                assertThat(broken.exitCode()).isEqualTo(1);
            }
        }
    }

    @Test
    void whatForbidsAttachingIsReadFromOutside() throws IOException {
        try (Child child = Child.start(HeapsChild.class, temporary, "-XX:+DisableAttachMechanism")) {
            CommandRun run = CommandRun.of("stats", Long.toString(child.pid()));
            assertThat(run.err())
                    .isEqualTo("malloc4j: process " + child.pid()
                            + " does not answer, it runs with -XX:+DisableAttachMechanism: its books are read from"
                            + " outside\n");
            assertThat(run.out()).startsWith("Process " + child.pid() + ", read from outside: heap cache has ");
            assertThat(run.exitCode()).isZero();
        }
    }

    @Test
    void aJvmThatHangsIsReadFromOutside() throws IOException {
        try (Child child = Child.start(HeapsChild.class, temporary)) {
            Path socket = Path.of("/tmp/.java_pid" + child.pid());
            try (ServerSocketChannel hung = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
                hung.bind(UnixDomainSocketAddress.of(socket)); // takes requests in place of the JVM, and answers none
                Files.setPosixFilePermissions(socket, PosixFilePermissions.fromString("rw-------"));

                CommandRun run = CommandRun.of("stats", Long.toString(child.pid()));

                assertThat(run.err())
                        .isEqualTo("malloc4j: process " + child.pid()
                                + " does not answer, it hangs: its books are read from outside\n");
                assertThat(run.out()).startsWith("Process " + child.pid() + ", read from outside: heap cache has ");
                assertThat(run.exitCode()).isZero();
            } finally {
                Files.deleteIfExists(socket);
            }
        }
    }

    @Test
    void aProcessWithoutAHeapIsToldInOneLine() throws IOException {
        try (Child child = Child.startJava(
                temporary, List.of("-cp", System.getProperty("java.class.path"), "malloc4j.cli.sites.IdleChild"))) {
            CommandRun run = CommandRun.of("classes", "--outside", Long.toString(child.pid()));
            assertThat(run.err()).isEqualTo("malloc4j: process " + child.pid() + " uses no malloc4j\n");
            assertThat(run.exitCode()).isEqualTo(1);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"stats", "classes", "map"})
    void whatIsNoCoreIsToldInOneLine(String command) throws IOException {
        Path text = Files.writeString(temporary.resolve("text"), "no core");
        Path missing = temporary.resolve("missing");
        assertThat(CommandRun.of(command, text.toString()))
                .isEqualTo(new CommandRun(1, "", "malloc4j: " + text + ": is no core file\n"));
        CommandRun none = CommandRun.of(command, missing.toString());
        assertThat(none.err())
                .endsWith("'" + missing + "' is neither a process's number nor self, and there is no such file\n")
                .containsOnlyOnce("\n");
        assertThat(none.exitCode()).isEqualTo(2);
        assertThat(CommandRun.of(command, temporary.toString()).err()).endsWith(": is no regular file\n");
    }
}
