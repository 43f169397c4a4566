package malloc4j.benchmarks;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.TimeUnit;
import malloc4j.Heap;
import malloc4j.HeapArena;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/// How long does it take to open an arena, to allocate one zeroed segment from it, and to close it? The JDK's arenas
/// and a heap's, of the same contract but for the unscoped one.
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@State(Scope.Thread)
@Warmup(iterations = 4, time = 300, timeUnit = TimeUnit.MILLISECONDS)
@Measurement(iterations = 5, time = 300, timeUnit = TimeUnit.MILLISECONDS)
@Fork(value = 3, jvmArgsAppend = "--enable-native-access=ALL-UNNAMED")
public class HowFastIsAnArena {
    private static final long ALIGNMENT = 8;

    @Param({"16", "64", "256", "1024", "4096"})
    long byteSize;

    private MemorySegment useOf(Arena arena) {
        return arena.allocate(byteSize, ALIGNMENT);
    }

    /// The JDK's arena for one thread.
    @Benchmark
    public long confinedOfJdk() {
        try (Arena arena = Arena.ofConfined()) {
            return useOf(arena).address();
        }
    }

    /// A heap's arena for one thread.
    @Benchmark
    public long confinedOfHeap() {
        try (Arena arena = Heap.common().ofConfined()) {
            return useOf(arena).address();
        }
    }

    /// The same, of memory that is not zeroed.
    @Benchmark
    public long confinedUnzeroedOfHeap() {
        try (HeapArena arena = Heap.common().ofConfined()) {
            return arena.allocateUnzeroed(byteSize, ALIGNMENT).address();
        }
    }

    /// The JDK's arena for all threads: closing it stops every thread for a moment.
    @Benchmark
    public long sharedOfJdk() {
        try (Arena arena = Arena.ofShared()) {
            return useOf(arena).address();
        }
    }

    /// A heap's arena for all threads, of the JDK's contract, and so of its cost.
    @Benchmark
    public long sharedOfHeap() {
        try (Arena arena = Heap.common().ofShared()) {
            return useOf(arena).address();
        }
    }

    /// A heap's arena for all threads whose segments do not know when it has closed.
    @Benchmark
    public long unscopedOfHeap() {
        try (Arena arena = Heap.common().ofUnscoped()) {
            return useOf(arena).address();
        }
    }
}
