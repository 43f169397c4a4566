package malloc4j.benchmarks;

import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Warmup;

/// How long do the memory operations of `malloc4j.bytes.Bytes` take, and how long the C library's by critical
/// downcall, with the same kind of arguments: addresses, or segments of a confined arena? The memory is warm;
/// searches find what they look for at the very end.
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 4, time = 300, timeUnit = TimeUnit.MILLISECONDS)
@Measurement(iterations = 40, time = 10, timeUnit = TimeUnit.MILLISECONDS)
@Fork(value = 1, jvmArgsAppend = "--enable-native-access=ALL-UNNAMED")
public class HowFastAreBytes {
    @Benchmark
    public void memset(ByteRanges ranges) throws Throwable {
        ranges.functions().memset(ranges);
    }

    @Benchmark
    public void memcpy(ByteRanges ranges) throws Throwable {
        ranges.functions().memcpy(ranges);
    }

    /// To 64 bytes below the source, so that ranges of more bytes overlap.
    @Benchmark
    public void memmove(ByteRanges ranges) throws Throwable {
        ranges.functions().memmove(ranges);
    }

    /// Of equal ranges.
    @Benchmark
    public int memcmp(ByteRanges ranges) throws Throwable {
        return ranges.functions().memcmp(ranges);
    }

    @Benchmark
    public long memchr(ByteRanges ranges) throws Throwable {
        return ranges.functions().memchr(ranges);
    }

    @Benchmark
    public long memrchr(ByteRanges ranges) throws Throwable {
        return ranges.functions().memrchr(ranges);
    }

    /// For 6 bytes.
    @Benchmark
    public long memmem(ByteRanges ranges) throws Throwable {
        return ranges.functions().memmem(ranges, ranges.shortNeedle());
    }

    /// For as many bytes as the range has, at most 40.
    @Benchmark
    public long memmemLongNeedle(ByteRanges ranges) throws Throwable {
        return ranges.functions().memmem(ranges, ranges.longNeedle());
    }
}
