package program;

import malloc4j.Heap;
import malloc4j.HeapOptions;

/// A program that has a heap and does not know of Micrometer.
public final class Main {
    private Main() {}

    public static void main(String[] arguments) throws InterruptedException {
        try (Heap heap = Heap.create(HeapOptions.builder().name("plain").build())) {
            heap.free(heap.malloc(100));
            Thread.sleep(200); // the probes are made, and told that the heap was opened
        }
        Thread.sleep(200);
        System.out.println("done");
    }
}
