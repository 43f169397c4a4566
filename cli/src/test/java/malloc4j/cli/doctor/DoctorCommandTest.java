package malloc4j.cli.doctor;

import static org.assertj.core.api.Assertions.assertThat;

import io.avaje.jsonb.Jsonb;
import java.util.List;
import malloc4j.cli.CommandRun;
import malloc4j.cli.doctor.DoctorReport.Finding;
import org.junit.jupiter.api.Test;

/// The whole command, on this machine.
class DoctorCommandTest {
    @Test
    void looksAtTheMachine() {
        CommandRun run = CommandRun.of("doctor");

        assertThat(run.err()).isEmpty();
        assertThat(run.out()).startsWith("This machine ").contains("kernel: Linux ", "overcommit: ", "mappings: ");
    }

    @Test
    void endsWith1OnlyIfAFindingIsSevere() {
        CommandRun run = CommandRun.of("doctor", "--json");

        DoctorReport report = Jsonb.instance().type(DoctorReport.class).fromJson(run.out());
        boolean isSevere = report.findings().stream()
                .anyMatch(finding -> finding.severity().equals("severe"));
        assertThat(run.exitCode()).isEqualTo(isSevere ? 1 : 0);
        assertThat(report.findings())
                .allSatisfy(finding -> assertThat(finding.fix()).isNotBlank())
                .allSatisfy(finding -> assertThat(finding.severity()).isIn("fine", "note", "warning", "severe"));
    }

    @Test
    void looksAtAProcessToo() {
        CommandRun run = CommandRun.of("doctor", "--json", "self");

        DoctorReport report = Jsonb.instance().type(DoctorReport.class).fromJson(run.out());
        assertThat(report.pid()).isEqualTo(ProcessHandle.current().pid());
        assertThat(report.findings())
                .extracting(Finding::name)
                .containsAll(List.of("glibc arenas", "java", "native access"));
    }

    @Test
    void aProcessThatDoesNotExistIsOneLine() {
        assertThat(CommandRun.of("doctor", "99999999"))
                .isEqualTo(new CommandRun(2, "", "malloc4j: process 99999999: there is no process with this number\n"));
    }
}
