package program;

import java.lang.foreign.Arena;
import java.lang.foreign.Linker;
import java.lang.invoke.MethodHandle;
import malloc4j.Heap;
import malloc4j.HeapOptions;
import malloc4j.callbacks.CFunction;
import malloc4j.callbacks.HeapCallbacks;

/// A program that recurses until its stack ends, and calls C from everywhere on the way: first in the interpreter, then
/// compiled.
@SuppressWarnings("restricted")
public final class DeepStack {
    private static final int ROUNDS = 300;

    private static long depth;

    private DeepStack() {}

    public static void main(String[] arguments) throws Throwable {
        Heap heap = Heap.create(HeapOptions.builder().name("library").build());
        HeapCallbacks callbacks = HeapCallbacks.of(heap, Arena.global());
        MethodHandle malloc = Linker.nativeLinker()
                .downcallHandle(callbacks.pointer(CFunction.MALLOC), CFunction.MALLOC.descriptor());
        MethodHandle asking = HeapCallbacks.withStack(malloc, HeapCallbacks.STACK_BYTES);
        int overflows = 0;
        for (int round = 0; round < ROUNDS; round++) {
            try {
                descend(asking, heap);
            } catch (StackOverflowError ended) {
                overflows++;
            }
        }
        long live = heap.statistics().liveBlocks();
        heap.verify();
        IO.println(overflows + " overflows at " + (depth / ROUNDS > 100 ? "depth" : "once") + ", " + live + " live, "
                + callbacks.refusalCount() + " refused");
    }

    @SuppressWarnings("InfiniteRecursion") // that is what it is for
    private static void descend(MethodHandle malloc, Heap heap) throws Throwable {
        long block = (long) malloc.invokeExact(100L);
        heap.free(block);
        depth++;
        descend(malloc, heap);
    }
}
