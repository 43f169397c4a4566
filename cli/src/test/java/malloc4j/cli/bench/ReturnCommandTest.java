package malloc4j.cli.bench;

import static org.assertj.core.api.Assertions.assertThat;

import io.avaje.jsonb.Jsonb;
import malloc4j.cli.CommandRun;
import malloc4j.cli.bench.ReturnReport.Result;
import org.junit.jupiter.api.Test;

/// The whole command, with its child JVMs, on few blocks.
class ReturnCommandTest {
    private static final long MIB = 1 << 20;

    @Test
    void everyProbeHasEveryStep() {
        CommandRun run =
                CommandRun.of("bench", "return", "--with=malloc4j,arena", "--blocks=200000", "--idle=0.1", "--json");

        assertThat(run.err()).isEmpty();
        assertThat(run.exitCode()).isZero();
        ReturnReport report = Jsonb.instance().type(ReturnReport.class).fromJson(run.out());
        assertThat(report.results())
                .extracting(result -> result.probe() + " " + result.allocator())
                .containsExactly(
                        "free-all malloc4j",
                        "free-all arena",
                        "freed-by-another malloc4j",
                        "freed-by-another arena",
                        "keep-every-200th malloc4j",
                        "keep-every-200th arena");
        assertThat(report.results()).allSatisfy(result -> {
            assertThat(result.peakBytes()).isBetween(20 * MIB, 40 * MIB); // 21.5 MB were asked for
            assertThat(result.idle3SecondsBytes()).isPositive();
            assertThat(result.idleBytes()).isPositive();
            assertThat(result.lightUseBytes()).isPositive();
        });
        assertThat(report.results())
                .filteredOn(Result::allocator, "arena")
                .allSatisfy(result -> assertThat(result.trimmedBytes()).isNull());
        assertThat(report.results()).filteredOn(Result::allocator, "malloc4j").allSatisfy(result -> assertThat(
                        result.trimmedBytes())
                .isBetween(0L, result.livePageBytes() + 4 * MIB));
        assertThat(report.results())
                .filteredOn(Result::probe, "keep-every-200th")
                .allSatisfy(result -> assertThat(result.livePageBytes()).isBetween(3 * MIB, 5 * MIB));
        assertThat(report.results())
                .filteredOn(Result::probe, "free-all")
                .allSatisfy(result -> assertThat(result.livePageBytes()).isZero());
    }

    @Test
    void printsATableOfSteps() {
        CommandRun run = CommandRun.of("bench", "return", "free-all", "--with=glibc", "--blocks=1000", "--idle=0");

        assertThat(run.exitCode()).isZero();
        assertThat(run.out())
                .startsWith("free-all: all blocks are freed by the thread that allocated them\n\nallocator ")
                .containsPattern("\nglibc +2\\.\\d+( +[\\d.]+){7}\n")
                .contains("\n1,000 blocks of 16 to 199 bytes; ");
    }

    @Test
    void wrongUsageIsExitCode2AndOneLine() {
        assertThat(CommandRun.of("bench", "return", "free-some"))
                .isEqualTo(new CommandRun(
                        2,
                        "",
                        "malloc4j: PROBE: 'free-some' is none of" + " free-all, freed-by-another, keep-every-200th\n"));
        assertThat(CommandRun.of("bench", "return", "--blocks", "0"))
                .isEqualTo(new CommandRun(2, "", "malloc4j: --blocks must be from 1 to 50000000, not 0\n"));
        assertThat(CommandRun.of("bench", "return", "--idle", "-1"))
                .isEqualTo(new CommandRun(2, "", "malloc4j: --idle must be from 0 to 3600 seconds, not -1.0\n"));
        assertThat(CommandRun.of("bench", "return", "--with", "none"))
                .isEqualTo(new CommandRun(2, "", "malloc4j: --with none has no memory to give back\n"));
    }
}
