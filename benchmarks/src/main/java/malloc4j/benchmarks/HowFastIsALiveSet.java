package malloc4j.benchmarks;

import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
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

/// How long does it take to replace a random one of 20,000 live blocks of 1 to 1,024 bytes? One operation frees the
/// old block and allocates the new one, which lands somewhere else: about 10 MB are live, more than the
/// second-level cache. The blocks are not touched, which favours an allocator that does not touch them either, as
/// malloc4j.
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 4, time = 500, timeUnit = TimeUnit.MILLISECONDS)
@Measurement(iterations = 5, time = 500, timeUnit = TimeUnit.MILLISECONDS)
@Fork(
        value = 3,
        jvmArgsAppend = {"--enable-native-access=ALL-UNNAMED", "--sun-misc-unsafe-memory-access=allow"})
public class HowFastIsALiveSet {
    private static final int LIVE_BLOCKS = 20_000;
    private static final int PICKS = 1 << 16;
    private static final long SEED = 20_260_102;

    /// The live blocks of one thread.
    @State(Scope.Thread)
    public static class LiveSet {
        @Param({"malloc4j", "glibc", "jemalloc", "mimalloc", "tcmalloc", "unsafe"})
        String allocator = "";

        final long[] addresses = new long[LIVE_BLOCKS];
        private final int[] picks =
                new SplittableRandom(SEED).ints(PICKS, 0, LIVE_BLOCKS).toArray();
        private int next;

        @Setup
        public void fill(Sizes sizes) {
            Chosen.choose(allocator);
            for (int i = 0; i < addresses.length; i++) {
                addresses[i] = Chosen.allocator().malloc(i, sizes.next());
            }
        }

        @TearDown
        public void empty() {
            for (int i = 0; i < addresses.length; i++) {
                Chosen.allocator().free(i, addresses[i]);
            }
        }

        int pick() {
            int[] all = picks;
            return all[next++ & (all.length - 1)];
        }
    }

    /// By address: the C names, or a critical downcall.
    @Benchmark
    public long replace(Sizes sizes, LiveSet live) {
        int pick = live.pick();
        Chosen.allocator().free(pick, live.addresses[pick]);
        long address = Chosen.allocator().malloc(pick, sizes.next());
        live.addresses[pick] = address;
        return address;
    }
}
