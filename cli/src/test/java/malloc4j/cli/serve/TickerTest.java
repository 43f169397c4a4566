package malloc4j.cli.serve;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import malloc4j.cli.attach.AttachedJvm;
import malloc4j.cli.sites.AllocatingChild;
import malloc4j.cli.sites.Child;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/// How often a program is looked at.
@Timeout(60)
class TickerTest {
    private static final long SECOND = TimeUnit.SECONDS.toNanos(1);

    @TempDir
    @SuppressWarnings("NullAway.Init")
    private Path temporary;

    @Test
    void whatCostsMoreIsDoneLessOften() throws Exception {
        try (Child child = Child.start(AllocatingChild.class, temporary);
                AttachedJvm jvm = AttachedJvm.attach(child.pid())) {
            Observer observer = new Observer(child.pid(), "", jvm);
            Ticker ticker = new Ticker(observer, 2 * SECOND);
            for (int cold = 0; cold < 5; cold++) {
                assertThat(ticker.pauseNanos(SECOND)).isEqualTo(2 * SECOND);
            }
            assertThat(ticker.pauseNanos(SECOND / 1000)).isEqualTo(2 * SECOND);
            assertThat(ticker.pauseNanos(SECOND / 10))
                    .as("a quarter of 100 ms and three of 1 ms, 400 times")
                    .isEqualTo(400 * (3 * (SECOND / 1000) + SECOND / 10) / 4);
            assertThat(ticker.pauseNanos(100 * SECOND)).isEqualTo(20 * SECOND);

            long before = observer.spentNanos();
            assertThat(before).as("the kernel tells the agent's time").isPositive();
            Observation unused = observer.look();
            assertThat(observer.spentNanos()).isGreaterThan(before);
        }
    }
}
