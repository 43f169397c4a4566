package program;

import java.io.IOException;
import malloc4j.Heap;
import malloc4j.HeapOptions;

/// A program that has two heaps and prints "done". It knows of JMX only where it is told to wait for beans.
public final class Main {
    private Main() {}

    /// Waits for as many beans as the first argument says, 0 for none.
    public static void main(String[] arguments) throws IOException, InterruptedException {
        int expected = Integer.parseInt(arguments[0]);
        try (Heap cache = Heap.create(HeapOptions.builder().name("cache").build())) {
            cache.free(cache.malloc(100));
            Heap.common().free(Heap.common().malloc(100));
            if (expected > 0) {
                Beans.await(expected);
            }
            while (System.in.read() >= 0) {} // until the test has seen enough
        }
        if (expected > 0) {
            Beans.await(expected - 1); // that of the closed one is gone
        }
        System.out.println("done");
    }
}
