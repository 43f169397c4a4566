package examples;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.util.Arrays;
import malloc4j.Heap;
import malloc4j.HeapOptions;
import malloc4j.OutOfNativeMemoryError;

/// Has C sort numbers that lie in a heap with a budget: what is handed to C is an address as any other.
///
/// It calls native code itself, so it needs native access too: `--enable-native-access=ALL-UNNAMED`.
public final class SortInC {
    private static final long BUDGET_BYTES = 8 << 20;

    private SortInC() {}

    /// Called by C for each two numbers.
    static int compare(MemorySegment left, MemorySegment right) {
        return Long.compare(left.get(ValueLayout.JAVA_LONG, 0), right.get(ValueLayout.JAVA_LONG, 0));
    }

    @SuppressWarnings("restricted")
    private static void sort(MemorySegment numbers, Arena arena) throws Throwable {
        Linker linker = Linker.nativeLinker();
        MethodHandle qsort = linker.downcallHandle(
                linker.defaultLookup().findOrThrow("qsort"),
                FunctionDescriptor.ofVoid(
                        ValueLayout.ADDRESS, ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG, ValueLayout.ADDRESS));
        var number = ValueLayout.ADDRESS.withTargetLayout(ValueLayout.JAVA_LONG);
        MethodHandle compare = MethodHandles.lookup()
                .findStatic(
                        SortInC.class,
                        "compare",
                        MethodType.methodType(int.class, MemorySegment.class, MemorySegment.class));
        MemorySegment comparator =
                linker.upcallStub(compare, FunctionDescriptor.of(ValueLayout.JAVA_INT, number, number), arena);
        qsort.invokeExact(numbers, numbers.byteSize() / Long.BYTES, (long) Long.BYTES, comparator);
    }

    public static void main(String[] arguments) throws Throwable {
        HeapOptions options = HeapOptions.builder()
                .name("example-sort")
                .hardLimitBytes(BUDGET_BYTES)
                .build();
        try (Heap heap = Heap.create(options)) {
            try (Arena arena = heap.ofConfined()) {
                MemorySegment numbers = arena.allocateFrom(ValueLayout.JAVA_LONG, 42, 7, -1, 1_000, 3);
                sort(numbers, arena);
                System.out.println("sorted: " + Arrays.toString(numbers.toArray(ValueLayout.JAVA_LONG)));
            } // the numbers are freed
            try (Arena arena = heap.ofConfined()) {
                MemorySegment unused = arena.allocate(2 * BUDGET_BYTES);
            } catch (OutOfNativeMemoryError full) {
                System.out.println("more than the budget is refused, by the " + full.limit() + " limit");
            }
            System.out.println("live at the end: " + heap.statistics().liveBlocks());
        }
    }
}
