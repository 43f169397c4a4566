package malloc4j.cli.who;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.avaje.jsonb.Jsonb;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import malloc4j.cli.CommandRun;
import malloc4j.cli.Main;
import malloc4j.cli.picture.Fit;
import malloc4j.cli.sites.Child;
import malloc4j.cli.who.WhoReport.Part;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

/// The whole command, on processes of this machine.
class WhoCommandTest {
    private static final long MIB = 1 << 20;

    @TempDir
    private Path folder;

    @Test
    void thePartsOfANativeProcessAddUpToWhatTheKernelSays() throws Exception {
        Process process = new ProcessBuilder("sh", "-c", "echo ready; read line").start();
        try {
            assertThat(process.inputReader().readLine()).isEqualTo("ready");

            WhoReport report = report(process.pid());

            assertAddsUp(report);
            assertThat(report.residentBytes()).isEqualTo(report.rollupBytes());
            assertThat(residentBytes(report)).containsKeys("program", "shared libraries", "thread stacks");
            assertThat(residentBytes(report).getOrDefault("unknown", 0L)).isLessThan(MIB);
        } finally {
            process.destroyForcibly();
        }
    }

    @Test
    void thePartsOfWhateverRunsHereAddUp() {
        List<Long> others = ProcessHandle.allProcesses()
                .filter(process -> process.info().command().isPresent())
                .map(ProcessHandle::pid)
                .filter(pid -> pid != ProcessHandle.current().pid())
                .limit(6)
                .toList();
        for (long pid : others) {
            CommandRun run = CommandRun.of("who", "--json", "--no-attach", Long.toString(pid));
            if (run.exitCode() == 0) {
                WhoReport report = Jsonb.instance().type(WhoReport.class).fromJson(run.out());
                assertThat(sum(report)).as(run.out()).isEqualTo(report.residentBytes());
            } else {
                assertThat(run.err()).as("one line").startsWith("malloc4j: ").containsOnlyOnce("\n");
            }
        }
    }

    @Test
    void aJvmThatKeepsBooksAgreesWithThem() throws Exception {
        for (String java : javas()) {
            Path source = Files.writeString(folder.resolve("Idle.java"), """
                    public class Idle {
                        public static void main(String[] arguments) throws Exception {
                            var buffer = java.nio.ByteBuffer.allocateDirect(10 << 20);
                            System.out.println("ready");
                            System.in.read();
                            System.out.println(buffer.get(0));
                        }
                    }
                    """);
            Process process = new ProcessBuilder(
                            java, "-Xmx64m", "-XX:+UseG1GC", "-XX:NativeMemoryTracking=detail", source.toString())
                    .start();
            try {
                assertThat(process.inputReader().readLine()).as(java).isEqualTo("ready");

                WhoReport report = report(process.pid());

                assertAddsUp(report);
                assertAgrees(report, java);
                assertThat(residentBytes(report).get("direct buffers")).as(java).isBetween(10 * MIB, 12 * MIB);
                assertThat(residentBytes(report).getOrDefault("unknown", 0L))
                        .as(java)
                        .isLessThan(MIB);
            } finally {
                process.destroyForcibly();
            }
        }
    }

    private static void assertAgrees(WhoReport report, String java) {
        Map<String, Part> parts = report.parts().stream().collect(Collectors.toMap(Part::name, part -> part));
        for (String name :
                List.of("Java heap", "code cache", "metaspace", "class space", "GC structures", "CDS archive")) {
            Part part = Objects.requireNonNull(parts.get(name), java + ": " + name + " in " + report);
            double books = Objects.requireNonNull(part.nmtBytes(), java + ": " + part);
            assertThat((double) part.committedBytes()).as(java + ": " + part).isCloseTo(books, within(0.02 * books));
        }
    }

    @Test
    void aProcessWithMalloc4jTellsItsHeapsByName() throws Exception {
        try (Child child = Child.start(HeapsChild.class, folder)) {
            WhoReport report = report(child.pid());

            assertAddsUp(report);
            assertThat(residentBytes(report).get("malloc4j: cache")).isBetween(60 * MIB, 63 * MIB);
            assertThat(report.verdict()).contains("malloc4j: cache");

            CommandRun outside = CommandRun.of("who", "--outside", Long.toString(child.pid()));
            assertThat(outside.exitCode()).isZero();
            assertThat(outside.out()).contains("malloc4j: cache ").doesNotContain("is anonymous here");
        }
    }

    @Test
    void printsATableWithBarsThatFits() {
        CommandRun run = CommandRun.of("who");

        assertThat(run.err()).isEmpty();
        assertThat(run.out())
                .startsWith("Process " + ProcessHandle.current().pid() + " (java) has ")
                .containsPattern("\nJava heap +[0-9.]+ MiB +[0-9.]+ % .*#")
                .containsPattern("\nall +[0-9.]+ [MG]iB +100 %");
        Fit.check(Fit::whoOfThisProcess);
    }

    @Test
    void aProcessThatCannotBeReadIsOneLine() throws Exception {
        assertThat(CommandRun.of("who", "99999999"))
                .isEqualTo(new CommandRun(2, "", "malloc4j: process 99999999: there is no process with this number\n"));
        assertThat(CommandRun.of("who", "0")).isEqualTo(new CommandRun(2, "", "malloc4j: pid 0: must be 1 or more\n"));
        assertThat(CommandRun.of("who", "--watch", "0").err())
                .isEqualTo("malloc4j: --watch must be from 1 to 86400, not 0\n");
    }

    @Test
    void aProcessThatEndsWhileItIsWatchedIsOneLine() throws Exception {
        Process process = new ProcessBuilder("cat").start();
        var err = new StringWriter();
        var out = new StringWriter() {
            @Override
            public void flush() {
                process.destroyForcibly().onExit().join(); // when it was shown once
            }
        };
        CommandLine commandLine = Main.commandLine();
        commandLine.setOut(new PrintWriter(out, true));
        commandLine.setErr(new PrintWriter(err, true));

        int exitCode = commandLine.execute("who", "--json", "--watch", "1", Long.toString(process.pid()));

        assertThat(exitCode).isEqualTo(3);
        assertThat(err.toString()).isEqualTo("malloc4j: process " + process.pid() + " has ended meanwhile\n");
        assertThat(out.toString().lines()).hasSize(1).allMatch(line -> line.startsWith("{\"pid\":" + process.pid()));
    }

    private static WhoReport report(long pid) {
        CommandRun run = CommandRun.of("who", "--json", Long.toString(pid));
        assertThat(run.err()).isEmpty();
        assertThat(run.exitCode()).isZero();
        return Jsonb.instance().type(WhoReport.class).fromJson(run.out());
    }

    private static long sum(WhoReport report) {
        return report.parts().stream().mapToLong(Part::residentBytes).sum();
    }

    private static void assertAddsUp(WhoReport report) throws IOException {
        assertThat(sum(report)).isEqualTo(report.residentBytes());
        try (Stream<String> lines = Files.lines(Path.of("/proc/" + report.pid() + "/smaps_rollup"))) {
            long kib = lines.filter(line -> line.startsWith("Rss:"))
                    .mapToLong(line -> Long.parseLong(line.replaceAll("[^0-9]", "")))
                    .sum();
            assertThat((double) report.residentBytes()).isCloseTo((double) (kib << 10), within((double) MIB));
        }
    }

    private static Map<String, Long> residentBytes(WhoReport report) {
        return report.parts().stream().collect(Collectors.toMap(Part::name, Part::residentBytes));
    }

    /// This Java, and where there is one, a 17.
    private static List<String> javas() {
        List<String> javas = new ArrayList<>(
                List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString()));
        Path[] others = {Path.of("/usr/lib/jvm/java-17-openjdk-amd64/bin/java")};
        Arrays.stream(others)
                .filter(java -> Files.isExecutable(java.resolveSibling("javac")))
                .map(Path::toString)
                .forEach(javas::add);
        return javas;
    }
}
