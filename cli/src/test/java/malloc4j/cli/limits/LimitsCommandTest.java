package malloc4j.cli.limits;

import static org.assertj.core.api.Assertions.assertThat;

import io.avaje.jsonb.Jsonb;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import malloc4j.cli.Main;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;

/// The whole command, on this machine.
class LimitsCommandTest {
    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    @Test
    void printsATable() {
        assertThat(run("limits")).isZero();

        assertThat(err.toString()).isEmpty();
        assertThat(out.toString())
                .containsPattern("\nPROCESS\n  address space ")
                .containsPattern("\n  mappings +[\\d,]+ +[\\d,]+  vm.max_map_count")
                .containsPattern("\nNEXT\n  room for ");
    }

    @Test
    void printsOneJsonDocument() {
        assertThat(run("limits", "--json")).isZero();

        LimitsReport report = Jsonb.instance().type(LimitsReport.class).fromJson(out.toString());
        assertThat(report.machine().totalBytes()).isGreaterThan(1L << 28);
        assertThat(report.mappings().used()).isGreaterThan(50);
        assertThat(report.pages().pageBytes()).isIn(4096L, 16384L, 65536L);
        assertThat(report.stack().softBytes()).isNotNull();
        assertThat(report.rooms()).isNotEmpty();
        if (report.controlGroupPressure() == null) {
            assertThat(report.unknown()).containsKey("controlGroupPressure");
        }
    }

    @Test
    void wrongUsageIsExitCode2AndOneLine() {
        assertWrongUsage("process 99999999: there is no process with this number", "99999999");
        assertWrongUsage("pid 0: must be 1 or more", "0");
        assertWrongUsage(
                "Invalid value for positional parameter at index 0 (PID): 'init' is neither a process's number nor self",
                "init");
        assertWrongUsage("Unmatched argument at index 2: '2'", "1", "2");
    }

    private void assertWrongUsage(String message, String... arguments) {
        err.getBuffer().setLength(0);
        String[] all =
                Stream.concat(Stream.of("limits"), Arrays.stream(arguments)).toArray(String[]::new);
        assertThat(run(all)).as(message).isEqualTo(2);
        assertThat(err.toString()).isEqualTo("malloc4j: " + message + "\n");
        assertThat(out.toString()).isEmpty();
    }

    @Test
    void printsTheLimitsOfAnotherProcess() throws Exception {
        Process process = new ProcessBuilder("bash", "-c", "ulimit -v 1000000; echo ready; read -r line").start();
        try {
            assertThat(process.inputReader().readLine()).isEqualTo("ready");

            assertThat(run("limits", Long.toString(process.pid()))).isZero();
            assertThat(out.toString())
                    .containsPattern("\n  address space +977 MiB +[\\d.]+ MiB  RLIMIT_AS\n")
                    .containsPattern("of malloc4j at most [\\d,]+, now \\?\n");

            out.getBuffer().setLength(0);
            assertThat(run("limits", "--json", Long.toString(process.pid()))).isZero();
            LimitsReport report = Jsonb.instance().type(LimitsReport.class).fromJson(out.toString());
            assertThat(report.mappings().ours()).isNull();
            assertThat(report.unknown()).containsEntry("mappings.ours", "another process does not tell it");
        } finally {
            process.destroyForcibly();
        }
    }

    @Test
    void selfIsTheCommandsOwnProcess() {
        assertThat(run("limits", "self")).isZero();

        assertThat(out.toString()).contains("PROCESS\n").doesNotContain("now ?");
    }

    private int run(String... arguments) {
        CommandLine commandLine = Main.commandLine();
        commandLine.setOut(new PrintWriter(out, true));
        commandLine.setErr(new PrintWriter(err, true));
        return commandLine.execute(List.of(arguments).toArray(String[]::new));
    }
}
