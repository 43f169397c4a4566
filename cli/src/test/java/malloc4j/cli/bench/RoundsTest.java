package malloc4j.cli.bench;

import static org.assertj.core.api.Assertions.assertThat;

import malloc4j.cli.bench.BenchReport.Disturbance;
import malloc4j.cli.bench.BenchReport.Spread;
import org.junit.jupiter.api.Test;

class RoundsTest {
    private static final MachineLoad QUIET = new MachineLoad(1_000_000_000, 0, 0, 0);
    private static final MachineLoad BUSY = new MachineLoad(1_000_000_000, 0, 500_000_000, 0);

    @Test
    void aRatioComparesRoundsThatRanSideBySide() {
        Rounds best = rounds(QUIET, 10, 20, 10);
        Rounds other = rounds(QUIET, 20, 40, 30);

        assertThat(other.to(best)).isEqualTo(new Spread(2, 2, 3));
        assertThat(best.to(best)).isEqualTo(new Spread(1, 1, 1));
    }

    @Test
    void theMedianOfEvenlyManyIsBetweenTheMiddleOnes() {
        assertThat(rounds(QUIET, 4, 1, 2, 3).medianNanos()).isEqualTo(2.5);
        assertThat(rounds(QUIET, 4, 1, 2).medianNanos()).isEqualTo(2);
    }

    @Test
    void roundsThatDifferAreDisturbed() {
        assertThat(rounds(QUIET, 100, 110, 120).disturbance()).isNull();
        assertThat(rounds(QUIET, 100, 110, 140).disturbance()).isEqualTo(new Disturbance(0, 0, 0, 0.364));
    }

    @Test
    void roundsWithOthersAtWorkAreDisturbed() {
        assertThat(rounds(BUSY, 100, 100).disturbance()).isEqualTo(new Disturbance(2, 0.5, 0, 0));
    }

    @Test
    void readsTheChildsAnswer() {
        var rounds = new Rounds();
        rounds.add("1000 50000 40000 0 0");
        assertThat(rounds.operations()).isEqualTo(1_000);
        assertThat(rounds.medianNanos()).isEqualTo(50);
        assertThat(rounds.medianCpuNanos()).isEqualTo(40);
    }

    private static Rounds rounds(MachineLoad load, long... nanosPerOperation) {
        var rounds = new Rounds();
        for (long nanos : nanosPerOperation) {
            rounds.add(10, nanos * 10, load);
        }
        return rounds;
    }
}
