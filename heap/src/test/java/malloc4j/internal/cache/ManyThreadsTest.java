package malloc4j.internal.cache;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.IntStream;
import malloc4j.internal.region.ChunkMap;
import malloc4j.internal.slab.SizeClasses;
import malloc4j.internal.slab.Slab;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Many platform threads that live at once: each has a cache of its own, and after its first call none takes the
/// registry's lock for it.
@Tag("proof")
class ManyThreadsTest {
    private static final int SIZE_CLASS = SizeClasses.of(48);
    private static final int STACK_BYTES = 64 << 10;
    private static final int MOST = Boolean.getBoolean("test.long") ? 10_000 : 1_000;

    private enum Ids {
        CONSECUTIVE(1),
        SCATTERED(7),
        /// All of one remainder of the table of a heap of its own.
        AT_ONE_PLACE(256);

        private final int stride;

        Ids(int stride) {
            this.stride = stride;
        }

        /// Virtual threads that never start take the ids between.
        void skip(int index) {
            int count = this == SCATTERED ? index * 31 % (2 * stride) : stride - 1;
            for (int skipped = 0; skipped < count; skipped++) {
                Thread.ofVirtual().unstarted(() -> {});
            }
        }
    }

    /// The threads here have no stack for loading the classes of assertions.
    @BeforeAll
    static void loadClasses() {
        try (Caches caches = new Caches()) {
            allocateAndFree(caches);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {300, 600})
    void moreThreadsThanPlacesHaveCachesOfTheirOwn(int count) throws Exception {
        run(count, Ids.CONSECUTIVE);
    }

    @ParameterizedTest
    @EnumSource
    void manyThreadsHaveCachesOfTheirOwnWhateverTheirIds(Ids ids) throws Exception {
        run(ids == Ids.AT_ONE_PLACE ? MOST / 4 : MOST, ids);
    }

    private static void run(int count, Ids ids) throws Exception {
        try (Caches caches = new Caches()) {
            CyclicBarrier barrier = new CyclicBarrier(count + 1);
            AtomicReference<Throwable> failure = new AtomicReference<>();
            int[] tags = new int[count];
            List<Thread> threads = new ArrayList<>();
            for (int index = 0; index < count; index++) {
                int self = index;
                ids.skip(index);
                threads.add(Thread.ofPlatform().stackSize(STACK_BYTES).start(() -> {
                    try {
                        tags[self] = allocateAndFree(caches);
                        barrier.await();
                        barrier.await();
                        for (int step = 0; step < 5; step++) {
                            assertThat(allocateAndFree(caches)).isEqualTo(tags[self]);
                        }
                        barrier.await();
                    } catch (Throwable failed) {
                        failure.compareAndSet(null, failed);
                        barrier.reset();
                    }
                }));
            }
            try {
                barrier.await();
                caches.verify();
                assertThat(caches.registry.leaseCount()).isEqualTo(count);
                barrier.await();
                barrier.await();
            } finally {
                barrier.reset();
                for (Thread thread : threads) {
                    thread.join();
                }
            }
            assertThat(failure).hasValue(null);
            Set<Integer> distinct = new HashSet<>(IntStream.of(tags).boxed().toList());
            assertThat(distinct).hasSize(count);
            assertThat(caches.registry.leaseCount()).isEqualTo(count);
            assertThat(caches.registry.cacheCount()).isEqualTo(count); // no shared one among them
        }
    }

    private static int allocateAndFree(Caches caches) {
        long block = caches.allocate(SIZE_CLASS);
        int tag = Slab.tag(ChunkMap.record(block));
        assertThat(caches.free(block)).isTrue();
        assertThat(Slab.hasRemote(ChunkMap.record(block))).isFalse(); // freed as its owner
        return tag;
    }
}
