package malloc4j;

/// Leaves three blocks in a heap of its own, two in the common one, and none in a third.
final class LeakingChild {
    private LeakingChild() {}

    public static void main(String[] arguments) {
        HeapOptions options =
                HeapOptions.builder().leaks(LeakCheck.EXIT).profileBytes(1).build();
        Heap own = Heap.create(options.toBuilder().name("own").build());
        for (int count = 0; count < 3; count++) {
            own(own);
            common();
        }
        own.close();
        try (Heap clean = Heap.create(options.toBuilder().name("clean").build())) {
            clean.free(clean.malloc(100));
        }
        Malloc.free(common());
        Malloc.free(first);
    }

    private static long first;

    private static void own(Heap heap) {
        long unused = heap.malloc(100);
    }

    private static long common() {
        long block = Malloc.malloc(100);
        first = first == 0 ? block : first;
        return block;
    }
}
