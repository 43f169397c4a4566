package malloc4j.cli.workload;

import java.util.List;
import java.util.Locale;
import java.util.function.LongFunction;

/// What a program may have more and more of, and the workload that shows what an operation costs then: each
/// replaces a random block among those that are live, all else staying the same.
public enum ScaleDimension {
    LIVE_BLOCKS(
            "live blocks",
            "replace a random block of 16 to 112 bytes; control: the same accesses to memory that was there before",
            List.of(1_000L, 10_000L, 100_000L, 1_000_000L, 10_000_000L, 50_000_000L),
            blocks -> new ScaledLiveBlocks((int) blocks)) {
        @Override
        public long footprintBytes(long blocks) {
            return blocks * (ScaledLiveBlocks.AVERAGE_BYTES * 5 / 4 + 2 * Long.BYTES);
        }
    },
    BLOCK_SIZE(
            "bytes of a block",
            "replace the oldest of a few blocks of one size and write its first word",
            List.of(8L, 64L, 512L, 4L << 10, 32L << 10, 256L << 10, 2L << 20, 16L << 20, 64L << 20),
            ScaledBlockSize::new),
    THREADS(
            "threads",
            "each thread replaces random ones of 1,000 blocks of 16 to 1,024 bytes",
            List.of(1L, 2L, 4L, 8L, 16L, 32L, 64L),
            threads -> new ScaledThreads((int) threads)),
    HEAPS(
            "heaps",
            "replace a random one of 16,384 blocks of 16 to 1,024 bytes, each in its heap",
            List.of(1L, 10L, 100L, 1_000L),
            heaps -> new ScaledHeaps((int) heaps)),
    HEAP_SIZE(
            "bytes that are live",
            "replace a random block, 16 bytes to 64 KiB, each doubling as likely, and write each page",
            List.of(64L << 20, 256L << 20, 1L << 30, 4L << 30, 16L << 30),
            ScaledHeapSize::new) {
        @Override
        public long footprintBytes(long byteSize) {
            return byteSize + byteSize / 4;
        }
    };

    private static final long SMALL_FOOTPRINT = 256L << 20;

    private final String unit;
    private final String line;

    @SuppressWarnings("ImmutableEnumChecker") // made by List.of
    private final List<Long> points;

    @SuppressWarnings("ImmutableEnumChecker") // a constructor reference
    private final LongFunction<Workload> maker;

    ScaleDimension(String unit, String line, List<Long> points, LongFunction<Workload> maker) {
        this.unit = unit;
        this.line = line;
        this.points = points;
        this.maker = maker;
    }

    /// The name on the command line and in reports.
    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    /// What is counted.
    public String unit() {
        return unit;
    }

    /// What is done, in a line.
    public String line() {
        return line;
    }

    /// From small to large.
    public List<Long> points() {
        return points;
    }

    /// Whether the points are numbers of bytes.
    public boolean isInBytes() {
        return this == BLOCK_SIZE || this == HEAP_SIZE;
    }

    /// Whether the same accesses to memory that was there before are a yardstick for it.
    public boolean hasControl() {
        return this == LIVE_BLOCKS;
    }

    /// Whether it is about heaps, which malloc4j alone is measured with.
    public boolean isOfHeaps() {
        return this == HEAPS;
    }

    /// What a child takes in memory, about.
    public long footprintBytes(long point) {
        return SMALL_FOOTPRINT;
    }

    /// The name of the workload of a point.
    public String workload(long point) {
        return this + ":" + point;
    }

    Workload make(long point) {
        return maker.apply(point);
    }
}
