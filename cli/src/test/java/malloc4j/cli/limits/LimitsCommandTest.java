package malloc4j.cli.limits;

import static org.assertj.core.api.Assertions.assertThat;

import io.avaje.jsonb.Jsonb;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.List;
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
        assertThat(run("limits", "4711")).isEqualTo(2);

        assertThat(err.toString()).isEqualTo("malloc4j: Unmatched argument at index 1: '4711'\n");
        assertThat(out.toString()).isEmpty();
    }

    private int run(String... arguments) {
        CommandLine commandLine = Main.commandLine();
        commandLine.setOut(new PrintWriter(out, true));
        commandLine.setErr(new PrintWriter(err, true));
        return commandLine.execute(List.of(arguments).toArray(String[]::new));
    }
}
