package program;

import java.util.concurrent.TimeUnit;
import malloc4j.Heap;
import malloc4j.HeapOptions;
import malloc4j.OutOfNativeMemoryError;

/// A program that does with its heaps all that there are events of, and then prints "done". It does not know of Flight
/// Recorder.
public final class Main {
    private static final long MIB = 1 << 20;

    private Main() {}

    public static void main(String[] arguments) throws InterruptedException {
        HeapOptions options = HeapOptions.builder()
                .name("cache")
                .profileBytes(4_096)
                .hardLimitBytes(128 * MIB)
                .build();
        HeapOptions guarded =
                HeapOptions.builder().name("guarded").guardEvery(1).build();
        Heap cache = Heap.create(options); // never closed: it is there at the end of the recording
        try (Heap careful = Heap.create(guarded)) {
            Calls.cycle(cache, 1_000, 500);
            cache.free(cache.malloc(40 * MIB));
            try {
                cache.free(cache.malloc(500 * MIB));
            } catch (OutOfNativeMemoryError refused) {
                cache.trim(0);
            }
            long unused = Calls.freeTwice(cache);
            boolean explained = Heap.explain(Calls.useAfterFree(careful)).isPresent();
            TimeUnit.MILLISECONDS.sleep(1_500); // a second passes for what is periodic
            System.out.println(explained ? "done" : "not explained");
        }
    }
}
