package malloc4j.cli.explain;

import static org.assertj.core.api.Assertions.assertThat;

import io.avaje.jsonb.Jsonb;
import malloc4j.cli.CommandRun;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// `explain SIZE`: the way of a request.
class RouteTest {
    private static Route.Report report(String... arguments) {
        CommandRun run = CommandRun.of(arguments);
        assertThat(run.err()).isEmpty();
        assertThat(run.exitCode()).isZero();
        return Jsonb.instance().type(Route.Report.class).fromJson(run.out());
    }

    @ParameterizedTest
    @CsvSource({
        "100, 100, slab, 112, 585",
        "0, 0, slab, 16, 4096",
        "32K, 32768, slab, 32768, 2",
        "32769, 32769, large, 36864, 0",
        "1mib, 1048576, large, 1048576, 0",
        "64M, 67108864, huge, 67108864, 0",
    })
    void aRequestGetsItsBlock(String text, long byteSize, String place, long usable, int blocksPerSlab) {
        Route.Report report = report("explain", text, "--json");
        assertThat(report.requestedBytes()).isEqualTo(byteSize);
        assertThat(report.place()).isEqualTo(place);
        assertThat(report.usableBytes()).isEqualTo(usable);
        assertThat(report.wasteBytes()).isEqualTo(usable - byteSize);
        assertThat(report.blocksPerSlab()).isEqualTo(blocksPerSlab);
        assertThat(report.firstSystemCalls()).isPositive();
        if (!place.equals("huge")) {
            assertThat(report.secondSystemCalls()).isZero();
            assertThat(report.freeSystemCalls()).isZero();
        } else {
            assertThat(report.secondSystemCalls()).isPositive();
            assertThat(report.freeSystemCalls()).as("each goes back at once").isPositive();
        }
    }

    @Test
    void peopleReadWhy() {
        assertThat(CommandRun.of("explain", "100").out())
                .startsWith(
                        "A request of 100 bytes gets a block of 112 bytes (12 bytes, 11 % of it, are rounding) in a slab")
                .contains("A slab has 585 such blocks, and 16 bytes are left at its end.")
                .contains("the second none, both frees none")
                .contains("By mmap, an extent of ");
        assertThat(CommandRun.of("explain", "100K", "--heap", "source=brk").out())
                .contains(": 25 pages of its own in an extent")
                .contains("By sbrk, an extent of ");
        assertThat(CommandRun.of("explain", "64M").out()).contains("By mmap, whatever the heap's source is");
    }

    @Test
    void whatCannotBeIsToldInOneLine() {
        assertLine(2, "--heap: ", "explain", "100", "--heap", "nonsense=1");
        assertLine(2, "--heap is for a size", "explain", "./x", "--heap", "source=brk");
        assertLine(2, "no size is so large", "explain", "9999999999T");
        assertLine(1, "no block is larger than", "explain", "4194304T");
        assertLine(1, "explained", "explain", "100M", "--heap", "hardLimitBytes=1M");
    }

    private static void assertLine(int exitCode, String message, String... arguments) {
        CommandRun run = CommandRun.of(arguments);
        assertThat(run.err()).startsWith("malloc4j: ").contains(message).hasLineCount(1);
        assertThat(run.exitCode()).isEqualTo(exitCode);
        assertThat(run.out()).isEmpty();
    }
}
