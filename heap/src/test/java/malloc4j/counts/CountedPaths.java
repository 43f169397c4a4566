package malloc4j.counts;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import malloc4j.Heap;
import malloc4j.HeapOptions;

/// Goes each way of malloc and free a thousand times, and prints for each how many atomic operations, locks, system
/// calls and words of bit maps that took: "way atomics locks calls words". Run as [#main], which loads it once more
/// by [CountingLoader].
public final class CountedPaths implements Runnable {
    private static final int COUNT = 1_000;
    private static final int SMALL = 64;
    private static final int MIB = 1 << 20;

    private final Heap heap =
            Heap.create(HeapOptions.builder().purgeDelay(Duration.ofSeconds(-1)).build());
    private final long[] blocks = new long[COUNT];

    public static void main(String[] arguments) throws ReflectiveOperationException {
        Class<?> counted =
                new CountingLoader(CountedPaths.class.getClassLoader()).loadClass(CountedPaths.class.getName());
        ((Runnable) counted.getConstructor().newInstance()).run();
    }

    @Override
    public void run() {
        try (heap;
                ExecutorService other = Executors.newSingleThreadExecutor()) {
            for (int byteSize : new int[] {SMALL, 40_000, 64 << 10, MIB, 16 * MIB}) {
                count("pair-" + byteSize, () -> heap.free(heap.malloc(byteSize)));
            }
            for (int byteSize : new int[] {SMALL, 64 << 10}) {
                allocateAll(byteSize);
                int[] next = new int[1];
                count("free-many-" + byteSize, 0, () -> heap.free(blocks[next[0]++]));
                next[0] = 0;
                count("malloc-many-" + byteSize, 0, () -> blocks[next[0]++] = heap.malloc(byteSize));
                freeAll();
                await(other.submit(() -> allocateAll(byteSize)));
                next[0] = 0;
                count("free-of-another-" + byteSize, 0, () -> heap.free(blocks[next[0]++]));
            }
            passOn(other, 64 << 10);
        }
        purge(256);
        purge(2_048);
    }

    /// Gives the pages of one free range back to the kernel.
    private static void purge(long mebibytes) {
        HeapOptions options = HeapOptions.builder()
                .mmapThresholdBytes(1L << 40)
                .purgeDelay(Duration.ofSeconds(-1))
                .build();
        try (Heap large = Heap.create(options)) {
            large.free(large.malloc(mebibytes * MIB));
            Counts.reset();
            boolean unused = large.trim(0);
            System.out.println("purge-" + mebibytes + " " + Counts.line());
        }
    }

    /// One thread allocates what another frees, a few at a time.
    private void passOn(ExecutorService other, int byteSize) {
        ArrayDeque<Long> passed = new ArrayDeque<>();
        Counts.reset();
        for (int turn = 0; turn < COUNT / 20; turn++) {
            await(other.submit(() -> {
                for (int index = 0; index < 20; index++) {
                    passed.add(heap.malloc(byteSize));
                }
            }));
            while (!passed.isEmpty()) {
                heap.free(passed.remove());
            }
        }
        System.out.println("pass-on-" + byteSize + " " + Counts.line());
    }

    private static void await(Future<?> task) {
        try {
            Object unused = task.get();
        } catch (Exception failed) {
            throw new IllegalStateException(failed);
        }
    }

    private void allocateAll(int byteSize) {
        for (int index = 0; index < COUNT; index++) {
            blocks[index] = heap.malloc(byteSize);
        }
    }

    private void freeAll() {
        for (long block : blocks) {
            heap.free(block);
        }
    }

    private static void count(String way, Runnable operation) {
        count(way, COUNT, operation);
    }

    private static void count(String way, int before, Runnable operation) {
        for (int turn = 0; turn < before; turn++) {
            operation.run();
        }
        Counts.reset();
        for (int turn = 0; turn < COUNT; turn++) {
            operation.run();
        }
        System.out.println(way + " " + Counts.line());
    }
}
