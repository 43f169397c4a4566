package malloc4j;

import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import malloc4j.observe.Probe;

/// Run as a program whose class path names [Found] as a provider: it is told of a heap that has no probe of its own.
final class FoundProbeChild {
    private static final AtomicBoolean TOLD = new AtomicBoolean();

    private FoundProbeChild() {}

    /// The provider, which uses a heap when it is made.
    public static final class Found implements Probe {
        public Found() {
            Heap.common().free(Heap.common().malloc(100));
        }

        @Override
        public void event(Event event) {
            TOLD.set(true);
        }
    }

    public static void main(String[] arguments) {
        try (Heap heap = Heap.create(HeapOptions.defaults())) {
            heap.free(heap.malloc(10));
            for (int attempt = 0; attempt < 1_500 && !TOLD.get(); attempt++) {
                LockSupport.parkNanos(20_000_000);
            }
        }
        System.out.println(TOLD.get() ? "told" : "not told");
    }
}
