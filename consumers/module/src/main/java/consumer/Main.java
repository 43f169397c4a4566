package consumer;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import malloc4j.BlockMisuseException;
import malloc4j.Heap;
import malloc4j.HeapOptions;
import malloc4j.OutOfNativeMemoryError;
import malloc4j.alloc.BlockPool;
import malloc4j.bytes.Bytes;
import malloc4j.linux.ProgramBreak;
import malloc4j.observe.HeapStatistics;
import malloc4j.process.MemoryLimits;

/// A program in a module, with something of every package that malloc4j exports.
public final class Main {
    private Main() {}

    public static void main(String[] arguments) {
        long limit = 16 << 20;
        try (Heap heap = Heap.create(HeapOptions.builder().hardLimitBytes(limit).build());
                BlockPool pool = BlockPool.ofSize(64).confined(heap)) {
            MemorySegment block = pool.allocate();
            Bytes.memset(block, 7);
            if (Bytes.memchr(block, 7) != 0) {
                throw new AssertionError("memset or memchr");
            }
            pool.free(block);
            try {
                pool.free(block);
                throw new AssertionError("a double free");
            } catch (BlockMisuseException expected) {
                if (expected.report().blockIfAny().isEmpty()) {
                    throw expected;
                }
            }
            try {
                heap.malloc(limit + 1);
                throw new AssertionError("more than the limit");
            } catch (OutOfNativeMemoryError expected) {
                HeapStatistics statistics = heap.statistics();
                if (statistics.committedBytes() > limit) {
                    throw new AssertionError(statistics.toString());
                }
            }
        }
        growBlock();
        if (MemoryLimits.read().toString().isEmpty()) {
            throw new AssertionError("no limits");
        }
        if (ProgramBreak.current() == 0) {
            throw new AssertionError("no program break");
        }
        System.out.println(Heap.class.getModule());
    }

    /// A block as a segment, however it was resized: without a restricted method, which this module may not call.
    private static void growBlock() {
        try (Heap heap = Heap.create(HeapOptions.defaults())) {
            long address = heap.malloc(100_000);
            heap.segment(address).set(ValueLayout.JAVA_LONG, 0, 42);
            if (!heap.resizeInPlace(address, 50_000) || heap.segment(address).byteSize() < 50_000) {
                throw new AssertionError("resized in place");
            }
            address = heap.realloc(address, 3 << 20);
            MemorySegment grown = heap.segment(address);
            grown.set(ValueLayout.JAVA_LONG, (3 << 20) - Long.BYTES, 43);
            MemorySegment moved = heap.realloc(grown, 40 << 20);
            if (moved.byteSize() != 40 << 20 || moved.get(ValueLayout.JAVA_LONG, 0) != 42) {
                throw new AssertionError("reallocated");
            }
            heap.free(moved);
        }
    }
}
