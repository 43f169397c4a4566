package malloc4j.faults;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import malloc4j.BlockMisuseException;
import malloc4j.Heap;
import malloc4j.HeapOptions;
import malloc4j.internal.memory.FaultingRanges;

/// Touches blocks between guards where it must not, in each way that Java has, often enough to be compiled; prints for
/// each way how many of how many were told, and how many of those were explained by the right block.
final class GuardChild {
    private static final int BLOCK_BYTES = 256;
    private static final int TURNS = 300;
    private static final byte[] BYTES = new byte[BLOCK_BYTES + 1];

    private static long sink;

    private GuardChild() {}

    /// A touch of the bytes from `from` up to `end` of a block.
    private interface Touch {
        void touch(MemorySegment memory, long from, long end);
    }

    /// Touches, and prints.
    ///
    /// @param arguments how often each way is gone before, for the compilers
    public static void main(String[] arguments) {
        int warmTurns = Integer.parseInt(arguments[0]);
        Heap plain = Heap.create(HeapOptions.defaults());
        Map<String, Touch> touches = touches();
        MemorySegment whole = plain.segment(plain.malloc(4L * BLOCK_BYTES));
        for (Touch touch : touches.values()) {
            for (int turn = 0; turn < warmTurns; turn++) {
                touch.touch(whole, BLOCK_BYTES, 2L * BLOCK_BYTES);
            }
        }
        try (Heap heap = Heap.create(HeapOptions.builder().guardEvery(1).build())) {
            touches.forEach((name, touch) -> {
                report(name + " overflow", count(heap, touch, 0, BLOCK_BYTES + 1, false));
                report(name + " underflow", count(heap, touch, -1, BLOCK_BYTES, false));
                report(name + " after free", count(heap, touch, 0, BLOCK_BYTES, true));
            });
        }
        System.out.println("done " + (sink == 42));
    }

    private static void report(String name, int[] told) {
        System.out.println(name + ": " + told[0] + " of " + TURNS + ", explained " + told[1]);
    }

    private static int[] count(Heap heap, Touch touch, long from, long end, boolean freed) {
        int told = 0;
        int explained = 0;
        for (int turn = 0; turn < TURNS; turn++) {
            long block = heap.malloc(BLOCK_BYTES);
            if (freed) {
                heap.free(block);
            }
            MemorySegment memory = around(block);
            boolean isTold = false;
            try {
                touch.touch(memory, from + 1, end + 1);
                FaultingRanges.await();
            } catch (InternalError fault) {
                isTold = true;
                Optional<String> text = Heap.explain(fault);
                explained += text.isPresent() && text.get().contains("0x" + Long.toHexString(block)) ? 1 : 0;
            }
            if (!freed) {
                try {
                    heap.free(block);
                } catch (BlockMisuseException damaged) {
                    isTold = true;
                    explained +=
                            String.valueOf(damaged.getMessage()).contains(" of " + BLOCK_BYTES + " bytes was written")
                                    ? 1
                                    : 0;
                }
            }
            told += isTold ? 1 : 0;
        }
        return new int[] {told, explained};
    }

    /// The block, and a byte on each side.
    @SuppressWarnings("restricted")
    private static MemorySegment around(long block) {
        return MemorySegment.ofAddress(block - 1).reinterpret(BLOCK_BYTES + 2);
    }

    private static Map<String, Touch> touches() {
        Map<String, Touch> touches = new LinkedHashMap<>();
        touches.put("write a byte at each end", (memory, from, end) -> {
            memory.set(ValueLayout.JAVA_BYTE, end - 1, (byte) 1);
            memory.set(ValueLayout.JAVA_BYTE, from, (byte) 1);
        });
        touches.put("write a loop", (memory, from, end) -> {
            for (long at = from; at < end; at++) {
                memory.set(ValueLayout.JAVA_BYTE, at, (byte) at);
            }
        });
        touches.put(
                "fill", (memory, from, end) -> memory.asSlice(from, end - from).fill((byte) 1));
        touches.put(
                "copy from an array",
                (memory, from, end) ->
                        MemorySegment.copy(BYTES, 0, memory, ValueLayout.JAVA_BYTE, from, (int) (end - from)));
        touches.put("buffer", (memory, from, end) -> {
            ByteBuffer buffer = memory.asByteBuffer();
            buffer.put((int) end - 1, (byte) 1);
            buffer.put((int) from, (byte) 1);
        });
        touches.put("read a loop", (memory, from, end) -> {
            long sum = 0;
            for (long at = from; at < end; at++) {
                sum += memory.get(ValueLayout.JAVA_BYTE, at);
            }
            sink += sum;
        });
        touches.put(
                "copy to an array",
                (memory, from, end) ->
                        MemorySegment.copy(memory, ValueLayout.JAVA_BYTE, from, BYTES, 0, (int) (end - from)));
        touches.put("mismatch", (memory, from, end) -> {
            byte[] same = memory.asSlice(from, end - from).toArray(ValueLayout.JAVA_BYTE);
            sink += memory.asSlice(from, end - from).mismatch(MemorySegment.ofArray(same));
        });
        touches.put(
                "string",
                (memory, from, end) -> sink += new String(
                                memory.asSlice(from, end - from).toArray(ValueLayout.JAVA_BYTE), StandardCharsets.UTF_8)
                        .length());
        return touches;
    }
}
