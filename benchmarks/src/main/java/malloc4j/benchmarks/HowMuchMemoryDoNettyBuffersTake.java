package malloc4j.benchmarks;

import io.netty.buffer.AdaptiveByteBufAllocator;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.PooledByteBufAllocator;
import io.netty.buffer.UnpooledByteBufAllocator;
import io.netty.util.concurrent.FastThreadLocalThread;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import java.util.concurrent.atomic.AtomicReferenceArray;
import malloc4j.netty.Malloc4jByteBufAllocator;
import org.jspecify.annotations.Nullable;

/// How much memory do a proxy's live buffers take, and how long does it take to replace one? Two event loops replace
/// random ones of some live buffers, each the other's too; the sizes are those of messages, mostly below 2 KiB, some up
/// to 64 KiB. Every page is written to. Not by JMH, for it asks the kernel what is resident; the Java heap is resident
/// from the beginning:
///
/// ```
/// java -Xms512m -Xmx512m -XX:+AlwaysPreTouch -XX:MaxDirectMemorySize=2g --enable-native-access=ALL-UNNAMED \
///     -cp benchmarks/target/benchmarks.jar malloc4j.benchmarks.HowMuchMemoryDoNettyBuffersTake malloc4j 8192
/// ```
///
/// Arguments: `malloc4j`, `pooled` or `adaptive`, and how many buffers are live. Prints the bytes of live buffers, what
/// the process has grown by, and ns of processor time for a replacement, its writing included.
public final class HowMuchMemoryDoNettyBuffersTake {
    private static final int THREADS = 2;
    private static final int REPLACEMENTS = 2_000_000; // of each thread
    private static final int PAGE_BYTES = 4096;
    private static final long SEED = 20_260_101;
    private static final ThreadMXBean CLOCKS = ManagementFactory.getThreadMXBean();

    /// Sizes up to each of these, and how many of a hundred buffers.
    private static final int[] SIZES = {128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768, 65536};

    private static final int[] SHARES = {14, 18, 20, 18, 12, 7, 5, 3, 2, 1};

    private final ByteBufAllocator allocator;
    private final AtomicReferenceArray<@Nullable ByteBuf> live;
    private final long[] nanos = new long[THREADS];

    private HowMuchMemoryDoNettyBuffersTake(ByteBufAllocator allocator, int liveCount) {
        this.allocator = allocator;
        this.live = new AtomicReferenceArray<>(liveCount);
    }

    /// Prints a line.
    public static void main(String[] arguments) throws InterruptedException {
        ByteBufAllocator allocator =
                switch (arguments[0]) {
                    case "malloc4j" -> Malloc4jByteBufAllocator.DEFAULT;
                    case "pooled" -> PooledByteBufAllocator.DEFAULT;
                    default -> new AdaptiveByteBufAllocator();
                };
        int liveCount = Integer.parseInt(arguments[1]);
        new HowMuchMemoryDoNettyBuffersTake(UnpooledByteBufAllocator.DEFAULT, 1).run(); // classes, compiled code
        long before = residentBytes();
        var buffers = new HowMuchMemoryDoNettyBuffersTake(allocator, liveCount);
        buffers.run();
        long grown = residentBytes() - before;
        System.out.printf(
                "%s, %d live: %.1f MiB in buffers, %.1f MiB more resident, %d ns a replacement%n",
                arguments[0],
                liveCount,
                buffers.liveBytes() / (double) (1 << 20),
                grown / (double) (1 << 20),
                (buffers.nanos[0] + buffers.nanos[1]) / THREADS / REPLACEMENTS);
    }

    private void run() throws InterruptedException {
        Thread[] threads = new Thread[THREADS];
        for (int number = 0; number < THREADS; number++) {
            int own = number;
            threads[number] = new FastThreadLocalThread(() -> nanos[own] = replace(new Random(SEED + own)));
            threads[number].start();
        }
        for (Thread thread : threads) {
            thread.join();
        }
    }

    private long replace(Random random) {
        long start = CLOCKS.getCurrentThreadCpuTime();
        for (int count = 0; count < REPLACEMENTS; count++) {
            ByteBuf buffer = allocator.directBuffer(size(random));
            for (int index = 0; index < buffer.capacity(); index += PAGE_BYTES) {
                buffer.setByte(index, index);
            }
            ByteBuf old = live.getAndSet(random.nextInt(live.length()), buffer);
            if (old != null) {
                old.release();
            }
        }
        return CLOCKS.getCurrentThreadCpuTime() - start;
    }

    private static int size(Random random) {
        int percent = random.nextInt(100);
        int kind = 0;
        while (percent >= SHARES[kind]) {
            percent -= SHARES[kind++];
        }
        return SIZES[kind] / 2 + random.nextInt(SIZES[kind] / 2) + 1;
    }

    private long liveBytes() {
        long byteSize = 0;
        for (int index = 0; index < live.length(); index++) {
            ByteBuf buffer = live.get(index);
            byteSize += buffer == null ? 0 : buffer.capacity();
        }
        return byteSize;
    }

    private static long residentBytes() {
        try {
            String pages = Files.readString(Path.of("/proc/self/statm")).split(" ", -1)[1];
            return Long.parseLong(pages) * PAGE_BYTES;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
