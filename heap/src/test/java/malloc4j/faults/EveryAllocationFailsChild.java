package malloc4j.faults;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import malloc4j.Heap;
import malloc4j.HeapOptions;
import malloc4j.MemorySource;
import malloc4j.alloc.BlockPool;
import malloc4j.alloc.Region;
import malloc4j.alloc.StackAllocator;
import malloc4j.internal.region.Ground;
import malloc4j.observe.HeapStatistics;
import org.jspecify.annotations.Nullable;

/// Runs each operation of a heap with the Java heap full but for some bytes, a few more each time, so that one
/// allocation after the other is the first that fails. After each the heap is whole, nothing is lost, and the same
/// operation works; after the last nothing of the heap is left.
///
/// Arguments: the source, how many rounds each operation has.
final class EveryAllocationFailsChild {
    private static final int STEP_BYTES = 16; // the smallest object
    private static final int MOST_BLOCKS = 64;
    private static final long HUGE = 40L << 20;
    private static final long LARGE = 6L << 20;

    private final Heap heap;
    private final long[] blocks = new long[MOST_BLOCKS];
    private final @Nullable AutoCloseable[] open = new AutoCloseable[MOST_BLOCKS];
    private int blockCount;
    private int openCount;

    private EveryAllocationFailsChild(Heap heap) {
        this.heap = heap;
    }

    /// What is tried. What it takes it hands to `keep`, at once.
    private interface Operation {
        void run(EveryAllocationFailsChild test);
    }

    private static Map<String, Operation> operations() {
        Map<String, Operation> all = new LinkedHashMap<>();
        all.put("malloc small", test -> {
            for (int count = 0; count < 40; count++) {
                test.keep(test.heap.malloc(8000));
            }
        });
        all.put("malloc large", test -> test.keep(test.heap.malloc(LARGE)));
        all.put("malloc huge", test -> test.keep(test.heap.malloc(HUGE)));
        all.put("tryMalloc", test -> {
            test.keep(test.heap.tryMalloc(100));
            test.keep(test.heap.tryMalloc(LARGE));
            test.keep(test.heap.tryMalloc(Long.MAX_VALUE >>> 20));
        });
        all.put("calloc", test -> {
            test.keep(test.heap.calloc(3, 1000));
            test.keep(test.heap.calloc(3, 100_000));
            test.keep(test.heap.calloc(1, HUGE));
        });
        all.put("alignedAlloc", test -> {
            test.keep(test.heap.alignedAlloc(4096, 100));
            test.keep(test.heap.alignedAlloc(1 << 20, 100_000));
            test.keep(test.heap.alignedAlloc(1 << 26, HUGE));
        });
        all.put("realloc", test -> {
            long[] sizes = {100, 30_000, 200_000, 5L << 20, HUGE, 2 * HUGE, HUGE + 4096, 1 << 20, 64};
            test.keep(test.heap.malloc(16));
            for (long byteSize : sizes) {
                test.blocks[0] = test.heap.realloc(test.blocks[0], byteSize);
            }
        });
        all.put("realloc segment", test -> {
            test.keep(test.heap.malloc(16));
            for (long byteSize : new long[] {1000, 200_000, HUGE, 2 * HUGE}) {
                MemorySegment before = test.heap.segment(test.blocks[0]);
                test.blocks[0] = test.heap.realloc(before, byteSize).address();
            }
        });
        all.put("free", test -> {
            test.keep(test.heap.malloc(100));
            test.keep(test.heap.malloc(LARGE));
            test.keep(test.heap.malloc(HUGE));
            test.freeBlocks();
        });
        all.put("trim", test -> test.heap.trim(0));
        all.put("statistics", test -> test.heap.statistics());
        all.put("confined arena", test -> test.use(test.heap.ofConfined()));
        all.put("shared arena", test -> test.use(test.heap.ofShared()));
        all.put("unscoped arena", test -> test.use(test.heap.ofUnscoped()));
        all.put("pool", test -> {
            BlockPool pool = test.keep(BlockPool.ofSize(200).confined(test.heap));
            for (int count = 0; count < 1000; count++) {
                pool.malloc();
            }
            test.close();
        });
        all.put("region", test -> {
            Region region = test.keep(Region.ofHeap(test.heap, 8192));
            Region.Mark mark = region.mark();
            for (int count = 0; count < 20; count++) {
                region.allocateAddress(2000, 16);
            }
            region.rewind(mark);
            region.trim();
            test.close();
        });
        all.put("stack", test -> {
            StackAllocator stacks = test.keep(StackAllocator.ofHeap(test.heap, 65_536));
            try (StackAllocator.Frame frame = stacks.push()) {
                frame.alloca(1000);
            }
            test.close();
        });
        all.put("child heap", test -> {
            Heap child = test.keep(Heap.create(
                    HeapOptions.builder().name("child").parent(test.heap).build()));
            test.keep(test.heap.malloc(64));
            child.malloc(1000);
            test.close();
        });
        return all;
    }

    public static void main(String[] arguments) throws Exception {
        MemorySource source = MemorySource.valueOf(arguments[0]);
        int rounds = Integer.parseInt(arguments[1]);
        int mappings = Ground.process().mappings().used();
        Path file = Files.createTempFile("every-allocation", ".heap");
        HeapOptions.Builder options = HeapOptions.builder().name("torn").source(source);
        if (source == MemorySource.FILE) {
            options.file(file.toString());
        }
        int refused = 0;
        for (Map.Entry<String, Operation> each : operations().entrySet()) {
            EveryAllocationFailsChild test = new EveryAllocationFailsChild(Heap.create(options.build()));
            try {
                refused += test.tryOut(each.getValue(), rounds);
            } catch (Throwable thrown) {
                JavaHeapFiller.empty();
                throw new AssertionError(each.getKey(), thrown);
            }
            test.heap.close();
            check(Ground.process().mappings().used() == mappings, each.getKey() + ": mappings are left");
        }
        Files.delete(file);
        System.out.println(refused + " refused");
        System.out.println("passed");
    }

    private int tryOut(Operation operation, int rounds) throws Exception {
        int refused = 0;
        for (int warmUp = 0; warmUp < 3; warmUp++) {
            operation.run(this);
            giveBack();
        }
        heap.trim(0);
        HeapStatistics before = heap.statistics();
        int span = 2 * rounds;
        for (int round = 0; round < rounds; round++) {
            JavaHeapFiller.fill(
                    (round < rounds / 2 ? round : (round - rounds / 2) * span) * STEP_BYTES); // finely, then coarsely
            try {
                operation.run(this);
            } catch (OutOfMemoryError full) {
                refused++;
            }
            JavaHeapFiller.empty();
            giveBack();
            heap.trim(0);
            heap.verify();
            requireSame(before, heap.statistics());
        }
        operation.run(this); // and now it works
        giveBack();
        return refused;
    }

    private static void requireSame(HeapStatistics before, HeapStatistics after) {
        check(after.liveBlocks() == before.liveBlocks(), "live blocks " + before + " " + after);
        check(after.liveBytes() == before.liveBytes(), "live bytes " + before + " " + after);
        check(after.committedBytes() == before.committedBytes(), "committed bytes " + before + " " + after);
    }

    private void use(Arena arena) {
        keep(arena);
        arena.allocate(24);
        arena.allocate(3000);
        arena.allocate(100_000, 64);
        arena.allocate(100, 8192);
        close();
    }

    private void keep(long address) {
        if (address != 0) {
            blocks[blockCount++] = address;
        }
    }

    private <T extends AutoCloseable> T keep(T opened) {
        open[openCount++] = opened;
        return opened;
    }

    /// Closes what was opened last; it stays in the list until that is done.
    private void close() {
        AutoCloseable last = open[openCount - 1];
        try {
            if (last != null) {
                last.close();
            }
        } catch (RuntimeException | Error thrown) {
            throw thrown;
        } catch (Exception thrown) {
            throw new AssertionError(thrown);
        }
        openCount--;
    }

    private void freeBlocks() {
        while (blockCount > 0) {
            heap.free(blocks[blockCount - 1]);
            blockCount--;
        }
    }

    private void giveBack() {
        while (openCount > 0) {
            try {
                close();
            } catch (IllegalStateException closedAlready) {
                openCount--;
            }
        }
        freeBlocks();
    }

    private static void check(boolean condition, String message) {
        if (!condition) {
            throw new AssertionError(message);
        }
    }
}
