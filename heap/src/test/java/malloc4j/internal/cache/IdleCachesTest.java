package malloc4j.internal.cache;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import malloc4j.internal.memory.RawMemory;
import malloc4j.internal.region.ChunkMap;
import malloc4j.internal.slab.SizeClasses;
import malloc4j.internal.slab.Slab;
import org.junit.jupiter.api.Test;

/// The magazines of caches whose threads have ended: counted, and given back.
class IdleCachesTest {
    private static final int THREADS = 40;

    private final List<Integer> tags = new ArrayList<>();
    private final List<Long> live = new ArrayList<>();

    /// Threads that live at once, use every size class, leave one block each, and end.
    private void runThreads(Caches caches) throws InterruptedException {
        CountDownLatch all = new CountDownLatch(THREADS);
        List<Thread> threads = new ArrayList<>();
        for (int index = 0; index < THREADS; index++) {
            threads.add(Thread.ofPlatform().start(() -> {
                for (int sizeClass = 0; sizeClass < SizeClasses.COUNT; sizeClass++) {
                    caches.free(caches.allocate(sizeClass));
                }
                long block = caches.allocate(3);
                synchronized (live) {
                    live.add(block);
                    tags.add(Slab.tag(ChunkMap.record(block)));
                }
                all.countDown();
                try {
                    all.await();
                } catch (InterruptedException interrupted) {
                    throw new AssertionError(interrupted);
                }
            }));
        }
        for (Thread thread : threads) {
            thread.join();
        }
        assertThat(tags).doesNotHaveDuplicates().hasSize(THREADS);
    }

    /// How many words of the magazines are not zero: none after their pages went back, not even the versions, which
    /// are never zero again otherwise.
    private long writtenWords() {
        long words = 0;
        for (int tag : tags) {
            for (int offset = 0; offset < Magazine.CACHE_BYTES; offset += Long.BYTES) {
                words += RawMemory.getLong(ThreadCache.TAGS.magazines(tag) + offset) == 0 ? 0 : 1;
            }
        }
        return words;
    }

    @Test
    void magazinesGoBackAtTheSecondVisitThatFindsTheirThreadsEnded() throws InterruptedException {
        try (Caches caches = new Caches()) {
            runThreads(caches);
            assertThat(caches.registry.magazineBytes()).isEqualTo((long) THREADS * Magazine.CACHE_BYTES);
            caches.reclaimer.visit(0, false);
            assertThat(caches.registry.magazineBytes()).isEqualTo((long) THREADS * Magazine.CACHE_BYTES);
            assertThat(writtenWords()).isPositive();

            caches.reclaimer.visit(0, false);

            assertThat(caches.registry.magazineBytes()).isZero();
            assertThat(writtenWords()).isZero();
            assertThat(caches.registry.cacheCount()).isEqualTo(THREADS);
            caches.verify();
            caches.reclaimer.visit(0, false);
            assertThat(writtenWords()).as("an idle cache is left alone").isZero();
        }
    }

    @Test
    void aTrimGivesThemBackAtOnceAndTheNextThreadsUseTheCachesAgain() throws InterruptedException {
        try (Caches caches = new Caches()) {
            runThreads(caches);
            caches.reclaimer.visit(0, true);
            assertThat(caches.registry.magazineBytes()).isZero();
            assertThat(writtenWords()).isZero();
            List<Integer> before = List.copyOf(tags);
            List<Long> left = List.copyOf(live);
            tags.clear();

            runThreads(caches);

            assertThat(tags).containsExactlyInAnyOrderElementsOf(before);
            assertThat(live).doesNotHaveDuplicates();
            assertThat(caches.registry.magazineBytes()).isEqualTo((long) THREADS * Magazine.CACHE_BYTES);
            caches.verify();
            for (long block : left) {
                assertThat(caches.free(block)).isTrue();
                assertThat(caches.free(block)).isFalse();
            }
            caches.verify();
        }
    }

    @Test
    void aCacheTakenOverBetweenTwoVisitsKeepsItsMagazines() throws InterruptedException {
        try (Caches caches = new Caches()) {
            for (int round = 0; round < 3; round++) {
                Caches.inThread(() -> caches.allocate(3));
                caches.reclaimer.visit(0, false);
                assertThat(caches.registry.magazineBytes()).isEqualTo(Magazine.CACHE_BYTES);
            }
        }
    }

    @Test
    void closingGivesTheMagazinesOfAllCachesBack() throws InterruptedException {
        Caches caches = new Caches();
        try {
            runThreads(caches);
            assertThat(writtenWords()).isPositive();
        } finally {
            caches.close();
        }
        assertThat(writtenWords()).isZero();
    }
}
