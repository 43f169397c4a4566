package malloc4j.internal.cache;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.CountDownLatch;
import malloc4j.internal.region.ForwardingSource;
import malloc4j.internal.region.PageSource;
import malloc4j.internal.slab.SizeClasses;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// The purger's visits: what makes one due, and that none that matters is left out.
class VisitsByChangeTest {
    private static final int SMALL = SizeClasses.of(64);
    private static final int LARGE = SizeClasses.of(4096);

    private final Caches caches = new Caches();
    private final Reclaimer reclaimer = caches.reclaimer;

    @AfterEach
    void close() {
        caches.close();
    }

    /// Visits until there is nothing to do any more. Returns how many visits had something to do.
    private int visitUntilQuiet() {
        int visits = 0;
        while (reclaimer.visitIdle(false)) {
            visits++;
            assertThat(visits).as("visits that have something to do").isLessThan(10);
        }
        return visits;
    }

    private List<Long> allocate(int sizeClass, int count) {
        List<Long> blocks = new ArrayList<>();
        for (int index = 0; index < count; index++) {
            blocks.add(caches.allocate(sizeClass));
        }
        return blocks;
    }

    @Test
    void aVisitLooksAtNoSlabWhereNothingWasFreed() {
        List<Long> small = allocate(SMALL, 20_000);
        List<Long> large = allocate(LARGE, 400);
        for (int index = 0; index < small.size(); index += 7) {
            caches.free(small.get(index));
        }
        for (int index = 0; index < large.size(); index += 20) {
            caches.free(large.get(index));
        }
        assertThat(visitUntilQuiet()).isPositive();
        long before = reclaimer.visitedSlabs();

        assertThat(reclaimer.visitIdle(false)).isFalse();
        allocate(SMALL, 1_000);
        reclaimer.visitIdle(false);
        visitUntilQuiet();
        long afterMallocs = reclaimer.visitedSlabs();
        assertThat(reclaimer.visitIdle(false)).isFalse();

        assertThat(reclaimer.visitedSlabs()).isEqualTo(afterMallocs);
        assertThat(afterMallocs - before)
                .as("slabs of the class that was allocated from")
                .isLessThan(100);
        caches.free(large.get(1));
        assertThat(reclaimer.visitIdle(false)).isTrue();
        assertThat(reclaimer.visitedSlabs() - afterMallocs)
                .as("slabs of the one class")
                .isBetween(1L, 25L);
    }

    @Test
    void aFreeByAnotherThreadMakesAVisitDue() throws InterruptedException {
        List<Long> blocks = allocate(LARGE, 64);
        visitUntilQuiet();

        Caches.inThread(() -> caches.free(blocks.get(3)) ? 1 : 0);

        long purged = reclaimer.purgedBytes();
        assertThat(visitUntilQuiet()).isPositive();
        assertThat(reclaimer.purgedBytes() - purged).isEqualTo(4096);
    }

    @Test
    void aFreeByAVirtualThreadMakesAVisitDue() throws InterruptedException {
        List<Long> blocks = allocate(LARGE, 64);
        visitUntilQuiet();

        Thread.ofVirtual().start(() -> caches.free(blocks.get(3))).join();

        long purged = reclaimer.purgedBytes();
        assertThat(visitUntilQuiet()).isPositive();
        assertThat(reclaimer.purgedBytes() - purged).isEqualTo(4096);
    }

    @Test
    void theEndOfAThreadMakesAVisitDue() throws InterruptedException {
        CountDownLatch freed = new CountDownLatch(1);
        CountDownLatch end = new CountDownLatch(1);
        Thread thread = Thread.ofPlatform().start(() -> {
            List<Long> blocks = allocate(LARGE, 8);
            blocks.forEach(caches::free); // into the slots, and the slab stays leased
            freed.countDown();
            try {
                end.await();
            } catch (InterruptedException interrupted) {
                throw new AssertionError(interrupted);
            }
        });
        freed.await();
        visitUntilQuiet();
        assertThat(caches.slabCount()).isEqualTo(1);

        end.countDown();
        thread.join();

        assertThat(visitUntilQuiet()).isPositive();
        assertThat(caches.slabCount()).isZero();
        assertThat(caches.spans.dirtyBytes()).isZero();
    }

    @Test
    void freePagesThatATrimHasKeptGoBackLater() {
        long span = caches.spans.allocateSpan(64, 1, true) & -2L;
        caches.spans.freeSpan(span, 64);
        reclaimer.visit(1 << 20, true);
        assertThat(caches.spans.dirtyBytes()).isPositive();

        assertThat(visitUntilQuiet()).isPositive();

        assertThat(caches.spans.dirtyBytes()).isZero();
    }

    /// A full Java heap may end a visit anywhere: what it was about goes back at a later one.
    @Test
    void aVisitThatAnErrorHasEndedIsDueAgain() {
        boolean[] isFull = {false};
        PageSource source = new ForwardingSource() {
            @Override
            public long purge(long address, long byteSize) {
                if (isFull[0]) {
                    throw new OutOfMemoryError("for the test");
                }
                return super.purge(address, byteSize);
            }
        };
        try (Caches others = new Caches((1 << 20) + 1, source)) {
            List<Long> blocks = new ArrayList<>();
            for (int index = 0; index < 400; index++) {
                blocks.add(others.allocate(LARGE));
            }
            blocks.subList(1, 300).forEach(others::free); // whole slabs, and pages of one
            long span = others.spans.allocateSpan(64, 1, true);
            others.spans.freeSpan(span, 64);
            isFull[0] = true;
            for (int visit = 0; visit < 4; visit++) {
                try {
                    others.reclaimer.visitIdle(false);
                } catch (OutOfMemoryError expected) {
                    assertThat(expected).hasMessage("for the test");
                }
            }
            isFull[0] = false;

            for (int visit = 0; others.reclaimer.visitIdle(false); visit++) {
                assertThat(visit).as("visits that have something to do").isLessThan(10);
            }

            assertThat(others.spans.dirtyBytes()).isZero();
            assertThat(others.reclaimer.purgedBytes()).isGreaterThan(200 * 4096);
            others.reclaimer.verify();
        }
    }

    /// What blocks and pages go through, by threads that live and end: when a visit has nothing to do, a visit of
    /// everything would find nothing.
    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4})
    void nothingIsLeftToGiveBackWhenNoVisitIsDue(long seed) throws InterruptedException {
        SplittableRandom random = new SplittableRandom(seed);
        List<Long> live = new ArrayList<>();
        for (int round = 0; round < 40; round++) {
            Runnable task = () -> churn(random, live);
            switch (random.nextInt(3)) {
                case 0 -> task.run();
                case 1 -> Thread.ofPlatform().start(task).join();
                default -> Thread.ofVirtual().start(task).join();
            }
            if (random.nextInt(3) > 0) {
                reclaimer.visitIdle(false);
                continue;
            }
            visitUntilQuiet();
            for (int visit = 0; visit < 3; visit++) {
                assertThat(reclaimer.visit(0, false)).as("bytes that were left").isZero();
            }
            caches.verify();
        }
        live.forEach(caches::free);
    }

    private void churn(SplittableRandom random, List<Long> live) {
        int kinds = 1 + random.nextInt(4);
        for (int step = random.nextInt(4_000); step > 0; step--) {
            if (random.nextInt(100) < 52 || live.isEmpty()) {
                live.add(caches.allocate(random.nextInt(kinds) * 12));
            } else {
                int index = random.nextInt(live.size());
                long last = live.removeLast();
                assertThat(caches.free(index == live.size() ? last : live.set(index, last)))
                        .isTrue();
            }
        }
        if (random.nextInt(4) == 0) {
            while (live.size() > 100) {
                assertThat(caches.free(live.removeLast())).isTrue();
            }
        }
    }
}
