package program;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import malloc4j.BlockMisuseException;
import malloc4j.Heap;

/// What a program does with a heap, outside of the library's packages: so that events name these lines.
public final class Calls {
    @SuppressWarnings("restricted")
    private static final MemorySegment ALL = MemorySegment.NULL.reinterpret(Long.MAX_VALUE);

    private Calls() {}

    /// Allocates and frees so many blocks of a size.
    public static void cycle(Heap heap, int count, long byteSize) {
        for (int done = 0; done < count; done++) {
            heap.free(heap.malloc(byteSize));
        }
    }

    /// Frees a block twice; returns its address.
    public static long freeTwice(Heap heap) {
        long block = heap.malloc(100);
        heap.free(block);
        try {
            heap.free(block);
        } catch (BlockMisuseException expected) {
            return block;
        }
        throw new AssertionError("freed twice");
    }

    /// Touches a guarded block after it was freed, and returns the error.
    public static InternalError useAfterFree(Heap heap) {
        long block = heap.malloc(100);
        heap.free(block);
        try {
            long unused = ALL.get(ValueLayout.JAVA_LONG_UNALIGNED, block);
        } catch (InternalError fault) {
            return fault;
        }
        throw new AssertionError("no guard");
    }
}
