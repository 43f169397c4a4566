package malloc4j.cli.child;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(value = 30, unit = TimeUnit.SECONDS)
class WorkersTest {
    @Test
    void everyWorkerKeepsItsThread() {
        Set<String> seen = ConcurrentHashMap.newKeySet();
        try (var workers = new Workers(3, "test")) {
            for (int round = 0; round < 5; round++) {
                workers.run(worker ->
                        seen.add(worker + " on " + Thread.currentThread().getName()));
            }
        }
        assertThat(seen).containsExactlyInAnyOrder("0 on test-0", "1 on test-1", "2 on test-2");
    }

    @Test
    void aFailureIsReportedAndTheNextRunIsClean() {
        try (var workers = new Workers(2, "test")) {
            assertThatThrownBy(() -> workers.run(worker -> {
                        if (worker == 1) {
                            throw new IllegalStateException("double free\nof 0x10");
                        }
                    }))
                    .isInstanceOf(ChildFailure.class)
                    .hasMessage("IllegalStateException: double free; of 0x10");
            workers.run(ignored -> {});
        }
    }
}
