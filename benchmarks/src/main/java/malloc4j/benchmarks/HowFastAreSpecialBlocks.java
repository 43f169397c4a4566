package malloc4j.benchmarks;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.lang.foreign.ValueLayout;
import java.util.concurrent.TimeUnit;
import malloc4j.Heap;
import malloc4j.alloc.BlockPool;
import malloc4j.alloc.Region;
import malloc4j.alloc.StackAllocator;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/// What does a block of 64 bytes cost, allocated, written to and freed, from the specialised allocators and from the
/// JDK's confined arena? One at a time, and 16 that are freed together; the cost is that of one block.
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 4, time = 500, timeUnit = TimeUnit.MILLISECONDS)
@Measurement(iterations = 5, time = 500, timeUnit = TimeUnit.MILLISECONDS)
@Fork(value = 3, jvmArgsAppend = "--enable-native-access=ALL-UNNAMED")
@State(Scope.Thread)
public class HowFastAreSpecialBlocks {
    private static final int BLOCK_BYTES = 64;
    private static final int TOGETHER = 16;
    private static final StackAllocator STACKS = StackAllocator.ofHeap(Heap.common(), 1 << 16);

    private final long[] addresses = new long[TOGETHER];
    private final BlockPool confined = BlockPool.ofSize(BLOCK_BYTES).confined(Heap.common());
    private final BlockPool shared = BlockPool.ofSize(BLOCK_BYTES).shared(Heap.common());
    private final Region region = Region.ofHeap(Heap.common(), 1 << 16);

    @TearDown
    public void close() {
        confined.close();
        shared.close();
        region.close();
    }

    @Benchmark
    public long arena() {
        try (Arena arena = Arena.ofConfined()) {
            return write(arena.allocate(BLOCK_BYTES, 8));
        }
    }

    @Benchmark
    @OperationsPerInvocation(TOGETHER)
    public long arenaTogether() {
        try (Arena arena = Arena.ofConfined()) {
            return writeTogether(arena);
        }
    }

    @Benchmark
    public long poolConfined() {
        MemorySegment block = confined.allocate();
        long address = write(block);
        confined.free(block);
        return address;
    }

    @Benchmark
    public long poolShared() {
        MemorySegment block = shared.allocate();
        long address = write(block);
        shared.free(block);
        return address;
    }

    @Benchmark
    @OperationsPerInvocation(TOGETHER)
    public long poolConfinedTogether() {
        return poolTogether(confined);
    }

    @Benchmark
    @OperationsPerInvocation(TOGETHER)
    public long poolSharedTogether() {
        return poolTogether(shared);
    }

    @Benchmark
    public long stack() {
        try (StackAllocator.Frame frame = STACKS.push()) {
            return write(frame.allocate(BLOCK_BYTES, 8));
        }
    }

    @Benchmark
    @OperationsPerInvocation(TOGETHER)
    public long stackTogether() {
        try (StackAllocator.Frame frame = STACKS.push()) {
            return writeTogether(frame);
        }
    }

    @Benchmark
    @OperationsPerInvocation(TOGETHER)
    public long regionTogether() {
        Region.Mark mark = region.mark();
        long address = writeTogether(region);
        region.rewind(mark);
        return address;
    }

    private long poolTogether(BlockPool pool) {
        long address = 0;
        for (int index = 0; index < TOGETHER; index++) {
            addresses[index] = write(pool.allocate());
            address ^= addresses[index];
        }
        for (int index = 0; index < TOGETHER; index++) {
            pool.free(addresses[index]);
        }
        return address;
    }

    private static long writeTogether(SegmentAllocator allocator) {
        long address = 0;
        for (int index = 0; index < TOGETHER; index++) {
            address ^= write(allocator.allocate(BLOCK_BYTES, 8));
        }
        return address;
    }

    private static long write(MemorySegment block) {
        block.set(ValueLayout.JAVA_LONG, 0, 42);
        return block.address();
    }
}
