package malloc4j.internal.cache;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;

/// How long the purger visits a heap.
class PurgerRegistrationTest {
    private static final long DELAY_NANOS = 20_000_000;

    @Test
    void aHeapThatNobodyRefersToAnyMoreIsNotVisited() {
        try (Caches caches = new Caches()) {
            int before = Purger.heapCount();
            Runnable registration = Purger.start(caches.reclaimer, DELAY_NANOS);
            assertThat(Purger.heapCount()).isGreaterThan(before);
            System.gc();
            assertThat(Purger.heapCount()).isGreaterThan(before);
            assertThat(registration).isNotNull();
            registration = null;

            for (int attempt = 0; attempt < 1_000 && Purger.heapCount() > before; attempt++) {
                System.gc();
                LockSupport.parkNanos(DELAY_NANOS);
            }
            assertThat(Purger.heapCount()).isLessThanOrEqualTo(before);
        }
    }

    @Test
    void endingTheVisitsTakesTheHeapOut() {
        try (Caches caches = new Caches()) {
            Runnable registration = Purger.start(caches.reclaimer, DELAY_NANOS);
            int with = Purger.heapCount();

            registration.run();

            assertThat(Purger.heapCount()).isLessThan(with);
        }
    }
}
