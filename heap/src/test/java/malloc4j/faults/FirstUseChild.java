package malloc4j.faults;

import java.lang.foreign.Arena;
import malloc4j.BlockMisuseException;
import malloc4j.Heap;
import malloc4j.HeapOptions;
import malloc4j.Malloc;
import org.jspecify.annotations.Nullable;

/// Recurses until the stack is used up, and on the way back calls the library for the first time, again and again, each
/// time with some more stack, until a call succeeds. Nothing else than a [StackOverflowError] may be thrown.
///
/// Without an argument: makes the common heap, says so, and then calls whatever a heap has.
final class FirstUseChild {
    static final String MADE = "the heap is made";

    enum Use {
        MALLOC {
            @Override
            void run() {
                Malloc.free(Malloc.malloc(10));
            }
        },
        COMMON_HEAP {
            @Override
            void run() {
                Heap.common().free(Heap.common().malloc(100_000));
            }
        },
        HEAP_OF_ITS_OWN {
            @Override
            void run() {
                try (Heap heap = Heap.create(HeapOptions.builder().build())) {
                    heap.free(heap.malloc(10));
                }
            }
        },
        ARENAS {
            @Override
            void run() {
                useArenas(Heap.common());
            }
        },
        WHOLE {
            @Override
            void run() {
                useWhole(Heap.common());
            }
        },
        MISUSE {
            @Override
            void run() {
                misuse(Heap.common());
            }
        };

        abstract void run();
    }

    private FirstUseChild() {}

    public static void main(String[] arguments) throws Exception {
        if (arguments.length == 0) {
            callAll();
        } else {
            Use use = Use.valueOf(arguments[0]);
            @Nullable Throwable[] thrown = new Throwable[1];
            Thread deep = new Thread(null, () -> thrown[0] = recurse(use), "deep", 512 << 10);
            deep.start();
            deep.join();
            if (thrown[0] != null) {
                throw new AssertionError(thrown[0]);
            }
            for (Use each : Use.values()) {
                each.run();
            }
            Heap.common().verify();
        }
        System.out.println("done");
    }

    /// Returns what was thrown other than the overflow, or null.
    @SuppressWarnings("InfiniteRecursion")
    private static @Nullable Throwable recurse(Use use) {
        try {
            return recurse(use);
        } catch (StackOverflowError overflow) {
            try {
                use.run();
                return null;
            } catch (StackOverflowError again) {
                throw again;
            } catch (Throwable wrong) {
                return wrong;
            }
        }
    }

    private static void callAll() throws InterruptedException {
        Heap heap = Heap.common();
        System.out.println(MADE);
        for (long byteSize : new long[] {0, 100, 100_000, 40 << 20}) {
            long block = heap.realloc(heap.realloc(heap.malloc(byteSize), 2 * byteSize + 1), byteSize);
            Thread other = Thread.ofPlatform().start(() -> heap.free(block));
            other.join();
            Thread virtual = Thread.ofVirtual().start(() -> heap.free(heap.calloc(1, byteSize)));
            virtual.join();
            heap.free(heap.realloc(heap.allocate(byteSize, 64), byteSize + 1));
            heap.free(heap.allocateZeroed(byteSize, 8));
        }
        useArenas(heap);
        misuse(heap);
        useWhole(heap);
        if (heap.tryMalloc(1L << 50) != 0) {
            throw new AssertionError("there is no such size");
        }
    }

    private static void useArenas(Heap heap) {
        try (Arena confined = heap.ofConfined();
                Arena shared = heap.ofShared();
                Arena unscoped = heap.ofUnscoped()) {
            for (Arena each : new Arena[] {confined, shared, unscoped, heap.ofAuto()}) {
                each.allocate(100, 8);
                each.allocate(100_000, 64);
            }
        }
    }

    private static void misuse(Heap heap) {
        for (long address : new long[] {12_345, heap.malloc(100) + 1, heap.malloc(100_000) + 16}) {
            try {
                heap.free(address);
                throw new AssertionError("freed what is no block");
            } catch (BlockMisuseException refused) {
                String unused = refused.getMessage();
            }
        }
    }

    private static void useWhole(Heap heap) {
        heap.trim(0);
        heap.statistics();
        heap.verify();
    }
}
