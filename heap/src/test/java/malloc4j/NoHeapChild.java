package malloc4j;

/// Run in a JVM of its own by [NoHeapTest], where there can be no heap: tries each way in, twice, and prints what
/// became of it.
final class NoHeapChild {
    private NoHeapChild() {}

    public static void main(String[] arguments) {
        for (int round = 0; round < 2; round++) {
            attempt(() -> Malloc.malloc(10));
            attempt(() -> Malloc.calloc(1, 10));
            attempt(() -> Malloc.free(16));
            attempt(() -> Malloc.usableSize(16));
            attempt(() -> Malloc.trim(0));
            attempt(Malloc::stats);
            attempt(() -> Heap.common().malloc(10));
            attempt(() -> Heap.create(HeapOptions.defaults()).malloc(10));
        }
    }

    private static void attempt(Runnable call) {
        try {
            call.run();
            System.out.println("no error");
        } catch (RuntimeException | Error refused) {
            System.out.println(refused.getClass().getName() + ": " + refused.getMessage());
        }
    }
}
