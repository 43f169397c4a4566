package malloc4j.faults;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.function.Function;
import malloc4j.Heap;
import malloc4j.HeapOptions;

/// Fills the Java heap but for some bytes, takes segments or arenas until there is no room for another, empties it, and
/// counts what is left.
final class FullJavaHeapChild {
    private static final int MOST = 1024;
    private static final int LARGEST_ROOM = 32_768;

    private FullJavaHeapChild() {}

    public static void main(String[] arguments) {
        int rounds = Integer.parseInt(arguments[0]);
        int refused = segments(rounds, heap -> heap.allocate(40, 8));
        refused += segments(rounds, heap -> heap.allocateZeroed(40, 8));
        refused += arenas(rounds, Heap::ofConfined);
        refused += arenas(rounds, Heap::ofShared);
        refused += arenas(rounds, Heap::ofUnscoped);
        if (refused < rounds) {
            throw new AssertionError("the Java heap was full only " + refused + " times");
        }
        System.out.println("passed");
    }

    /// Rounds are few: each makes the JVM collect garbage some dozens of times.
    private static int segments(int rounds, Function<Heap, MemorySegment> allocate) {
        SplittableRandom random = new SplittableRandom(rounds);
        MemorySegment[] taken = new MemorySegment[MOST];
        int refused = 0;
        try (Heap heap = Heap.create(HeapOptions.defaults())) {
            for (int round = 0; round <= rounds; round++) {
                if (round > 0) { // after one for the first use of everything
                    JavaHeapFiller.fill(random.nextInt(LARGEST_ROOM));
                }
                int count = 0;
                try {
                    for (; count < MOST; count++) {
                        taken[count] = allocate.apply(heap);
                    }
                } catch (OutOfMemoryError full) {
                    refused++;
                }
                JavaHeapFiller.empty();
                requireLive(heap, count);
                for (int index = 0; index < count; index++) {
                    heap.free(taken[index]);
                }
                Arrays.fill(taken, MemorySegment.NULL);
                requireLive(heap, 0);
                heap.verify();
            }
        }
        return refused;
    }

    private static int arenas(int rounds, Function<Heap, Arena> open) {
        SplittableRandom random = new SplittableRandom(rounds);
        Arena[] opened = new Arena[MOST];
        int refused = 0;
        for (int round = 0; round < rounds; round++) {
            Heap heap = Heap.create(HeapOptions.defaults());
            open.apply(heap).close();
            JavaHeapFiller.fill(random.nextInt(LARGEST_ROOM));
            int count = 0;
            try {
                for (; count < MOST; count++) {
                    opened[count] = open.apply(heap);
                }
            } catch (OutOfMemoryError full) {
                refused++;
            }
            JavaHeapFiller.empty();
            for (int index = 0; index < count; index++) {
                opened[index].close();
            }
            heap.verify();
            heap.close(); // is refused while an arena counts as open
        }
        return refused;
    }

    private static void requireLive(Heap heap, long count) {
        long live = heap.statistics().liveBlocks();
        if (live != count) {
            throw new AssertionError(live + " blocks live, " + count + " handed out");
        }
    }
}
