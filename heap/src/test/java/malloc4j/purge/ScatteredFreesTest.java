package malloc4j.purge;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.Arrays;
import java.util.Locale;
import java.util.SplittableRandom;
import java.util.function.LongSupplier;
import malloc4j.Heap;
import malloc4j.HeapOptions;
import malloc4j.internal.memory.RawMemory;
import malloc4j.internal.region.PageGeometry;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/// Blocks freed in random order, one in 200 kept: what goes back to the kernel is all but the pages of those.
/// Complements IdleReturnTest, which frees in the order of allocation.
class ScatteredFreesTest {
    private static final int BLOCKS = 2_000_000;
    private static final int KEPT_EACH = 200;
    private static final Duration PROMISED = Duration.ofSeconds(3);

    private final SplittableRandom random = new SplittableRandom(42);
    private final long[] addresses = new long[BLOCKS];
    private Heap heap = heap(HeapOptions.defaults().purging().purgeDelay());
    private long peak;

    private static Heap heap(Duration purgeDelay) {
        return Heap.create(
                HeapOptions.builder().name("idle").purgeDelay(purgeDelay).build());
    }

    @AfterEach
    void close() {
        heap.close();
    }

    @Test
    void whenOneIn200StaysLiveLittleMoreThanItsPagesStaysFor3Seconds() throws InterruptedException {
        allocateAll();
        freeAllBut(KEPT_EACH);
        long pages = livePageBytes();
        awaitResident("keep every 200th", pages + pages * 3 / 10, pages);
        assertNothingIsLost(BLOCKS / KEPT_EACH);
    }

    @Test
    void whenOneIn200StaysLiveAndAnotherThreadFreedTheRestLittleMoreThanItsPagesStays() throws InterruptedException {
        allocateAll();
        Thread.ofPlatform().start(() -> freeAllBut(KEPT_EACH)).join();
        long pages = livePageBytes();
        awaitResident("keep every 200th, freed by another thread", pages + pages * 3 / 10, pages);
        assertNothingIsLost(BLOCKS / KEPT_EACH);
    }

    @Test
    void trimGivesBackAtOnceWhatNoPurgerDoes() throws InterruptedException {
        heap.close();
        heap = heap(Duration.ofMillis(-1));
        allocateAll();
        freeAllBut(KEPT_EACH);
        long freed = heap.residentBytes();
        Thread.sleep(PROMISED);
        assertThat(heap.residentBytes()).as("without a purger").isEqualTo(freed);
        assertThat(heap.statistics().purgedBytes()).isZero();

        long pages = livePageBytes();
        assertThat(heap.trim(0)).isTrue();
        long trimmed = heap.residentBytes();
        System.out.printf(
                Locale.ROOT,
                "trim(0), every 200th kept: peak %d KiB, resident %d KiB, %.3f times the %d KiB of pages with a live block%n",
                peak >> 10,
                trimmed >> 10,
                (double) trimmed / pages,
                pages >> 10);
        assertThat(trimmed).isLessThanOrEqualTo(pages + pages * 3 / 10);
        assertThat(heap.trim(0)).as("nothing is left to give").isFalse();
        assertNothingIsLost(BLOCKS / KEPT_EACH);

        for (int index = 0; index < BLOCKS; index += KEPT_EACH) {
            heap.free(addresses[index]);
        }
        heap.trim(0);
        assertThat(heap.residentBytes()).as("all free and trimmed").isLessThanOrEqualTo(peak / 100);
    }

    private static int byteSize(int index) {
        return 16 + (int) (Integer.toUnsignedLong(index * 0x9E3779B1) % 184);
    }

    private void allocateAll() {
        for (int index = 0; index < BLOCKS; index++) {
            int byteSize = byteSize(index);
            long address = heap.malloc(byteSize);
            RawMemory.fill(address, byteSize, (byte) index);
            RawMemory.putInt(address, index);
            addresses[index] = address;
        }
        peak = heap.residentBytes();
        assertThat(peak).as("every block is touched").isGreaterThan(BLOCKS * 107L);
    }

    /// Frees in random order, as programs do.
    private void freeAllBut(int each) {
        int[] order = new int[BLOCKS];
        Arrays.setAll(order, index -> index);
        for (int index = BLOCKS - 1; index > 0; index--) {
            int other = random.nextInt(index + 1);
            int swapped = order[index];
            order[index] = order[other];
            order[other] = swapped;
        }
        for (int index : order) {
            if (index % each != 0) {
                heap.free(addresses[index]);
            }
        }
    }

    /// The pages that a live block touches.
    private long livePageBytes() {
        long[] pages = new long[BLOCKS / KEPT_EACH * 2];
        int count = 0;
        for (int index = 0; index < BLOCKS; index += KEPT_EACH) {
            long address = addresses[index];
            pages[count++] = address / PageGeometry.PAGE_BYTES;
            pages[count++] = (address + heap.usableSize(address) - 1) / PageGeometry.PAGE_BYTES;
        }
        return Arrays.stream(pages).distinct().count() * PageGeometry.PAGE_BYTES;
    }

    /// Does nothing but look, for at most the time that is promised.
    private void awaitResident(String what, long mostBytes, long livePageBytes) throws InterruptedException {
        LongSupplier resident = () -> heap.residentBytes();
        long start = System.nanoTime();
        long now = resident.getAsLong();
        while (now > mostBytes && System.nanoTime() - start < PROMISED.toNanos()) {
            Thread.sleep(20);
            now = resident.getAsLong();
        }
        long millis = (System.nanoTime() - start) / 1_000_000;
        System.out.printf(
                Locale.ROOT,
                "%s: peak %d KiB, after %d ms idle %d KiB, %.2f %% of the peak, %.3f times the pages with a live block%n",
                what,
                peak >> 10,
                millis,
                now >> 10,
                100.0 * now / peak,
                (double) now / livePageBytes);
        assertThat(now).as(what).isLessThanOrEqualTo(mostBytes);
    }

    private void assertNothingIsLost(int live) {
        heap.verify();
        assertThat(heap.statistics().liveBlocks()).isEqualTo(live);
        for (int index = 0; live > 0 && index < BLOCKS; index += KEPT_EACH) {
            long address = addresses[index];
            int byteSize = byteSize(index);
            boolean kept = RawMemory.getInt(address) == index;
            for (int offset = 4; offset < byteSize; offset++) {
                kept &= RawMemory.getByte(address + offset) == (byte) index;
            }
            assertThat(kept)
                    .as("contents of block %d of %d bytes", index, byteSize)
                    .isTrue();
        }
    }
}
