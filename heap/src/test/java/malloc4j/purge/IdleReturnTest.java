package malloc4j.purge;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.Random;
import java.util.TreeSet;
import malloc4j.Heap;
import malloc4j.HeapOptions;
import malloc4j.internal.memory.RawMemory;
import malloc4j.internal.region.PageGeometry;
import org.junit.jupiter.api.Test;

/// What a heap gives back while nobody calls it.
class IdleReturnTest {
    private static final int BLOCKS = 2_000_000;
    private static final int MIN_BYTES = 16;
    private static final int MAX_BYTES = 199;
    private static final int KEPT_EVERY = 200;
    private static final Duration DEADLINE = Duration.ofSeconds(3);

    private final long[] blocks = new long[BLOCKS];

    @Test
    void freeingAllGivesAllBackWithinThreeSeconds() throws InterruptedException {
        try (Heap heap = Heap.create(HeapOptions.defaults())) {
            long peak = fill(heap);
            freeAll(heap);
            assertThat(residentAtDeadline(heap, "free all")).isLessThan(peak / 20);
            heap.verify();
        }
    }

    @Test
    void freeingAllByAnotherThreadGivesAllBackWithinThreeSeconds() throws InterruptedException {
        try (Heap heap = Heap.create(HeapOptions.defaults())) {
            long peak = fill(heap);
            Thread other = Thread.ofPlatform().start(() -> freeAll(heap));
            other.join();
            assertThat(residentAtDeadline(heap, "free all by another thread")).isLessThan(peak / 20);
            heap.verify();
        }
    }

    @Test
    void keepingEvery200thKeepsItsPagesOnly() throws InterruptedException {
        try (Heap heap = Heap.create(HeapOptions.defaults())) {
            fill(heap);
            TreeSet<Long> pages = new TreeSet<>();
            for (int index = 0; index < BLOCKS; index++) {
                if (index % KEPT_EVERY == 0) {
                    long end = blocks[index] + heap.usableSize(blocks[index]) - 1;
                    pages.add(blocks[index] >>> PageGeometry.PAGE_SHIFT);
                    pages.add(end >>> PageGeometry.PAGE_SHIFT);
                } else {
                    heap.free(blocks[index]);
                }
            }
            long livePages = (long) pages.size() << PageGeometry.PAGE_SHIFT;
            long resident = residentAtDeadline(heap, "keep every 200th, " + livePages + " bytes of pages live");
            assertThat(resident).isLessThanOrEqualTo(livePages * 13 / 10);
            for (int index = 0; index < BLOCKS; index += KEPT_EVERY) {
                assertThat(RawMemory.getLong(blocks[index])).isEqualTo(index);
                heap.free(blocks[index]);
            }
            heap.verify();
        }
    }

    @Test
    void trimGivesBackAtOnceWhatANegativeDelayKeeps() throws InterruptedException {
        HeapOptions keeping =
                HeapOptions.builder().purgeDelay(Duration.ofMillis(-1)).build();
        try (Heap heap = Heap.create(keeping)) {
            long peak = fill(heap);
            freeAll(heap);
            Thread.sleep(DEADLINE);
            assertThat(heap.residentBytes()).isGreaterThan(peak * 9 / 10);
            assertThat(heap.trim(0)).isTrue();
            assertThat(heap.residentBytes()).isZero();
            assertThat(heap.trim(0)).isFalse();
            heap.verify();
        }
    }

    private long fill(Heap heap) {
        Random random = new Random(42);
        for (int index = 0; index < BLOCKS; index++) {
            blocks[index] = heap.malloc(MIN_BYTES + random.nextInt(MAX_BYTES - MIN_BYTES + 1));
            RawMemory.putLong(blocks[index], index);
        }
        long peak = heap.residentBytes();
        assertThat(peak).isGreaterThan((long) BLOCKS * (MIN_BYTES + MAX_BYTES) / 2);
        return peak;
    }

    private void freeAll(Heap heap) {
        for (long block : blocks) {
            heap.free(block);
        }
    }

    private static long residentAtDeadline(Heap heap, String what) throws InterruptedException {
        long before = heap.residentBytes();
        Thread.sleep(DEADLINE);
        long after = heap.residentBytes();
        System.out.println("idle return, " + what + ": resident " + before + " bytes, 3 s later " + after);
        return after;
    }
}
