package malloc4j;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import malloc4j.internal.os.TestKernel;
import malloc4j.internal.slab.SizeClasses;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// No request is refused while what is live and what is asked fit the limit with a tenth to spare.
///
/// The long form: `-Dtest.requests=100000000`.
@Tag("proof")
class NeedlessRefusalTest {
    private static final long MIB = 1L << 20;
    private static final long REQUESTS = Long.getLong("test.requests", 400_000L);

    @ParameterizedTest
    @CsvSource({"1,0", "1,1", "1,1000", "2,1", "4,0", "4,1000", "8,1", "8,1000"})
    void whileDemandGoesUpAndDown(int threads, long purgeDelayMillis) throws InterruptedException {
        run(threads, purgeDelayMillis, 64 * MIB, 22 * MIB, 56 * MIB, 40_000);
    }

    @ParameterizedTest
    @CsvSource({"0", "1", "1000"})
    void inASmallHeapWithLargerBlocks(long purgeDelayMillis) throws InterruptedException {
        run(1, purgeDelayMillis, 10 * MIB, 2 * MIB, 8 * MIB, 11_000);
    }

    private static void run(int threads, long delayMillis, long limit, long low, long high, int maxBytes)
            throws InterruptedException {
        TestKernel.assumePagesOf4KiB();
        HeapOptions options = HeapOptions.builder()
                .hardLimitBytes(limit)
                .purgeDelay(Duration.ofMillis(delayMillis))
                .build();
        AtomicLong live = new AtomicLong(); // an upper bound: counted before malloc, and down after free
        AtomicLong freed = new AtomicLong(); // a lower bound of what was freed, to see live over the whole call
        AtomicInteger needless = new AtomicInteger();
        AtomicInteger refused = new AtomicInteger();
        AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();
        try (Heap heap = Heap.create(options)) {
            List<Thread> workers = new ArrayList<>();
            for (int index = 0; index < threads; index++) {
                SplittableRandom random = new SplittableRandom(index);
                workers.add(Thread.ofPlatform().start(() -> {
                    try {
                        work(
                                heap,
                                random,
                                limit,
                                low / threads,
                                high / threads,
                                maxBytes,
                                threads,
                                live,
                                freed,
                                needless,
                                refused);
                    } catch (Throwable thrown) {
                        failure.set(thrown);
                    }
                }));
            }
            for (Thread worker : workers) {
                worker.join();
            }
            assertThat(failure.get()).isNull();
            heap.verify();
        }
        System.out.printf(
                "needless refusals: %d of %d requests, %d refused, %d threads, delay %d ms, limit %d MiB%n",
                needless.get(), REQUESTS, refused.get(), threads, delayMillis, limit / MIB);
        assertThat(needless).hasValue(0);
    }

    private static void work(
            Heap heap,
            SplittableRandom random,
            long limit,
            long low,
            long high,
            int maxBytes,
            int threads,
            AtomicLong live,
            AtomicLong freed,
            AtomicInteger needless,
            AtomicInteger refused) {
        long[] blocks = new long[1 << 16];
        int count = 0;
        long own = 0;
        boolean growing = true;
        for (long request = 0; request < REQUESTS / threads; request++) {
            growing = own < low || (growing && own < high - maxBytes);
            if (count == 0
                    || (count < blocks.length && random.nextInt(10) < (growing ? 7 : 3) && own < high - maxBytes)) {
                int byteSize = size(random, maxBytes);
                long asked = usable(byteSize);
                long most = live.addAndGet(asked);
                long freedBefore = freed.get();
                long address = heap.tryMalloc(byteSize);
                if (address <= 0) {
                    refused.incrementAndGet();
                    if (most + (freed.get() - freedBefore) <= limit * 9 / 10) {
                        needless.incrementAndGet();
                    }
                    live.addAndGet(-asked);
                    continue;
                }
                blocks[count++] = address;
                long usable = heap.usableSize(address); // a large block may be an eighth longer than asked
                live.addAndGet(usable - asked);
                own += usable;
            } else {
                int victim = random.nextInt(count);
                long address = blocks[victim];
                blocks[victim] = blocks[--count];
                long bytes = heap.usableSize(address);
                heap.free(address);
                own -= bytes;
                freed.addAndGet(bytes);
                live.addAndGet(-bytes);
            }
        }
        for (int index = 0; index < count; index++) {
            live.addAndGet(-heap.usableSize(blocks[index]));
            heap.free(blocks[index]);
        }
    }

    private static long usable(int byteSize) {
        int sizeClass = SizeClasses.ofAligned(byteSize, 1);
        return sizeClass >= 0 ? SizeClasses.blockBytes(sizeClass) : (byteSize + 4095L) & -4096L;
    }

    private static int size(SplittableRandom random, int maxBytes) {
        return random.nextInt(4) == 0 ? 1 + random.nextInt(maxBytes) : 1 + random.nextInt(Math.min(maxBytes, 2_000));
    }
}
