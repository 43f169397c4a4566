package malloc4j.cli.bench;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import malloc4j.cli.bench.MachineLoad.Snapshot;
import org.junit.jupiter.api.Test;

class MachineLoadTest {
    private static final String SELF = "13677 (a (b) c) R 13670 13670 32466 0 -1 4194304 100 0 0 0 %d %d 0 0 20 0 1";

    /// Others took 30 of 80 ticks, the hypervisor 5.
    @Test
    void whatIsNotOursBelongsToOthers() {
        Snapshot before = Snapshot.of(0, 1_000, "cpu  100 0 50 1000 7 0 3 4 0 0", SELF.formatted(20, 10));
        Snapshot after = Snapshot.of(1_000_000_000, 501_000, "cpu  160 5 60 1100 9 2 6 9 0 0", SELF.formatted(60, 20));

        MachineLoad load = before.until(after);

        assertThat(load).isEqualTo(new MachineLoad(1_000_000_000, 500_000, 300_000_000, 50_000_000));
        assertThat(load.othersShare()).isEqualTo(0.3);
        assertThat(load.stealShare()).isEqualTo(0.05);
    }

    @Test
    void aFewTicksAreNoDisturbance() {
        assertThat(load(30, 0).isDisturbed()).isFalse();
        assertThat(load(130, 0).isDisturbed()).isFalse();
        assertThat(load(140, 0).isDisturbed()).isTrue();
        assertThat(load(0, 40).isDisturbed()).isFalse();
        assertThat(load(0, 50).isDisturbed()).isTrue();
    }

    @Test
    void readsThisMachine() throws IOException {
        Snapshot before = Snapshot.take();
        MachineLoad load = before.until(Snapshot.take());
        assertThat(before.busyTicks()).isPositive();
        assertThat(load.elapsedNanos()).isPositive();
        assertThat(load.ownNanos()).isNotNegative();
        assertThat(load.othersNanos()).isNotNegative();
    }

    /// Of one second.
    private static MachineLoad load(long othersMillis, long stealMillis) {
        return new MachineLoad(1_000_000_000, 0, othersMillis * 1_000_000, stealMillis * 1_000_000);
    }
}
