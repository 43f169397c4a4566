package malloc4j.cli.replay;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.concurrent.TimeUnit;
import malloc4j.cli.child.ChildFailure;
import malloc4j.cli.child.Workers;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(value = 30, unit = TimeUnit.SECONDS)
class RendezvousTest {
    private static final int ROUNDS = 2_000;

    /// Two workers hand a plain counter back and forth; each sees every write of the other.
    @Test
    void whatIsWrittenBeforeIsSeenAfter() {
        int slots = 10;
        int[] waiters = new int[slots];
        for (int slot = 0; slot < slots; slot++) {
            waiters[slot] = slot % 2;
        }
        int[] counter = {0};
        try (var workers = new Workers(2, "replay")) {
            var rendezvous = new Rendezvous(waiters, workers.threads());
            for (int round = 1; round <= ROUNDS; round++) {
                int thisRound = round;
                workers.run(worker -> {
                    for (int slot = worker; slot < slots; slot += 2) {
                        if (slot > 0) {
                            rendezvous.await(slot, thisRound);
                        }
                        counter[0]++;
                        if (slot + 1 < slots) {
                            rendezvous.announce(slot + 1, thisRound);
                        }
                    }
                });
            }
        }
        assertThat(counter[0]).isEqualTo(ROUNDS * slots);
    }

    @Test
    void whoWaitsForAFailedWorkerFailsToo() {
        try (var workers = new Workers(2, "replay")) {
            var rendezvous = new Rendezvous(new int[] {1}, workers.threads());
            assertThatThrownBy(() -> workers.run(worker -> {
                        if (worker == 0) {
                            rendezvous.abort();
                        } else {
                            rendezvous.await(0, 1);
                        }
                    }))
                    .isInstanceOf(ChildFailure.class)
                    .hasMessage("another thread failed");
        }
    }
}
