package malloc4j.cli.doctor;

import malloc4j.cli.Page;
import malloc4j.cli.ProcessCommand;
import malloc4j.cli.health.Finding;
import malloc4j.cli.health.Health;
import malloc4j.cli.health.Severity;
import malloc4j.cli.picture.DoctorPicture;
import picocli.CommandLine.Command;

/// `malloc4j doctor`: a process's number in, or nothing, and what is wrong out.
@Command(
        name = "doctor",
        description = {
            "Looks for what will make memory scarce or a tool blind: kernel, huge pages, overcommit, mappings, locked memory,"
                    + " control group, pressure, guards, temporary folder; of a process also glibc's arenas, Java's version,"
                    + " native access and the Java heap. Each finding has its fix. Without a PID, of a process started here.",
        },
        footer = {
            "",
            "A finding is severe when something fails or soon will, a warning when memory is wasted or will be scarce, a note"
                    + " when something is slower or not to be had. Ends with 1 when one is severe.",
        })
public final class DoctorCommand extends ProcessCommand<Health> {
    @Override
    protected Health readOwn() {
        return Health.ofMachine();
    }

    @Override
    protected Health readOther(long number) {
        return Health.of(number);
    }

    @Override
    protected Object document(Health health) {
        return DoctorReport.of(health);
    }

    @Override
    protected void render(Health health, Page page) {
        page.line(DoctorPicture.verdict(health));
        for (Finding finding : health.findings()) {
            if (finding.severity() != Severity.FINE) {
                page.blankLine()
                        .line(finding.severity() + ": " + finding.name() + ": " + finding.text())
                        .line("  fix: " + finding.fix());
            }
        }
        page.blankLine();
        DoctorPicture.fine(health).forEach(page::line);
    }

    @Override
    protected int exitCode(Health health) {
        return health.count(Severity.SEVERE) == 0 ? 0 : 1;
    }
}
