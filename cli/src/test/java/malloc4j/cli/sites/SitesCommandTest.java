package malloc4j.cli.sites;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.avaje.jsonb.Jsonb;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import malloc4j.cli.CommandRun;
import malloc4j.cli.Main;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/// The whole command, on JVMs that were started without any option for it.
@Timeout(120)
class SitesCommandTest {
    private static final Path TMP = Path.of("/tmp");
    private static final long POLL_MILLIS = 50;

    @TempDir
    @SuppressWarnings("NullAway.Init")
    private Path temporary;

    @Test
    void showsWhoHasAllocatedWhat() throws IOException {
        try (Child child = Child.start(AllocatingChild.class, temporary)) {
            CommandRun run = sites(child, "--seconds", "3", "--sample-bytes", "16384");

            assertThat(run.err()).isEmpty();
            assertThat(run.exitCode()).isZero();
            assertThat(run.out())
                    .startsWith("Process " + child.pid() + ": ")
                    .containsPattern("^Process \\d+: [\\d.]+ MiB sampled and live.* from"
                            + " malloc4j\\.cli\\.sites\\.AllocatingChild\\.keep\\(AllocatingChild\\.java:\\d+\\)\\.\n"
                            + "Heap common: estimated from [\\d,]+ samples in .*, one for each .* allocated\\.\n")
                    .contains("  malloc4j.cli.sites.AllocatingChild.main(");
        }
    }

    @Test
    void printsOneJsonDocument() throws IOException {
        try (Child child = Child.start(AllocatingChild.class, temporary)) {
            CommandRun run = sites(child, "--json", "--seconds", "3", "--sample-bytes", "16384", "--by", "total");

            assertThat(run.exitCode()).isZero();
            SitesReport report = Jsonb.instance().type(SitesReport.class).fromJson(run.out());
            assertThat(report.pid()).isEqualTo(child.pid());
            assertThat(report.heaps()).hasSize(1);
            SitesReport.SiteReport first = report.sites().getFirst();
            assertThat(first.stack().getFirst()).startsWith("malloc4j.cli.sites.AllocatingChild.churn(");
            assertThat(first.totalBytes()).isGreaterThan(10 << 20);
            SitesReport.SiteReport kept = report.sites().stream()
                    .filter(site -> site.stack().getFirst().contains(".keep("))
                    .findFirst()
                    .orElseThrow();
            assertThat(kept.liveBytes()).isEqualTo(kept.totalBytes());
            double deviation = Math.hypot((double) first.totalDeviationBytes(), 3.0 * kept.totalDeviationBytes());
            assertThat((double) first.totalBytes())
                    .isCloseTo(3.0 * kept.totalBytes(), within(5 * deviation + (1 << 20)));
        }
    }

    @Test
    void theNextCommandStartsAnew() throws Exception {
        try (Child child = Child.start(AllocatingChild.class, temporary)) {
            long first = totalBytes(child, "3");
            long second = totalBytes(child, "1");

            assertThat(second).isLessThan(first);
            awaitNoThread(child);
        }
    }

    private static long totalBytes(Child child, String seconds) {
        CommandRun run = sites(child, "--json", "--seconds", seconds);
        SitesReport report = Jsonb.instance().type(SitesReport.class).fromJson(run.out());
        return report.heaps().getFirst().totalBytes();
    }

    @Test
    void writesFiles() throws IOException {
        try (Child child = Child.start(AllocatingChild.class, temporary)) {
            for (SitesFormat format : SitesFormat.values()) {
                Path file = temporary.resolve(format.toString());
                CommandRun run =
                        sites(child, "--seconds", "1", "--format", format.toString(), "--output", file.toString());

                assertThat(run.exitCode()).isZero();
                assertThat(run.out()).endsWith("Written to " + file + ".\n");
                assertThat(file).isNotEmptyFile();
            }
            CommandRun run = sites(child, "--seconds", "1", "--format", "collapsed", "--diff", "--by", "total");
            assertThat(run.out())
                    .containsPattern(";\\S+AllocatingChild\\.churn\\(AllocatingChild.java:\\d+\\) \\d+ \\d+\n");
        }
    }

    @Test
    void findsEachCopyOfTheLibraryWhateverLoadedIt() throws IOException {
        Path classes = Path.of("../heap/target/classes").toAbsolutePath().normalize();
        Path program = temporary.resolve("Program.java");
        Files.writeString(program, """
                void main() throws Exception {
                    var urls = new java.net.URL[] {java.nio.file.Path.of("%s").toUri().toURL()};
                    for (int copy = 0; copy < 2; copy++) {
                        Class<?> heaps = new java.net.URLClassLoader(urls, ClassLoader.getPlatformClassLoader())
                                .loadClass("malloc4j.Heap");
                        Object heap = heaps.getMethod("common").invoke(null);
                        var malloc = heaps.getMethod("malloc", long.class);
                        Thread.ofPlatform().daemon().start(() -> {
                            try {
                                while (true) {
                                    malloc.invoke(heap, 1000L);
                                    Thread.sleep(0, 50_000);
                                }
                            } catch (Exception e) {
                                throw new IllegalStateException(e);
                            }
                        });
                    }
                    System.out.println("ready");
                    System.in.read();
                }
                """.formatted(classes));
        try (Child child = Child.startJava(temporary, List.of(program.toString()))) {
            CommandRun run = sites(child, "--json", "--seconds", "2", "--sample-bytes", "4096");

            SitesReport report = Jsonb.instance().type(SitesReport.class).fromJson(run.out());
            assertThat(report.heaps()).hasSize(2);
            assertThat(report.sites()).hasSizeGreaterThanOrEqualTo(2);
        }
    }

    @Test
    void findsTheLibraryOnTheModulePath() throws Exception {
        Path source = Files.createDirectories(temporary.resolve("source/app")).resolve("Main.java");
        Files.writeString(source, """
                package app;
                class Main {
                    public static void main(String[] arguments) throws Exception {
                        var heap = malloc4j.Heap.common();
                        System.out.println("ready");
                        while (System.in.available() == 0) {
                            heap.malloc(1000);
                            Thread.sleep(0, 50_000);
                        }
                    }
                }
                """);
        Path module = source.resolveSibling("../module-info.java").normalize();
        Files.writeString(module, "module app { requires malloc4j; }");
        String library =
                Path.of("../heap/target/classes").toAbsolutePath().normalize().toString();
        Path classes = temporary.resolve("classes");
        int compiled = javax.tools.ToolProvider.getSystemJavaCompiler()
                .run(null, null, null, "-p", library, "-d", classes.toString(), module.toString(), source.toString());
        assertThat(compiled).isZero();

        try (Child child = Child.startJava(temporary, List.of("-p", library + ":" + classes, "-m", "app/app.Main"))) {
            CommandRun run = sites(child, "--json", "--seconds", "2", "--sample-bytes", "4096");

            SitesReport report = Jsonb.instance().type(SitesReport.class).fromJson(run.out());
            assertThat(report.sites().getFirst().stack().getLast()).startsWith("app.Main.main(Main.java:");
        }
    }

    @Test
    void leavesNoFileBehind() throws IOException {
        List<Path> before = ourFolders();
        try (Child child = Child.start(AllocatingChild.class, temporary)) {
            assertThat(sites(child, "--seconds", "1").exitCode()).isZero();
        }
        assertThat(ourFolders()).isEqualTo(before);
        assertThat(temporary.resolve("err")).content().doesNotContain("Exception", "malloc4j.cli");
    }

    @Test
    void noMoreSamplesAreTakenOnceTheCommandIsKilled() throws Exception {
        try (Child child = Child.start(AllocatingChild.class, temporary)) {
            String java =
                    Path.of(System.getProperty("java.home"), "bin", "java").toString();
            String classPath = System.getProperty("java.class.path");
            String pid = Long.toString(child.pid());
            Process command = new ProcessBuilder(
                            java, "-cp", classPath, Main.class.getName(), "sites", pid, "--seconds", "100")
                    .start();
            try {
                awaitSampleBytes(child, 512 << 10);
            } finally {
                command.destroyForcibly();
            }
            awaitSampleBytes(child, 0);
            awaitNoThread(child);
        }
    }

    private static void awaitSampleBytes(Child child, long sampleBytes) throws Exception {
        while (child.sampleBytes() != sampleBytes) {
            Thread.sleep(POLL_MILLIS);
        }
    }

    private static void awaitNoThread(Child child) throws Exception {
        while (threads(child).contains("malloc4j-attach")) {
            Thread.sleep(POLL_MILLIS);
        }
    }

    @Test
    void samplesThatTheProgramTakesItselfAreShownAtOnceAndGoOn() throws Exception {
        try (Child child = Child.start(AllocatingChild.class, temporary, "-Dsample=65536")) {
            CommandRun run = sites(child, "--json");

            SitesReport report = Jsonb.instance().type(SitesReport.class).fromJson(run.out());
            assertThat(report.seconds()).isZero();
            assertThat(report.heaps().getFirst().sampleBytes()).isEqualTo(65536);
            assertThat(child.sampleBytes()).isEqualTo(65536);
        }
    }

    @Test
    void aProcessWithoutAHeapIsToldInOneLine() throws IOException {
        try (Child child = Child.start(IdleChild.class, temporary)) {
            assertFails(1, "process %d uses no malloc4j, or one too old for this", child.pid());
        }
    }

    @Test
    void whatCannotBeAttachedToIsToldInOneLine() throws Exception {
        assertFails(2, "process 99999999: there is no process with this number", 99999999);
        assertFails(
                2,
                "process %d is this command itself: name another",
                ProcessHandle.current().pid());
        assertFails(2, "pid 0: must be 1 or more", 0);
        Process sleep = new ProcessBuilder("sleep", "60").start();
        try {
            assertFails(2, "process %d is no JVM", sleep.pid());
            assertThat(sleep.isAlive()).isTrue();
        } finally {
            sleep.destroyForcibly();
        }
        try (Child child = Child.start(IdleChild.class, temporary, "-XX:+DisableAttachMechanism", "-XX:-UsePerfData")) {
            assertFails(3, "process %d runs with -XX:+DisableAttachMechanism, which keeps every tool out", child.pid());
            child.process().destroyForcibly().waitFor(10, TimeUnit.SECONDS);
            assertFails(2, "process %d: there is no process with this number", child.pid());
        }
        try (Child child = Child.start(IdleChild.class, temporary, "-XX:-EnableDynamicAgentLoading")) {
            CommandRun run = sites(child);
            assertThat(run.exitCode()).isEqualTo(3);
            assertThat(run.err())
                    .startsWith("malloc4j: process " + child.pid() + " does not load the agent: ")
                    .hasLineCount(1);
        }
        try (Child child = Child.start(IdleChild.class, temporary)) {
            signal("-STOP", child);
            assertFails(3, "process %1$d is stopped: let it go on (kill -CONT %1$d) and try again", child.pid());
        }
    }

    @Test
    void aProcessThatEndsMeanwhileIsToldInOneLine() throws Exception {
        try (Child child = Child.start(AllocatingChild.class, temporary)) {
            Thread.ofPlatform().start(() -> {
                try {
                    Thread.sleep(4000);
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
                child.process().destroyForcibly();
            });
            assertFails(3, "process %d has ended meanwhile", child.pid(), "--seconds", "60");
        }
    }

    @Test
    void wrongUsageIsExitCode2AndOneLine() {
        assertWrong("Missing required parameter: 'PID'");
        assertWrong("--seconds must be from 1 to 86400, not 0", "1", "--seconds", "0");
        assertWrong("--format pprof needs --output", "1", "--format", "pprof");
        assertWrong("--output needs --format", "1", "--output", "x");
        assertWrong("--json and --format exclude each other", "1", "--json", "--format", "collapsed");
        assertWrong("/nowhere/x: no file can be written there", "1", "--format", "html", "--output", "/nowhere/x");
        assertWrong("Invalid value for option '--by': 'all' is none of live, total", "1", "--by", "all");
    }

    private static void assertWrong(String message, String... arguments) {
        CommandRun run = CommandRun.of(
                Stream.concat(Stream.of("sites"), Stream.of(arguments)).toArray(String[]::new));
        assertThat(run.err()).isEqualTo("malloc4j: " + message + "\n");
        assertThat(run.exitCode()).isEqualTo(2);
    }

    private static void assertFails(int exitCode, String message, long pid, String... options) {
        CommandRun run = CommandRun.of(Stream.concat(Stream.of("sites", Long.toString(pid)), Stream.of(options))
                .toArray(String[]::new));
        assertThat(run.err()).isEqualTo("malloc4j: " + message.formatted(pid) + "\n");
        assertThat(run.exitCode()).isEqualTo(exitCode);
        assertThat(run.out()).isEmpty();
    }

    private static CommandRun sites(Child child, String... options) {
        return CommandRun.of(Stream.concat(Stream.of("sites", Long.toString(child.pid())), Stream.of(options))
                .toArray(String[]::new));
    }

    private static void signal(String signal, Child child) throws IOException, InterruptedException {
        new ProcessBuilder("kill", signal, Long.toString(child.pid())).start().waitFor();
    }

    /// The threads' names as the kernel has them, which are of at most 15 letters.
    private static List<String> threads(Child child) throws IOException {
        try (Stream<Path> tasks = Files.list(Path.of("/proc", Long.toString(child.pid()), "task"))) {
            return tasks.map(SitesCommandTest::threadName).toList();
        }
    }

    private static String threadName(Path task) {
        try {
            return Files.readString(task.resolve("comm")).strip();
        } catch (IOException ended) {
            return "";
        }
    }

    private static List<Path> ourFolders() throws IOException {
        try (Stream<Path> files = Files.list(TMP)) {
            return files.filter(file -> file.getFileName().toString().matches("malloc4j-\\d+"))
                    .toList();
        }
    }
}
