package malloc4j.sources;

import java.util.concurrent.locks.LockSupport;
import malloc4j.Heap;
import malloc4j.HeapOptions;

/// A process that has a heap in a file until it is killed.
public final class HeapFileChild {
    private HeapFileChild() {}

    public static void main(String[] arguments) {
        Heap heap = Heap.create(HeapOptions.builder().file(arguments[0]).build());
        long address = heap.malloc(1_000_000);
        System.out.println("open");
        while (heap.usableSize(address) > 0) {
            LockSupport.park();
        }
    }
}
