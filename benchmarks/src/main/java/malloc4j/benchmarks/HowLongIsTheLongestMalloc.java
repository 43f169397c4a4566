package malloc4j.benchmarks;

import java.time.Duration;
import java.util.Arrays;
import java.util.SplittableRandom;
import malloc4j.Heap;
import malloc4j.HeapOptions;

/// How long is the longest malloc in a heap of 1 MiB to 16 GiB? Not by JMH, which knows means:
///
/// ```
/// java --enable-native-access=ALL-UNNAMED -cp benchmarks/target/benchmarks.jar \
///     malloc4j.benchmarks.HowLongIsTheLongestMalloc
/// ```
///
/// A heap is filled, each second block is freed, and then blocks are freed and allocated in an order that only the
/// seed decides; all of that several times over, in a heap of its own each. The same malloc finds the same heap each
/// time: the shortest of its times is what it takes when nothing disturbs it, and the longest of those is the answer.
/// Blocks are not touched, so the memory is that of the records. Mallocs that make system calls are among them, those
/// that fill the heap too.
///
/// Arguments: how often, and the sizes of heaps in MiB; `4 1 8 64 512 4096 16384` without.
public final class HowLongIsTheLongestMalloc {
    private static final int REPLACED = 200_000;
    private static final String[] DEFAULTS = {"4", "1", "8", "64", "512", "4096", "16384"};

    private HowLongIsTheLongestMalloc() {}

    /// Prints a line for each size of a heap and kind of block.
    public static void main(String[] arguments) {
        String[] given = arguments.length > 1 ? arguments : DEFAULTS;
        int times = Integer.parseInt(given[0]);
        for (String size : Arrays.asList(given).subList(1, given.length)) {
            long mib = Long.parseLong(size);
            run("small, 1 to 4,000 bytes", mib << 20, 1, 4_000, times);
            run("large, 33,000 to 400,000 bytes", mib << 20, 33_000, 400_000, times);
            if (mib >= 512) {
                run("huge, 33 to 60 MiB", mib << 20, 33 << 20, 60 << 20, times);
            }
        }
    }

    private static void run(String kind, long heapBytes, int minBytes, int maxBytes, int times) {
        int blocks = (int) Math.max(1, heapBytes / ((minBytes + maxBytes) / 2));
        int replaced = minBytes > 1 << 20 ? 1_000 : REPLACED;
        long[] shortest = new long[blocks + replaced];
        Arrays.fill(shortest, Long.MAX_VALUE);
        for (int time = 0; time < times; time++) {
            try (Heap heap = Heap.create(
                    HeapOptions.builder().purgeDelay(Duration.ofMillis(-1)).build())) {
                live(heap, shortest, blocks, replaced, minBytes, maxBytes);
            }
        }
        long[] sorted = shortest.clone();
        Arrays.sort(sorted);
        System.out.printf(
                "%6d MiB, %s: longest %.1f us, of a hundred thousand one above %.1f us, median %.3f us%n",
                heapBytes >> 20,
                kind,
                sorted[sorted.length - 1] / 1e3,
                sorted[(int) (sorted.length * 0.99999)] / 1e3,
                sorted[sorted.length / 2] / 1e3);
    }

    private static void live(Heap heap, long[] shortest, int blocks, int replaced, int minBytes, int maxBytes) {
        SplittableRandom random = new SplittableRandom(17);
        long[] live = new long[blocks];
        for (int index = 0; index < blocks; index++) {
            live[index] = timed(heap, shortest, index, random.nextInt(minBytes, maxBytes));
        }
        for (int index = 0; index < blocks; index += 2) {
            heap.free(live[index]);
            live[index] = 0;
        }
        for (int count = 0; count < replaced; count++) {
            int index = random.nextInt(blocks);
            heap.free(live[index]);
            live[index] = timed(heap, shortest, blocks + count, random.nextInt(minBytes, maxBytes));
        }
    }

    private static long timed(Heap heap, long[] shortest, int number, int byteSize) {
        long start = System.nanoTime();
        long address = heap.malloc(byteSize);
        shortest[number] = Math.min(shortest[number], System.nanoTime() - start);
        return address;
    }
}
