package malloc4j.benchmarks;

import java.lang.foreign.Arena;
import java.util.concurrent.TimeUnit;
import malloc4j.Heap;
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
import org.openjdk.jmh.annotations.Warmup;

/// How long does it take to allocate a block of 1 to 1,024 bytes and to free it at once? The best case of any
/// allocator: one thread, hot memory, nothing else live. The block is not touched; the arenas zero it, as their
/// contract is.
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 4, time = 500, timeUnit = TimeUnit.MILLISECONDS)
@Measurement(iterations = 5, time = 500, timeUnit = TimeUnit.MILLISECONDS)
@Fork(
        value = 3,
        jvmArgsAppend = {"--enable-native-access=ALL-UNNAMED", "--sun-misc-unsafe-memory-access=allow"})
public class HowFastIsAPair {
    /// The allocator of this run.
    @State(Scope.Thread)
    public static class Subject {
        @Param({"malloc4j", "glibc", "jemalloc", "mimalloc", "tcmalloc", "unsafe"})
        String allocator = "";

        @Setup
        public void choose() {
            Chosen.choose(allocator);
        }
    }

    /// By address: the C names, or a critical downcall.
    @Benchmark
    public long address(Sizes sizes, Subject subject) {
        long address = Chosen.allocator().malloc(0, sizes.next());
        Chosen.allocator().free(0, address);
        return address;
    }

    /// By the JDK's confined arena, opened and closed.
    @Benchmark
    public long arenaOfConfined(Sizes sizes) {
        try (Arena arena = Arena.ofConfined()) {
            return arena.allocate(sizes.next()).address();
        }
    }

    /// By a confined arena of malloc4j's, opened and closed.
    @Benchmark
    public long heapOfConfined(Sizes sizes) {
        try (Arena arena = Heap.common().ofConfined()) {
            return arena.allocate(sizes.next()).address();
        }
    }
}
