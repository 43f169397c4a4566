package consumer;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import malloc4j.BlockMisuseException;
import malloc4j.Heap;
import malloc4j.Malloc;

/// A program without a module-info: the C names, the block as a segment, an arena.
public final class Main {
    private Main() {}

    public static void main(String[] arguments) {
        long block = Malloc.calloc(100, 8);
        MemorySegment longs = Heap.common().segment(block);
        longs.setAtIndex(ValueLayout.JAVA_LONG, 99, 42);
        long sum = longs.getAtIndex(ValueLayout.JAVA_LONG, 99);
        Malloc.free(block);
        try {
            Malloc.free(block);
            throw new AssertionError("a double free");
        } catch (BlockMisuseException expected) {
            if (expected.address() != block) {
                throw expected;
            }
        }

        try (Arena arena = Heap.common().ofConfined()) {
            sum += arena.allocateFrom(ValueLayout.JAVA_LONG, 1, 2, 3).getAtIndex(ValueLayout.JAVA_LONG, 2);
        }
        if (sum != 45) {
            throw new AssertionError("read " + sum);
        }
        System.out.println(Heap.class.getModule());
    }
}
