package malloc4j.cli.bench;

import static org.assertj.core.api.Assertions.assertThat;

import io.avaje.jsonb.Jsonb;
import java.nio.file.Path;
import malloc4j.cli.CommandRun;
import malloc4j.cli.bench.ScaleReport.Result;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// The whole command, with its child JVMs, and rounds too short to measure anything.
class ScaleCommandTest {
    @TempDir
    Path folder;

    @Test
    void printsATableWithTheControlTakenAwayAndPlots() {
        Path plots = folder.resolve("plots");

        CommandRun run = CommandRun.of(
                "bench",
                "scale",
                "live-blocks",
                "--with=malloc4j,glibc,none",
                "--up-to=1000",
                "--rounds=1",
                "--seconds=0.02",
                "--plots=" + plots);

        assertThat(run.err()).isEmpty();
        assertThat(run.exitCode()).isZero();
        assertThat(run.out())
                .startsWith("live-blocks: replace a random block of 16 to 112 bytes; control: ")
                .containsPattern("\nns/op, by live blocks +malloc4j +glibc +control\n1,000( +[\\d.]+!?){3}\n")
                .containsPattern(
                        "\nns/op beyond the control, by live blocks +malloc4j +glibc\n1,000( +-?[\\d.]+!?){2}\n");
        assertThat(plots.resolve("scale-live-blocks.svg"))
                .content()
                .contains(">control</text>")
                .contains(">malloc4j</text>");
    }

    @Test
    void theDocumentHasEveryPoint() {
        CommandRun run = CommandRun.of(
                "bench",
                "scale",
                "block-size",
                "threads",
                "heaps",
                "--with=malloc4j,none",
                "--up-to=10",
                "--rounds=1",
                "--seconds=0.02",
                "--json");

        assertThat(run.err()).isEmpty();
        ScaleReport report = Jsonb.instance().type(ScaleReport.class).fromJson(run.out());
        assertThat(report.results())
                .allSatisfy(result -> assertThat(result.nanosPerOperation()).isPositive())
                .allSatisfy(result -> assertThat(result.byTurns()).isTrue())
                .extracting(result -> result.dimension() + " " + result.point())
                .containsExactly(
                        "block-size 8", "threads 1", "threads 2", "threads 4", "threads 8", "heaps 1", "heaps 10");
        assertThat(report.results()).extracting(Result::allocator).containsOnly("malloc4j");
        assertThat(report.skipped())
                .contains(new BenchReport.Skipped("heaps:10", "none", "it is about malloc4j's heaps"))
                .hasSize(7);
    }

    @Test
    void heapSizesAreLive() {
        CommandRun run = CommandRun.of(
                "bench", "scale", "heap-size", "--with=malloc4j", "--up-to=67108864", "--rounds=1", "--seconds=0.02");

        assertThat(run.exitCode()).isZero();
        assertThat(run.out()).containsPattern("\n64 MiB +[\\d.]+");
    }

    @Test
    void wrongUsageIsExitCode2AndOneLine() {
        assertThat(CommandRun.of("bench", "scale", "width"))
                .isEqualTo(new CommandRun(
                        2,
                        "",
                        "malloc4j: DIMENSION: 'width' is none of"
                                + " live-blocks, block-size, threads, heaps, heap-size\n"));
        assertThat(CommandRun.of("bench", "scale", "--up-to", "0"))
                .isEqualTo(new CommandRun(2, "", "malloc4j: --up-to must be 1 or more, not 0\n"));
        assertThat(CommandRun.of("bench", "scale", "--plots", "/proc/plots"))
                .isEqualTo(new CommandRun(2, "", "malloc4j: --plots /proc/plots: cannot be made a folder\n"));
    }

    @Test
    void withoutAPointTheEnvironmentCannot() {
        assertThat(CommandRun.of("bench", "scale", "live-blocks", "--up-to", "10"))
                .isEqualTo(new CommandRun(
                        3, "", "malloc4j: nothing to measure: no point was left, or no allocator is installed\n"));
    }
}
