package malloc4j.benchmarks;

import io.netty.buffer.AdaptiveByteBufAllocator;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.PooledByteBufAllocator;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReferenceArray;
import malloc4j.netty.Malloc4jByteBufAllocator;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Threads;
import org.openjdk.jmh.annotations.Warmup;
import org.openjdk.jmh.infra.Control;

/// How long does it take to allocate a direct buffer of Netty's and to release it, at once or by the other of two
/// threads? The threads are [event loops'][EventLoopThreads], for which Netty's allocators keep caches; the leak
/// detector samples as it does by default.
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 4, time = 500, timeUnit = TimeUnit.MILLISECONDS)
@Measurement(iterations = 5, time = 500, timeUnit = TimeUnit.MILLISECONDS)
@Fork(
        value = 3,
        jvmArgsAppend = {
            "--enable-native-access=ALL-UNNAMED",
            "--sun-misc-unsafe-memory-access=allow",
            "-Djmh.executor=CUSTOM",
            "-Djmh.executor.class=malloc4j.benchmarks.EventLoopThreads"
        })
public class HowFastIsANettyBuffer {
    /// The allocator of this run, and two rings through which two threads give each other buffers.
    @State(Scope.Benchmark)
    public static class Subject {
        @Param({"malloc4j", "pooled", "adaptive"})
        String allocator = "";

        @Param({"64", "1024", "16384", "65536", "1048576"})
        int byteSize;

        ByteBufAllocator netty = ByteBufAllocator.DEFAULT;
        final Ring[] rings = {new Ring(), new Ring()};
        final AtomicInteger threads = new AtomicInteger();

        @Setup
        public void choose() {
            netty = switch (allocator) {
                case "malloc4j" -> Malloc4jByteBufAllocator.DEFAULT;
                case "pooled" -> PooledByteBufAllocator.DEFAULT;
                default -> new AdaptiveByteBufAllocator();
            };
        }

        @TearDown(Level.Iteration)
        public void drain() {
            for (Ring ring : rings) {
                while (ring.releaseOne()) {
                    // the next
                }
            }
        }
    }

    /// Where a thread puts buffers, and where it takes those of the other.
    @State(Scope.Thread)
    public static class Side {
        private Ring out = new Ring();
        private Ring in = out;

        @Setup
        public void choose(Subject subject) {
            int side = subject.threads.getAndIncrement() & 1;
            out = subject.rings[side];
            in = subject.rings[1 - side];
        }
    }

    /// Buffers on their way from one thread to another.
    static final class Ring {
        private static final int MASK = 255;

        private final AtomicReferenceArray<@Nullable ByteBuf> slots = new AtomicReferenceArray<>(MASK + 1);
        private int next;
        private final long[] between = new long[16]; // the two threads write into different cache lines
        private int oldest;

        boolean put(ByteBuf buffer) {
            int slot = next & MASK;
            if (slots.getAcquire(slot) != null) {
                return false;
            }
            slots.setRelease(slot, buffer);
            next++;
            return true;
        }

        boolean releaseOne() {
            int slot = oldest & MASK;
            ByteBuf buffer = slots.getAcquire(slot);
            if (buffer == null) {
                return false;
            }
            slots.setRelease(slot, null);
            oldest++;
            buffer.release();
            return between.length > 0;
        }
    }

    /// By one thread.
    @Benchmark
    public boolean oneThread(Subject subject) {
        return subject.netty.directBuffer(subject.byteSize).release();
    }

    /// By two threads, each its own.
    @Benchmark
    @Threads(2)
    public boolean twoThreads(Subject subject) {
        return subject.netty.directBuffer(subject.byteSize).release();
    }

    /// By two threads, each the other's. When the measurement ends, nobody empties a full ring any more.
    @Benchmark
    @Threads(2)
    public boolean otherThread(Subject subject, Side side, Control control) {
        ByteBuf buffer = subject.netty.directBuffer(subject.byteSize);
        while (!side.out.put(buffer)) {
            if (control.stopMeasurement) {
                return buffer.release();
            }
            if (!side.in.releaseOne()) {
                Thread.onSpinWait();
            }
        }
        return side.in.releaseOne();
    }
}
