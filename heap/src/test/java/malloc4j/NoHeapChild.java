package malloc4j;

import malloc4j.faults.ChildJvm;

/// Run in a JVM of its own by [NoHeapTest], where there can be no heap: tries each way in, twice, and prints what
/// became of it.
final class NoHeapChild {
    private NoHeapChild() {}

    public static void main(String[] arguments) {
        for (int round = 0; round < 2; round++) {
            ChildJvm.attempt(() -> Malloc.malloc(10));
            ChildJvm.attempt(() -> Malloc.calloc(1, 10));
            ChildJvm.attempt(() -> Malloc.free(16));
            ChildJvm.attempt(() -> Malloc.usableSize(16));
            ChildJvm.attempt(() -> Malloc.trim(0));
            ChildJvm.attempt(Malloc::stats);
            ChildJvm.attempt(() -> Heap.common().malloc(10));
            ChildJvm.attempt(() -> Heap.create(HeapOptions.defaults()).malloc(10));
        }
    }
}
