package malloc4j.internal.cache;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Phaser;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.IntStream;
import malloc4j.internal.os.Errno;
import malloc4j.internal.region.ChunkMap;
import malloc4j.internal.slab.SizeClasses;
import malloc4j.internal.slab.Slab;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CacheRegistryTest {
    private static final int SIZE_CLASS = SizeClasses.of(64);
    private static final int PLACES = 256; // of a table

    private final Caches caches = new Caches();

    @AfterEach
    void close() {
        caches.close();
    }

    /// A thread whose id has the remainder `remainder`: thread objects that never start take the ids before it.
    private static Thread threadWithId(int remainder, Runnable task) {
        while (true) {
            Thread thread = Thread.ofPlatform().unstarted(task);
            if (thread.threadId() % PLACES == remainder) {
                return thread;
            }
        }
    }

    @Test
    void aThreadFindsItsOwnCacheAgain() throws InterruptedException {
        Caches.inThread(() -> {
            assertThat(caches.registry.current()).isNull();
            long first = caches.allocate(SIZE_CLASS);
            ThreadCache cache = caches.registry.current();
            assertThat(cache).isNotNull();
            assertThat(Slab.tag(ChunkMap.record(first))).isEqualTo(cache == null ? -2 : cache.tag());
            assertThat(caches.registry.has(Slab.tag(ChunkMap.record(first)))).isTrue();
            caches.allocate(SIZE_CLASS);
            assertThat(caches.registry.current()).isSameAs(cache);
            return first;
        });
        assertThat(caches.registry.cacheCount()).isEqualTo(1);
        assertThat(caches.liveBlocks()).isEqualTo(2);
    }

    /// All at once.
    @ParameterizedTest
    @ValueSource(ints = {2, 3, 4, 20})
    void threadsWithCollidingIdsHaveCachesOfTheirOwn(int count) throws InterruptedException {
        Phaser phaser = new Phaser(count);
        Set<Integer> tags = new HashSet<>();
        AtomicReference<Throwable> failure = new AtomicReference<>();
        List<Thread> threads = new ArrayList<>();
        for (int index = 0; index < count; index++) {
            threads.add(threadWithId(5, () -> {
                try {
                    int tag = Slab.tag(ChunkMap.record(caches.allocate(SIZE_CLASS)));
                    synchronized (tags) {
                        tags.add(tag);
                    }
                    phaser.arriveAndAwaitAdvance();
                    for (int round = 0; round < 20; round++) {
                        long[] blocks = IntStream.range(0, 2_000)
                                .mapToLong(step -> caches.allocate(SIZE_CLASS))
                                .toArray();
                        for (long block : blocks) {
                            assertThat(Slab.tag(ChunkMap.record(block))).isEqualTo(tag);
                            assertThat(caches.free(block)).isTrue();
                            assertThat(caches.free(block)).isFalse();
                        }
                        phaser.arriveAndAwaitAdvance();
                    }
                } catch (Throwable failed) {
                    failure.compareAndSet(null, failed);
                    phaser.forceTermination();
                }
            }));
        }
        threads.forEach(Thread::start);
        for (Thread thread : threads) {
            thread.join();
        }
        assertThat(failure).hasValue(null);
        assertThat(tags).hasSize(count);
        assertThat(caches.registry.cacheCount()).isEqualTo(count);
        assertThat(caches.liveBlocks()).isEqualTo(count);
    }

    @Test
    void aDisplacedThreadKeepsItsCacheAndTakesTheShortWay() throws InterruptedException {
        CountDownLatch displaced = new CountDownLatch(1);
        CountDownLatch done = new CountDownLatch(1);
        Thread holder = threadWithId(9, () -> {
            caches.allocate(SIZE_CLASS);
            displaced.countDown();
            await(done);
        });
        holder.start();
        await(displaced);
        int[] tags = new int[3];
        long[] atHand = new long[2];
        Thread other = threadWithId(9, () -> {
            for (int index = 0; index < tags.length; index++) {
                long block = caches.allocate(SIZE_CLASS);
                tags[index] = Slab.tag(ChunkMap.record(block));
                ThreadCache cache = caches.registry.current();
                assertThat(cache == null ? 0 : cache.tag()).isEqualTo(tags[index]);
                assertThat(caches.free(block)).isTrue();
                assertThat(caches.free(block)).isFalse();
            }
            atHand[0] = caches.allocate(SIZE_CLASS);
            assertThat(caches.free(atHand[0])).isTrue();
            atHand[1] = caches.registry.table().allocateBlock(64); // the short way of malloc
            assertThat(caches.free(atHand[1])).isTrue();
        });
        other.start();
        other.join();
        caches.verify();
        done.countDown();
        holder.join();
        assertThat(tags).containsOnly(tags[0]).doesNotContain(0);
        assertThat(atHand[1]).isEqualTo(atHand[0]).isPositive();
        assertThat(caches.registry.cacheCount()).isEqualTo(2);
        assertThat(caches.liveBlocks()).isEqualTo(1);
    }

    @Test
    void theNextThreadTakesOverTheCacheOfADeadOneAsItIs() throws InterruptedException {
        long first = Caches.inThread(() -> {
            long block = caches.allocate(SIZE_CLASS);
            caches.free(block);
            return block;
        });
        for (int index = 0; index < 300; index++) {
            long block = Caches.inThread(() -> {
                long taken = caches.allocate(SIZE_CLASS);
                caches.free(taken);
                return taken;
            });
            assertThat(ChunkMap.record(block)).isEqualTo(ChunkMap.record(first));
        }
        assertThat(caches.registry.cacheCount()).isEqualTo(1);
        assertThat(caches.slabCount()).isEqualTo(1);
    }

    /// Threads come and go beside many that stay: idle caches are found, though no thread looks at all caches.
    @Test
    void idleCachesAreFoundAmongThoseOfManyLiveThreads() throws InterruptedException {
        int live = 200;
        CountDownLatch leased = new CountDownLatch(live);
        CountDownLatch done = new CountDownLatch(1);
        List<Thread> threads = new ArrayList<>();
        for (int index = 0; index < live; index++) {
            threads.add(Thread.ofPlatform().start(() -> {
                caches.allocate(SIZE_CLASS);
                leased.countDown();
                await(done);
            }));
        }
        await(leased);
        for (int index = 0; index < 1_000; index++) {
            Caches.inThread(() -> caches.allocate(SIZE_CLASS));
        }
        caches.verify();
        assertThat(caches.registry.cacheCount()).isBetween(live + 1, live + live / 8 + 8);
        done.countDown();
        for (Thread thread : threads) {
            thread.join();
        }
        caches.verify();
    }

    @Test
    void virtualThreadsShareAFewCaches() throws InterruptedException {
        ConcurrentLinkedQueue<Long> blocks = new ConcurrentLinkedQueue<>();
        List<Thread> threads = new ArrayList<>();
        for (int index = 0; index < 2_000; index++) {
            threads.add(Thread.startVirtualThread(() -> {
                for (int step = 0; step < 5; step++) {
                    blocks.add(caches.allocate(SIZE_CLASS));
                }
                assertThat(caches.registry.current()).isNull();
            }));
        }
        for (Thread thread : threads) {
            thread.join();
        }
        assertThat(new HashSet<>(blocks)).hasSize(10_000);
        assertThat(caches.registry.cacheCount())
                .isBetween(1, 4 * Runtime.getRuntime().availableProcessors());
        assertThat(caches.liveBlocks()).isEqualTo(10_000);
        for (long block : blocks) {
            assertThat(caches.free(block)).isTrue();
        }
        assertThat(caches.liveBlocks()).isZero();
    }

    @Test
    void aClosedRegistryGivesNothing() throws InterruptedException {
        Caches closed = new Caches();
        closed.allocate(SIZE_CLASS);
        closed.close();
        closed.registry.close();
        assertThat(closed.registry.current()).isNull();
        assertThat(closed.registry.allocateBlock(SIZE_CLASS)).isEqualTo(-Errno.EBADF);
        assertThat(closed.registry.cacheCount()).isZero();
        assertThat(Caches.inThread(() -> closed.registry.allocateBlock(SIZE_CLASS)))
                .isEqualTo(-Errno.EBADF);
    }

    @Test
    void tagsOfClosedRegistriesAreUsedAgain() {
        Set<Integer> tags = new HashSet<>();
        for (int index = 0; index < 200; index++) {
            try (Caches other = new Caches()) {
                tags.add(Slab.tag(ChunkMap.record(other.allocate(SIZE_CLASS))));
            }
        }
        assertThat(tags).hasSizeLessThan(10);
        assertThat(caches.registry.has(0)).isFalse();
        assertThat(caches.registry.has(-1)).isFalse();
        assertThat(caches.registry.has(Integer.MAX_VALUE)).isFalse();
    }

    private static void await(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException interrupted) {
            throw new AssertionError(interrupted);
        }
    }
}
