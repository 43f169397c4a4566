package malloc4j;

import java.lang.ref.WeakReference;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentSkipListMap;

/// The open heaps of this process, referred to weakly: one that nobody has any more goes, whether it was closed or not.
///
/// Concurrency: any thread, at any time.
final class HeapRegistry {
    private static final Map<Integer, WeakReference<Heap>> BY_ID = new ConcurrentSkipListMap<>();

    private HeapRegistry() {}

    /// Adds a heap that is whole; forgets those that are gone.
    static void add(Heap heap) {
        BY_ID.values().removeIf(each -> each.refersTo(null));
        BY_ID.put(heap.heapId(), new WeakReference<>(heap));
    }

    static void remove(int heapId) {
        BY_ID.remove(heapId);
    }

    /// The heaps that are open, the oldest first.
    static List<Heap> open() {
        List<Heap> heaps = new ArrayList<>();
        for (WeakReference<Heap> each : BY_ID.values()) {
            Heap heap = each.get();
            if (heap != null && !heap.isClosed()) {
                heaps.add(heap);
            }
        }
        return heaps;
    }
}
