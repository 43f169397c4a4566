package malloc4j.cli.layout;

import static org.assertj.core.api.Assertions.assertThat;

import io.avaje.jsonb.Jsonb;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.math.BigInteger;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import malloc4j.cli.Main;
import malloc4j.cli.layout.LayoutReport.Area;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;

/// The whole command, on processes of this machine.
class LayoutCommandTest {
    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    @Test
    void printsTheLayoutOfThisProcess() {
        assertThat(run("layout")).isZero();

        assertThat(err.toString()).isEmpty();
        assertThat(out.toString())
                .startsWith("java (pid " + ProcessHandle.current().pid() + "): ")
                .contains("| MMAP ZONE ", "\naddress ", "  Java heap ", "\nJVM  ", "\nall  ");
    }

    @Test
    void selfIsTheCommandsOwnProcess() {
        assertThat(run("layout", "self")).isZero();

        assertThat(out.toString())
                .startsWith("java (pid " + ProcessHandle.current().pid() + "): ");
    }

    @Test
    void printsTheLayoutOfAnotherProcess() throws Exception {
        Process process = new ProcessBuilder("sh", "-c", "echo ready; read line").start();
        try {
            assertThat(process.inputReader().readLine()).isEqualTo("ready");

            assertThat(run("layout", Long.toString(process.pid()))).isZero();

            assertThat(out.toString()).contains("(pid " + process.pid() + "): ", " stack top\n", "brk heap");
        } finally {
            process.destroyForcibly();
        }
    }

    @Test
    void printsOneJsonDocument() {
        assertThat(run("layout", "--json")).isZero();

        LayoutReport report = Jsonb.instance().type(LayoutReport.class).fromJson(out.toString());
        assertThat(err.toString()).isEmpty();
        assertThat(report.pid()).isEqualTo(ProcessHandle.current().pid());
        assertThat(report.mappings()).isGreaterThan(100);
        assertThat(report.areas()).extracting(Area::kind).contains("JAVA_HEAP", "CODE_CACHE", "STACK", "BREAK");
        assertThat(report.total()).containsKeys("residentBytes", "sharedCleanBytes", "swappedProportionalBytes");
        assertThat(report.areas().stream()
                        .mapToLong(area -> area.use().getOrDefault("residentBytes", 0L))
                        .sum())
                .isEqualTo(report.total().get("residentBytes"));
        assertThat(report.sums().stream().mapToLong(LayoutReport.Sum::byteSize).sum())
                .isEqualTo(report.areas().stream().mapToLong(Area::byteSize).sum());
        assertThat(report.bases().stackTop()).startsWith("0x7f");
        assertThat(report.gaps())
                .allSatisfy(gap -> assertThat(gap.byteSize()).isPositive())
                .anySatisfy(gap -> assertThat(gap.byteSize()).isGreaterThan(BigInteger.ONE.shiftLeft(40)));
    }

    /// One that has ended and is not waited for, which a kernel thread is like.
    @Test
    void aProcessWithoutMemoryIsSaidToHaveNone() throws Exception {
        Process parent = new ProcessBuilder("sh", "-c", "sleep 0.1 & echo $!; exec sleep 1000").start();
        try {
            String ended = parent.inputReader().readLine();
            Path stat = Path.of("/proc/" + ended + "/stat"); // its mappings are none for a moment of an exec too
            for (int attempt = 0; attempt < 500 && !Files.readString(stat).contains(") Z "); attempt++) {
                Thread.sleep(10);
            }

            assertThat(run("layout", ended)).isZero();

            assertThat(out.toString()).contains("0 mappings", "It has no memory of its own");
        } finally {
            parent.destroyForcibly();
        }
    }

    @Test
    void wrongUsageIsExitCode2AndOneLine() {
        assertWrongUsage("process 99999999: there is no process with this number", "layout", "99999999");
        assertWrongUsage("pid 0: must be 1 or more", "layout", "0");
        assertWrongUsage(
                "Invalid value for positional parameter at index 0 (PID): 'init' is neither a process's number nor self",
                "layout",
                "init");
        assertWrongUsage("Unmatched argument at index 2: '2'", "layout", "1", "2");
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
