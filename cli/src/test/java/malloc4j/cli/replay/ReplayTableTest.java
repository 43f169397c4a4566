package malloc4j.cli.replay;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class ReplayTableTest {
    @Test
    void fastestFirstWithStarsAtTheBest() {
        assertThat(ReplayTable.render(Reports.report(false), List.of(Reports.TRACE)))
                .isEqualTo("""
                app.trace: 1,234,567 events, 600,000 objects, 2 threads, peak live 10.0 MiB
                a note
                another note

                allocator  version      best     median   to best  peak    peak  after free
                                    ns/event   ns/event             MiB   /live         MiB
                none       none          2.1        2.2      0.17   0.0    0.00         0.0
                malloc4j   0.1.0        12.3*      13.6*     1.00  11.0    1.10         0.5*
                glibc      2.36         21.0       22.0      1.70  10.0*   1.00        10.0

                5 rounds, first word written; * is the best
                2 x Xeon, Linux 6.1, JDK 25.0.3
                not installed: jemalloc (cannot load libjemalloc.so.2)
                """);
    }

    @Test
    void aVerifyingReplayShowsNoTimes() {
        assertThat(ReplayTable.render(Reports.report(true), List.of(Reports.TRACE)))
                .contains("malloc4j   0.1.0           -          -         -  11.0    1.10         0.5*\n")
                .contains("5 rounds, every byte written and checked; times are not comparable\n");
    }
}
