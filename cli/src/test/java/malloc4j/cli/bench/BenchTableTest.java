package malloc4j.cli.bench;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import malloc4j.cli.bench.BenchReport.Absent;
import malloc4j.cli.bench.BenchReport.Disturbance;
import malloc4j.cli.bench.BenchReport.Latency;
import malloc4j.cli.bench.BenchReport.Result;
import malloc4j.cli.bench.BenchReport.Settings;
import malloc4j.cli.bench.BenchReport.Spread;
import malloc4j.cli.child.Machine;
import malloc4j.cli.workload.WorkloadName;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class BenchTableTest {
    private static final Result SLOW = result("glibc", "2.36", 12.5, new Disturbance(1, 0.4, 0, 0.31));
    private static final Result FAST = result("malloc4j", "0.1.0", 8.25, null);

    @Test
    void fastestFirstWithStarsAtTheBestAndMarksAtTheDisturbed() {
        assertThat(BenchTable.workload(WorkloadName.PAIR, List.of(SLOW, FAST))).isEqualTo("""
                pair (2 threads): malloc and free at once, 1 to 1,024 bytes, nothing else live

                allocator  version  Mops/s   ns/op   cpu/op   to best              malloc   ns          free   ns         peak   end
                                                         ns              min..max     p50  p99   p99.9   p50  p99  p99.9   MiB   MiB
                malloc4j   0.1.0      121*    8.25*    8.25*     1.52  1.40..1.60      20   40  12.3us    20   40     50   1.0*  0.5*
                glibc      2.36      80.0 !   12.5     12.5      1.52  1.40..1.60      20   40  12.3us    20   40     50   1.0*  0.5*
                ! disturbed: in 1 of 6 rounds other processes took up to 40 % of a processor, the hypervisor up to 0 %; rounds differ: glibc by 31 %

                """);
    }

    @Test
    void footnotesTellHowAndWhere() {
        var report = new BenchReport(
                new Machine("Debian", "Linux 6.1", "amd64", "Xeon", 2, 24L << 30, "madvise", "25.0.3"),
                new Settings(2, 3, 0.5, false),
                List.of(FAST),
                List.of(),
                List.of(new Absent("jemalloc", "cannot load libjemalloc.so.2")),
                List.of(),
                null);
        assertThat(BenchTable.footnotes(report)).isEqualTo("""
                3 rounds of 0.500 s; an operation is one malloc or one free; medians; * is the best
                2 x Xeon, Linux 6.1, JDK 25.0.3
                not installed: jemalloc (cannot load libjemalloc.so.2)
                """);
    }

    private static Result result(String allocator, String version, double nanos, @Nullable Disturbance disturbed) {
        return new Result(
                "pair",
                allocator,
                version,
                2,
                3,
                1_000,
                1e9 / nanos,
                nanos,
                nanos,
                List.of(nanos, nanos, nanos),
                new Spread(1.4, 1.52, 1.6),
                new Latency(10, 20, 30, 40, 12_345, 60, 70),
                new Latency(10, 20, 30, 40, 50, 60, 70),
                1L << 20,
                1L << 19,
                null,
                disturbed);
    }
}
