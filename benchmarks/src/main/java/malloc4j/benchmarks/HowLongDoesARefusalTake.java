package malloc4j.benchmarks;

import java.time.Duration;
import java.util.concurrent.TimeUnit;
import malloc4j.Heap;
import malloc4j.HeapOptions;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/// How long it takes a heap that is full of 1-KiB blocks to say so: once with nothing freed in between, and once as a
/// cache lives, which frees its oldest block and tries again with another size.
@State(Scope.Thread)
@BenchmarkMode(Mode.SampleTime) // with medians, which other work on the machine spares
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Fork(1)
@Warmup(iterations = 2, time = 1)
@Measurement(iterations = 3, time = 1)
@SuppressWarnings("NullAway.Init") // by the harness, in fill()
public class HowLongDoesARefusalTake {
    /// The heap's limit, in MiB.
    @Param({"20", "512", "4096"})
    int limitMib;

    private Heap heap;
    private long[] blocks;
    private int count;
    private int oldest;

    /// Fills the heap.
    @Setup
    public void fill() {
        long limit = (long) limitMib << 20;
        heap = Heap.create(HeapOptions.builder()
                .hardLimitBytes(limit)
                .purgeDelay(Duration.ofMillis(-1))
                .build());
        blocks = new long[(int) (limit >>> 10)];
        for (long block = heap.tryMalloc(1024); block > 0; block = heap.tryMalloc(1024)) {
            blocks[count++] = block;
        }
    }

    /// Empties and closes it.
    @TearDown
    public void close() {
        for (long block : blocks) {
            heap.free(block);
        }
        heap.close();
    }

    /// A request, refused.
    @Benchmark
    public long nothingFreed() {
        return request();
    }

    /// Refused, but for the few that fit beside the blocks that fill the heap: they are freed again.
    private long request() {
        long address = heap.tryMalloc(2000);
        if (address != 0) {
            heap.free(address);
        }
        return address;
    }

    /// The error of a request, with its figures but the text.
    @Benchmark
    public OutOfMemoryError theError() {
        try {
            throw new IllegalStateException("not refused: " + heap.malloc(2000));
        } catch (OutOfMemoryError refused) {
            return refused;
        }
    }

    /// A request that is refused, then the oldest block freed and allocated again.
    @Benchmark
    public long theOldestFreed() {
        long refused = request();
        heap.free(blocks[oldest]);
        blocks[oldest] = heap.tryMalloc(1024);
        oldest = oldest + 1 == count ? 0 : oldest + 1;
        return refused;
    }
}
