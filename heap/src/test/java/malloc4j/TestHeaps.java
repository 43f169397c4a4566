package malloc4j;

import malloc4j.internal.os.SystemCalls;

/// Lets tests in other packages make heaps over system calls of their own.
public final class TestHeaps {
    private TestHeaps() {}

    /// A heap whose system calls all go through `calls`.
    public static Heap create(SystemCalls calls, HeapOptions options) {
        return Heap.create(calls, options);
    }

    /// What the limits of a heap count: its own bytes and its children's.
    public static long chargedBytes(Heap heap) {
        return heap.budget().usedBytes();
    }
}
