package malloc4j.cli.explain;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import malloc4j.Heap;

/// A program that dies: native code of it touches what it must not.
final class CrashingChild {
    private static final int BLOCK_BYTES = 100;
    private static final int GUARD_BYTES = 4096;

    private CrashingChild() {}

    @SuppressWarnings("restricted")
    private static MethodHandle find(String function, FunctionDescriptor descriptor) {
        Linker linker = Linker.nativeLinker();
        return linker.downcallHandle(linker.defaultLookup().find(function).orElseThrow(), descriptor);
    }

    public static void main(String[] arguments) throws Throwable {
        Heap heap = Heap.common();
        long block = allocate(heap);
        MethodHandle fill = find(
                "memset",
                FunctionDescriptor.of(
                        ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG, ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG));
        MethodHandle length = find("strlen", FunctionDescriptor.of(ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG));
        MethodHandle copy = find(
                "memcpy",
                FunctionDescriptor.of(
                        ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG));
        long target = heap.malloc(BLOCK_BYTES);
        switch (arguments[0]) {
            case "memset-after-free" -> {
                release(heap, block);
                long unused = (long) fill.invokeExact(block + 5, 1, 1L);
            }
            case "strlen-after-free" -> {
                release(heap, block);
                long unused = (long) length.invokeExact(block);
            }
            case "memcpy-after-free" -> {
                release(heap, block);
                long unused = (long) copy.invokeExact(target, block, (long) BLOCK_BYTES);
            }
            case "memset-past-the-end" -> {
                for (long at = block + BLOCK_BYTES; at < block + 3 * GUARD_BYTES; at++) {
                    long unused = (long) fill.invokeExact(at, 1, 1L);
                }
            }
            case "memset-before" -> {
                for (long at = block - 1; at > block - 3 * GUARD_BYTES; at--) {
                    long unused = (long) fill.invokeExact(at, 1, 1L);
                }
            }
            default -> {
                long unused = (long) length.invokeExact(8L);
            }
        }
    }

    private static long allocate(Heap heap) {
        return heap.malloc(BLOCK_BYTES);
    }

    private static void release(Heap heap, long block) {
        heap.free(block);
    }
}
