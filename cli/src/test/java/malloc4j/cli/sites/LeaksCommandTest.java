package malloc4j.cli.sites;

import static org.assertj.core.api.Assertions.assertThat;

import io.avaje.jsonb.Jsonb;
import java.io.IOException;
import java.nio.file.Path;
import java.util.stream.Stream;
import malloc4j.cli.CommandRun;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/// `leaks` on a program that keeps a quarter of what it allocates.
@Timeout(120)
class LeaksCommandTest {
    @TempDir
    @SuppressWarnings("NullAway.Init")
    private Path temporary;

    private static CommandRun leaks(Child child, String... options) {
        return CommandRun.of(Stream.concat(Stream.of("leaks", Long.toString(child.pid())), Stream.of(options))
                .toArray(String[]::new));
    }

    @Test
    void namesTheLineThatKeepsAllocating() throws IOException {
        try (Child child = Child.start(AllocatingChild.class, temporary)) {
            CommandRun run = leaks(child, "--seconds", "4");

            assertThat(run.exitCode()).isEqualTo(1);
            assertThat(run.out())
                    .startsWith("Process " + child.pid() + ", watched for 4 s: heap 'common': about ")
                    .contains("not freed, by malloc4j.cli.sites.AllocatingChild.keep(")
                    .contains("\n    at malloc4j.cli.sites.AllocatingChild.main(")
                    .doesNotContain("churn")
                    .endsWith(")\n");
        }
    }

    @Test
    void printsOneJsonDocument() throws IOException {
        try (Child child = Child.start(AllocatingChild.class, temporary)) {
            CommandRun run = leaks(child, "--seconds", "4", "--json");

            assertThat(run.exitCode()).isEqualTo(1);
            LeaksReport report = Jsonb.instance().type(LeaksReport.class).fromJson(run.out());
            assertThat(report.pid()).isEqualTo(child.pid());
            assertThat(report.leaks()).hasSize(1);
            LeaksReport.Leak leak = report.leaks().getFirst();
            assertThat(leak.stack().getFirst()).startsWith("malloc4j.cli.sites.AllocatingChild.keep(");
            assertThat(leak.grownBytes()).isPositive().isLessThanOrEqualTo(leak.liveBytes());
            assertThat(leak.oldestAgeMillis()).isBetween(1_000L, 60_000L);
        }
    }

    @Test
    void findsNothingWhereNothingIsKept() throws IOException {
        try (Child child = Child.start(AllocatingChild.class, temporary, "-Dkept=0")) {
            CommandRun run = leaks(child, "--seconds", "2");

            assertThat(run.exitCode()).isZero();
            assertThat(run.out()).contains("heap 'common': no site keeps growing.");
        }
    }

    @Test
    void refusesATimeOfNothing() throws IOException {
        try (Child child = Child.start(AllocatingChild.class, temporary)) {
            assertThat(leaks(child, "--seconds", "0").exitCode()).isEqualTo(2);
            assertThat(leaks(child, "--sample-bytes", "0").exitCode()).isEqualTo(2);
        }
    }
}
