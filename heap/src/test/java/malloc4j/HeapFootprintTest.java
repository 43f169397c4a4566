package malloc4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.LongStream;
import malloc4j.observe.HeapFootprint;
import malloc4j.observe.HeapSnapshot;
import org.junit.jupiter.api.Test;

/// The balance of a heap's memory: that its parts are what is there, and add up whatever happens meanwhile.
class HeapFootprintTest {
    private static final int MIB = 1 << 20;
    private static final Pattern LINE = Pattern.compile("(?m)^([ +=]) ([a-z ]+?) +([0-9,]+) B +[0-9.]+ %$");

    private static HeapOptions.Builder options() {
        return HeapOptions.builder().name("balanced").hardLimitBytes(1L << 30);
    }

    /// Adds up the lines with a plus, and compares each line with an equals sign. Returns the last sum.
    private static long sumOf(String text) {
        long sum = 0;
        int sums = 0;
        Matcher line = LINE.matcher(text);
        while (line.find()) {
            long bytes = Long.parseLong(line.group(3).replace(",", ""));
            switch (line.group(1)) {
                case "+" -> sum += bytes;
                case "=" -> {
                    assertThat(bytes).as(line.group(2) + " in\n" + text).isEqualTo(sum);
                    sums++;
                }
                default -> sum += line.group(2).equals("allocated") ? bytes : 0;
            }
        }
        assertThat(sums).isEqualTo(2);
        return sum;
    }

    @Test
    void partsAreWhatIsThere() {
        try (Heap heap =
                Heap.create(options().purgeDelay(Duration.ofSeconds(-1)).build())) {
            long freed = heap.malloc(40L * 4096);
            long[] blocks = LongStream.range(0, 100).map(i -> heap.malloc(1000)).toArray();
            long huge = heap.malloc(64L * MIB);
            heap.free(freed);

            HeapFootprint footprint = heap.footprint();
            HeapSnapshot snapshot = heap.snapshot();

            assertThat(footprint.heapName()).isEqualTo("balanced");
            assertThat(footprint.heapId()).isEqualTo(heap.heapId());
            assertThat(footprint.allocatedBytes())
                    .isEqualTo(100 * 1024 + 64L * MIB)
                    .isEqualTo(heap.statistics().liveBytes());
            assertThat(footprint.roundingBytes()).isEqualTo(-1);
            assertThat(footprint.requestedBytes()).isEqualTo(-1);
            assertThat(footprint.cachedBytes())
                    .as("28 blocks of two slabs, and the large block that was freed")
                    .isEqualTo(28 * 1024 + 40 * 4096);
            assertThat(footprint.mappedBytes() - footprint.metadataBytes() + footprint.retainedBytes())
                    .isEqualTo(snapshot.mappedBytes());
            assertThat(footprint.metadataBytes()).isBetween(1L, footprint.mappedBytes() / 10);
            assertThat(sumOf(footprint.toText())).isEqualTo(footprint.mappedBytes());
            assertThat(footprint.toJson())
                    .startsWith("{\"name\": \"balanced\"")
                    .contains("\"allocatedBytes\": " + footprint.allocatedBytes())
                    .contains("\"mappedBytes\": " + footprint.mappedBytes());
            heap.free(huge);
            for (long block : blocks) {
                heap.free(block);
            }
            assertThat(heap.footprint().allocatedBytes()).isZero();
        }
    }

    @Test
    void whatGoesBackIsRetained() {
        try (Heap heap = Heap.create(options().build())) {
            long[] blocks =
                    LongStream.range(0, 4096).map(i -> heap.malloc(1024)).toArray();
            for (int index = 0; index < blocks.length; index++) {
                if (index % 64 != 0) {
                    heap.free(blocks[index]);
                }
            }
            long before = heap.footprint().mappedBytes();

            assertThat(heap.trim(0)).isTrue();

            HeapFootprint footprint = heap.footprint();
            assertThat(footprint.mappedBytes()).as("one page of 16 stays").isLessThan(before / 2);
            assertThat(footprint.retainedBytes()).isGreaterThan(3L * MIB);
            assertThat(footprint.returnedBytes()).isGreaterThan(3L * MIB);
            assertThat(footprint.idleBytes()).isEqualTo(footprint.mappedBytes() - 64 * 1024);
        }
    }

    @Test
    void whatADebugHeapKeepsIsNotAllocated() {
        for (DebugMode mode : List.of(DebugMode.REDZONE, DebugMode.FULL)) {
            try (Heap heap = Heap.create(options().debug(mode).build())) {
                long live = heap.malloc(1000);
                for (int count = 0; count < 100; count++) {
                    heap.free(heap.malloc(500));
                }

                HeapFootprint footprint = heap.footprint();

                assertThat(footprint.allocatedBytes()).as("%s", mode).isEqualTo(1000);
                assertThat(footprint.quarantinedBytes() + footprint.samplingBytes())
                        .as("%s", mode)
                        .isPositive();
                heap.free(live);
            }
        }
    }

    @Test
    void samplesTellWhatRoundingCosts() {
        try (Heap heap = Heap.create(options().profileBytes(1).build())) {
            long[] blocks =
                    LongStream.range(0, 1000).map(i -> heap.malloc(1025)).toArray();
            long grown = heap.realloc(heap.malloc(3000), 5000);

            HeapFootprint footprint = heap.footprint();

            long usable = heap.usableSize(blocks[0]);
            assertThat(footprint.roundingBytes()).isEqualTo(1000 * (usable - 1025) + heap.usableSize(grown) - 5000);
            assertThat(footprint.requestedBytes()).isEqualTo(1000 * 1025 + 5000);
        }
        try (Heap heap = Heap.create(options().profileBytes(64 << 10).build())) {
            for (int count = 0; count < 40_000; count++) {
                long unused = heap.malloc(1025);
            }
            HeapFootprint footprint = heap.footprint();
            double asked = 40_000 * 1025.0;
            assertThat((double) footprint.requestedBytes() / asked).isCloseTo(1, within(0.1));
        }
    }

    /// Where nothing goes back, the heap's addresses only grow: as many before as after, and there were as many
    // between.
    @Test
    void theSumHoldsAtEachMomentUnderLoad() throws InterruptedException {
        assertThat(compare(options().profileBytes(256 << 10).purgeDelay(Duration.ofSeconds(-1))))
                .as("moments at which the heap's addresses were the same before and after")
                .isGreaterThan(10);
        long unused = compare(options().profileBytes(256 << 10).purgeDelay(Duration.ofMillis(1)));
        unused = compare(options().debug(DebugMode.REDZONE).purgeDelay(Duration.ofMillis(1)));
    }

    /// Adds up at 350 moments while three threads allocate and free. Returns at how many the addresses were compared.
    private static int compare(HeapOptions.Builder builder) throws InterruptedException {
        HeapOptions options = builder.build();
        boolean grows = options.purging().purgeDelay().isNegative();
        int compared = 0;
        try (Heap heap = Heap.create(options)) {
            AtomicBoolean ends = new AtomicBoolean();
            List<Thread> threads = new ArrayList<>();
            for (int number = 0; number < 3; number++) {
                long seed = number;
                threads.add(Thread.ofPlatform().start(() -> load(heap, seed, ends)));
            }
            try {
                for (int moment = 0; moment < 350; moment++) {
                    long reserved = heap.statistics().reservedBytes();
                    HeapFootprint footprint = heap.footprint();
                    assertThat(sumOf(footprint.toText())).isEqualTo(footprint.mappedBytes());
                    if (grows && heap.statistics().reservedBytes() == reserved) {
                        assertThat(footprint.mappedBytes() - footprint.metadataBytes() + footprint.retainedBytes())
                                .isEqualTo(reserved);
                        compared++;
                    }
                }
            } finally {
                ends.set(true);
                for (Thread thread : threads) {
                    thread.join();
                }
            }
            assertThat(heap.footprint().allocatedBytes())
                    .isEqualTo(heap.statistics().liveBytes())
                    .isZero();
        }
        return compared;
    }

    private static void load(Heap heap, long seed, AtomicBoolean ends) {
        SplittableRandom random = new SplittableRandom(seed);
        long[] blocks = new long[200];
        while (!ends.get()) {
            int index = random.nextInt(blocks.length);
            heap.free(blocks[index]);
            int shift = random.nextInt(4, 17);
            blocks[index] = heap.malloc(random.nextInt(1 << shift, 2 << shift));
        }
        for (long block : blocks) {
            heap.free(block);
        }
    }

    @Test
    void aClosedHeapHasNone() {
        Heap heap = Heap.create(options().build());
        heap.close();
        assertThatThrownBy(heap::footprint).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void noPartIsNegative() {
        assertThatThrownBy(() -> new HeapFootprint("x", 1, 0, -1, 0, 0, 0, 0, -1, 0, 0, 0, 0, 0))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("negative");
    }
}
