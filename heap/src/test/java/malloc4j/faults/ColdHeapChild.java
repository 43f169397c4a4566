package malloc4j.faults;

import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.concurrent.CountDownLatch;
import malloc4j.Heap;
import malloc4j.HeapOptions;

/// Takes blocks of every kind, fills the Java heap, and only then does something for the first time. Afterwards no
/// lock is held, all is whole, and the heap has the blocks that the program has.
///
/// Arguments: the use, bytes of the Java heap that stay free. Prints how many calls the full Java heap ended, and
/// `done`.
public final class ColdHeapChild {
    private static final long[] SIZES = {16, 100, 1_000, 4_096, 20_000, 40_000, 300_000, 3 << 20, 40 << 20};
    private static final int BLOCKS = 20; // of each size

    private ColdHeapChild() {}

    /// What is done first when the Java heap is full.
    enum Use {
        FREE,
        FREE_FROM_ANOTHER_THREAD,
        MALLOC,
        REALLOC,
        TRIM,
        ARENA,
        STATISTICS
    }

    public static void main(String[] arguments) throws Exception {
        Use use = Use.valueOf(arguments[0]);
        Heap heap = Heap.create(HeapOptions.defaults());
        long[] blocks = new long[SIZES.length * BLOCKS];
        for (int place = 0; place < blocks.length; place++) {
            blocks[place] = heap.malloc(SIZES[place / BLOCKS]);
        }
        int[] ended = new int[1];
        CountDownLatch full = new CountDownLatch(1);
        Runnable first = () -> {
            try {
                full.await();
            } catch (InterruptedException impossible) {
                return;
            }
            for (int place = 0; place < blocks.length; place++) {
                ended[0] += useOnce(use, heap, blocks, place) ? 0 : 1;
            }
        };
        Thread thread = new Thread(first);
        if (use == Use.FREE_FROM_ANOTHER_THREAD) {
            thread.start();
        }
        JavaHeapFiller.fill(Integer.parseInt(arguments[1]));
        full.countDown();
        if (use == Use.FREE_FROM_ANOTHER_THREAD) {
            thread.join();
        } else {
            first.run();
        }
        JavaHeapFiller.empty();
        if ((use == Use.FREE || use == Use.FREE_FROM_ANOTHER_THREAD) && ended[0] > 0) {
            throw new AssertionError(ended[0] + " frees were ended");
        }
        heap.verify();
        long live = Arrays.stream(blocks).filter(block -> block != 0).count();
        if (heap.statistics().liveBlocks() != live) {
            throw new AssertionError(heap.statistics().liveBlocks() + " blocks live, " + live + " handed out");
        }
        for (long block : blocks) {
            heap.free(block);
        }
        heap.verify();
        heap.close();
        System.out.println(ended[0] + " calls were ended");
        System.out.println("done");
    }

    /// Returns whether the call came to its end.
    private static boolean useOnce(Use use, Heap heap, long[] blocks, int place) {
        try {
            switch (use) {
                case FREE, FREE_FROM_ANOTHER_THREAD -> {
                    heap.free(blocks[place]);
                    blocks[place] = 0;
                }
                case MALLOC -> heap.free(heap.malloc(SIZES[place / BLOCKS] * 3));
                case REALLOC -> blocks[place] = heap.realloc(blocks[place], SIZES[place / BLOCKS] * 3);
                case TRIM -> heap.trim(0);
                case STATISTICS -> heap.statistics();
                case ARENA -> {
                    try (Arena arena = heap.ofConfined()) {
                        arena.allocate(SIZES[place / BLOCKS]);
                    }
                }
            }
            return true;
        } catch (OutOfMemoryError expected) {
            return false;
        }
    }
}
