package malloc4j.alloc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.atomic.AtomicInteger;
import malloc4j.BlockMisuseException;
import malloc4j.Heap;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// What a pool must refuse, by the name of the sin: each with the exact message, and with nothing changed.
class BlockPoolMisuseTest {
    private static final String DOUBLE_FREE = "double free: the block is free already, or was never given out";
    private static final String FOREIGN = "foreign address: this pool has no block there";

    /// Pools of blocks of 40 bytes at distances of 48.
    enum Kind {
        CONFINED_ON_HEAP,
        SHARED_ON_HEAP,
        CONFINED_ON_SEGMENT,
        SHARED_ON_SEGMENT;

        BlockPool open(Arena arena) {
            BlockPool.Builder blocks = BlockPool.ofSize(40).initialBlocks(70);
            return switch (this) {
                case CONFINED_ON_HEAP -> blocks.confined(Heap.common());
                case SHARED_ON_HEAP -> blocks.shared(Heap.common());
                case CONFINED_ON_SEGMENT -> blocks.confined(arena.allocate(48 * 280, 16));
                case SHARED_ON_SEGMENT -> blocks.shared(arena.allocate(48 * 280, 16));
            };
        }

        boolean isShared() {
            return this == SHARED_ON_HEAP || this == SHARED_ON_SEGMENT;
        }
    }

    private static void assertRefused(BlockPool pool, long address, String what) {
        long live = pool.liveBlocks();
        assertThatThrownBy(() -> pool.free(address))
                .isInstanceOf(BlockMisuseException.class)
                .hasMessage("free(0x" + Long.toHexString(address) + ") of " + pool + ": " + what)
                .extracting(thrown -> ((BlockMisuseException) thrown).address())
                .isEqualTo(address);
        pool.verify();
        assertThat(pool.liveBlocks()).isEqualTo(live);
    }

    private static String interior(long address, long block) {
        return "interior address: " + (address - block) + " bytes inside the block at 0x" + Long.toHexString(block);
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    void doubleFreeImmediate(Kind kind) {
        try (Arena arena = Arena.ofShared();
                BlockPool pool = kind.open(arena)) {
            long block = pool.malloc();
            pool.free(block);
            assertRefused(pool, block, DOUBLE_FREE);
        }
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    void doubleFreeAmongManyOthers(Kind kind) {
        try (Arena arena = Arena.ofShared();
                BlockPool pool = kind.open(arena)) {
            List<Long> blocks = new ArrayList<>();
            for (int i = 0; i < 280; i++) {
                blocks.add(pool.malloc());
            }
            blocks.forEach(pool::free);
            for (long block : blocks) {
                assertRefused(pool, block, DOUBLE_FREE);
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    void freeOfABlockThatWasNeverGivenOut(Kind kind) {
        try (Arena arena = Arena.ofShared();
                BlockPool pool = kind.open(arena)) {
            long block = pool.malloc();
            assertRefused(pool, block + 48, DOUBLE_FREE);
        }
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    void freeOfEveryInteriorAddress(Kind kind) {
        try (Arena arena = Arena.ofShared();
                BlockPool pool = kind.open(arena)) {
            long first = pool.malloc();
            long second = pool.malloc();
            for (long inside = 1; inside < 48; inside++) {
                assertRefused(pool, first + inside, interior(first + inside, first));
                assertRefused(pool, second + inside, interior(second + inside, second));
            }
            pool.free(second);
            assertRefused(pool, second + 1, interior(second + 1, second) + ", which is free");
            pool.free(first);
        }
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    void freeOfForeignAddresses(Kind kind) {
        try (Arena arena = Arena.ofShared();
                BlockPool pool = kind.open(arena);
                BlockPool other = kind.open(arena)) {
            long block = pool.malloc();
            long othersBlock = other.malloc();
            long heapsBlock = Heap.common().malloc(40);
            for (long address : new long[] {0, 1, -1, -48, Long.MIN_VALUE, Long.MAX_VALUE, othersBlock, heapsBlock}) {
                assertRefused(pool, address, FOREIGN);
            }
            // just outside of the chunk, of 70 blocks, or of the segment, of 280
            List<Long> all = new ArrayList<>(List.of(block));
            while (all.size() < pool.capacity()) {
                all.add(pool.malloc());
            }
            long lowest = Collections.min(all);
            assertRefused(pool, lowest - 1, FOREIGN);
            assertRefused(pool, lowest - 48, FOREIGN);
            assertRefused(pool, lowest + pool.capacity() * 48, FOREIGN);
            other.free(othersBlock);
            Heap.common().free(heapsBlock);
            pool.free(block);
        }
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    void freeOfSegments(Kind kind) {
        try (Arena arena = Arena.ofShared();
                BlockPool pool = kind.open(arena)) {
            MemorySegment block = pool.allocate();
            assertThatThrownBy(() -> pool.free(block.asSlice(8)))
                    .isInstanceOf(BlockMisuseException.class)
                    .hasMessageEndingWith(interior(block.address() + 8, block.address()));
            assertThatThrownBy(() -> pool.free(MemorySegment.ofArray(new byte[8])))
                    .isInstanceOf(BlockMisuseException.class)
                    .hasMessageEndingWith("a segment on the Java heap");
            assertThatThrownBy(() -> pool.free(MemorySegment.NULL)).isInstanceOf(BlockMisuseException.class);
            assertThat(pool.liveBlocks()).isEqualTo(1);
            pool.free(block);
            assertThatThrownBy(() -> pool.free(block)).hasMessageEndingWith(DOUBLE_FREE);
        }
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    void freeAfterClose(Kind kind) {
        try (Arena arena = Arena.ofShared()) {
            BlockPool pool = kind.open(arena);
            long block = pool.malloc();
            pool.close();
            assertRefused(pool, block, "the pool is closed");
            assertRefused(pool, 0, "the pool is closed");
            assertRefused(pool, block + 1, "the pool is closed");
        }
    }

    @ParameterizedTest
    @EnumSource(value = Kind.class, names = "SHARED_.*", mode = EnumSource.Mode.MATCH_ALL)
    void ofSeveralThreadsThatFreeOneBlockOneSucceeds(Kind kind) throws Exception {
        assertThat(kind.isShared()).isTrue();
        try (Arena arena = Arena.ofShared();
                BlockPool pool = kind.open(arena)) {
            int threads = 4;
            int rounds = 2_000;
            long[] block = new long[1];
            AtomicInteger freed = new AtomicInteger();
            AtomicInteger refused = new AtomicInteger();
            CyclicBarrier begin = new CyclicBarrier(threads, () -> block[0] = pool.malloc());
            CyclicBarrier end = new CyclicBarrier(threads);
            List<Thread> running = new ArrayList<>();
            for (int i = 0; i < threads; i++) {
                running.add(Thread.ofPlatform().start(() -> {
                    for (int round = 0; round < rounds; round++) {
                        await(begin);
                        try {
                            pool.free(block[0]);
                            freed.incrementAndGet();
                        } catch (BlockMisuseException misuse) {
                            refused.incrementAndGet();
                        }
                        await(end);
                    }
                }));
            }
            for (Thread thread : running) {
                thread.join();
            }
            assertThat(refused.get()).isEqualTo(rounds * (threads - 1));
            assertThat(freed.get()).isEqualTo(rounds);
            pool.verify();
        }
    }

    private static void await(CyclicBarrier barrier) {
        try {
            barrier.await();
        } catch (Exception broken) {
            throw new IllegalStateException(broken);
        }
    }
}
