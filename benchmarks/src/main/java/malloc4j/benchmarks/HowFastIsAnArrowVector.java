package malloc4j.benchmarks;

import java.util.concurrent.TimeUnit;
import malloc4j.arrow.Malloc4jAllocationManager;
import org.apache.arrow.memory.AllocationManager;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.memory.netty.NettyAllocationManager;
import org.apache.arrow.memory.unsafe.UnsafeAllocationManager;
import org.apache.arrow.vector.BigIntVector;
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

/// How long does it take to allocate a buffer or a vector of Arrow's of 4 KiB to 16 MiB, and to release it: on a heap,
/// and by Arrow's own managers?
@State(Scope.Thread)
@BenchmarkMode(Mode.SampleTime) // with medians, which other work on the machine spares
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 4, time = 500, timeUnit = TimeUnit.MILLISECONDS)
@Measurement(iterations = 5, time = 500, timeUnit = TimeUnit.MILLISECONDS)
@Fork(
        value = 2,
        jvmArgsAppend = {
            "--enable-native-access=ALL-UNNAMED",
            "--sun-misc-unsafe-memory-access=allow",
            "--add-opens=java.base/java.nio=ALL-UNNAMED",
            "-Dio.netty.tryReflectionSetAccessible=true",
            "-Darrow.allocation.manager.type=Unsafe",
            "-Darrow.enable_unsafe_memory_access=true"
        })
@SuppressWarnings("NullAway.Init") // by the harness, in open()
public class HowFastIsAnArrowVector {
    /// Whose memory it is.
    @Param({"malloc4j", "netty", "unsafe"})
    String manager = "";

    /// Of the buffer, or of the vector's values; the vector's bits of validity are a 64th of it more.
    @Param({"4096", "65536", "1048576", "16777216"})
    int byteSize;

    private RootAllocator root;
    private BigIntVector vector;

    /// Makes the root.
    @Setup
    public void open() {
        AllocationManager.Factory factory =
                switch (manager) {
                    case "malloc4j" -> Malloc4jAllocationManager.FACTORY;
                    case "netty" -> NettyAllocationManager.FACTORY;
                    case "unsafe" -> UnsafeAllocationManager.FACTORY;
                    default -> throw new IllegalArgumentException("no manager is called " + manager);
                };
        root = new RootAllocator(
                RootAllocator.configBuilder().allocationManagerFactory(factory).build());
        vector = new BigIntVector("numbers", root);
    }

    /// Closes it.
    @TearDown
    public void close() {
        vector.close();
        root.close();
    }

    /// A buffer, which is not touched.
    @Benchmark
    public long buffer() {
        try (ArrowBuf buffer = root.buffer(byteSize)) {
            return buffer.memoryAddress();
        }
    }

    /// A vector, one of whose values is written on each page: Arrow clears the bits of validity itself.
    @Benchmark
    public long vector() {
        int count = byteSize / Long.BYTES;
        vector.allocateNew(count);
        for (int at = 0; at < count; at += 512) {
            vector.set(at, at);
        }
        long last = vector.get(count - 512);
        vector.clear();
        return last;
    }
}
