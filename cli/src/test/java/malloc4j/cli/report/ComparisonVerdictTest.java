package malloc4j.cli.report;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import malloc4j.cli.report.Comparison.Contender;
import malloc4j.cli.report.Comparison.Subject;
import org.junit.jupiter.api.Test;

class ComparisonVerdictTest {
    private static final Contender MALLOC4J = contender("malloc4j", 10, 9, 11, 12, 1);
    private static final Contender SLOWER = contender("glibc", 21, 20, 23, 13, 13);
    private static final Contender FASTER = contender("mimalloc", 8, 7, 9.5, 11, 9);
    private static final Contender YARDSTICK = contender("none", 2, 2, 2, 0, 0);

    @Test
    void theFastestIsComparedWithTheNext() {
        assertThat(verdict(10, SLOWER, MALLOC4J, YARDSTICK))
                .isEqualTo(
                        "malloc4j takes 10.0 ns an event in the median round, the least of all; glibc is next with 21.0,"
                                + " 2.10 times as much. Its memory peaks at 12.0 MiB, 1.20 times what was live then, the least of"
                                + " all. Two seconds after everything was freed it keeps 1.0 MiB, the other 13.0 MiB.");
    }

    @Test
    void whoIsFasterOrSmallerIsNamedAndThatRoundsOverlap() {
        assertThat(verdict(0, MALLOC4J, FASTER, SLOWER))
                .isEqualTo(
                        "malloc4j takes 10.0 ns an event in the median round, 1.25 times as much as mimalloc, the fastest,"
                                + " with 8.0. Rounds of the two overlap, so the order may be chance. Its memory peaks at 12.0 MiB;"
                                + " mimalloc needs least, 11.0 MiB. Two seconds after everything was freed it keeps 1.0 MiB, the"
                                + " others 9.0 MiB to 13.0 MiB.");
    }

    @Test
    void withoutMalloc4jTheFastestIsTold() {
        assertThat(verdict(0, SLOWER, FASTER))
                .startsWith("mimalloc takes 8.0 ns an event in the median round, the least");
        assertThat(verdict(0, SLOWER))
                .isEqualTo(
                        "glibc takes 21.0 ns an event in the median round. Its memory peaks at 13.0 MiB. Two seconds after"
                                + " everything was freed it keeps 13.0 MiB.");
        assertThat(verdict(0, YARDSTICK)).isEqualTo("No allocator was measured.");
    }

    private static String verdict(long liveMebibytes, Contender... contenders) {
        return ComparisonVerdict.of(new Subject("app", "", "event", liveMebibytes << 20, List.of(contenders)));
    }

    private static Contender contender(
            String allocator, double median, double fastest, double slowest, long peakMebibytes, long leftMebibytes) {
        return new Contender(allocator, median, fastest, slowest, peakMebibytes << 20, leftMebibytes << 20);
    }
}
