package malloc4j.misuse;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.atomic.AtomicLong;
import malloc4j.CFamily;
import malloc4j.Heap;
import malloc4j.HeapOptions;
import malloc4j.MisusePolicy;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// A program that frees one block twice, by its owner and by another thread at the same moment, again and again: both
/// frees may be accepted, and the block is free once. Of two blocks to a slab the other thread's is the first free of
/// its word, of sixty-four mostly a later one, which goes the short way. `-Dtest.races` for as many races of each.
@Tag("proof")
class OwnerAndAnotherFreeOneBlockTest {
    private static final long RACES = Long.getLong("test.races", 20_000);
    private static final int BLOCKS = 5;

    private final AtomicLong started = new AtomicLong();
    private final AtomicLong ended = new AtomicLong();
    private volatile long block;

    @ParameterizedTest
    @ValueSource(longs = {32 << 10, 1 << 10})
    void theBlockIsNeverGivenOutTwice(long byteSize) throws InterruptedException {
        try (Heap heap = Heap.create(HeapOptions.defaults())) {
            Thread other = Thread.ofPlatform().daemon().start(() -> freeOthersBlocks(heap.cFamily(MisusePolicy.COUNT)));
            CFamily family = heap.cFamily(MisusePolicy.COUNT);
            long[] held = new long[BLOCKS];
            for (long race = 1; race <= RACES; race++) {
                block = heap.malloc(byteSize);
                started.set(race);
                boolean mine = free(family, block);
                while (Math.abs(ended.get()) != race) {
                    Thread.onSpinWait();
                }
                boolean theirs = ended.get() > 0;
                assertThat(mine || theirs)
                        .as("one of two frees of a live block, race " + race)
                        .isTrue();
                allocateDistinct(heap, held, byteSize, race);
            }
            other.join();
            heap.verify();
            assertThat(heap.statistics().liveBlocks()).isZero();
        }
    }

    private void freeOthersBlocks(CFamily family) {
        for (long race = 1; race <= RACES; race++) {
            while (started.get() != race) {
                Thread.onSpinWait();
            }
            ended.set(free(family, block) ? race : -race);
        }
    }

    /// Whether the free was accepted, by a family that the thread has for itself.
    private static boolean free(CFamily family, long address) {
        long refused = family.misuseCount();
        family.free(address);
        return family.misuseCount() == refused;
    }

    private static void allocateDistinct(Heap heap, long[] held, long byteSize, long race) {
        for (int index = 0; index < held.length; index++) {
            held[index] = heap.malloc(byteSize);
            for (int other = 0; other < index; other++) {
                if (held[other] == held[index]) {
                    throw new AssertionError("race " + race + ": one block was given out twice");
                }
            }
        }
        for (long address : held) {
            heap.free(address);
        }
    }
}
