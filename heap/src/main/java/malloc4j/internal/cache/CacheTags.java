package malloc4j.internal.cache;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;

/// The numbers of all thread caches of the process, by which the records of slabs refer to them.
///
/// Concurrency: numbers are given out and taken back under the class's lock; a reader that holds a number which is
/// in use finds its cache without a lock.
final class CacheTags {
    private static final int FIRST_LENGTH = 64;
    private static final Deque<Integer> FREE = new ArrayDeque<>();
    private static volatile AtomicReferenceArray<@Nullable ThreadCache> caches =
            new AtomicReferenceArray<>(FIRST_LENGTH);
    private static int count = 1; // 0 is no cache

    private CacheTags() {}

    /// Makes a number; [#put] follows.
    static synchronized int next() {
        Integer free = FREE.poll();
        return free != null ? free : count++;
    }

    static synchronized void put(int tag, ThreadCache cache) {
        if (tag >= caches.length()) {
            AtomicReferenceArray<@Nullable ThreadCache> grown = new AtomicReferenceArray<>(2 * tag);
            for (int index = 0; index < caches.length(); index++) {
                grown.set(index, caches.get(index));
            }
            grown.set(tag, cache);
            caches = grown;
        } else {
            caches.set(tag, cache);
        }
    }

    static synchronized void free(int tag) {
        caches.set(tag, null);
        FREE.push(tag);
    }

    /// The cache with number `tag`, or null.
    static @Nullable ThreadCache get(int tag) {
        AtomicReferenceArray<@Nullable ThreadCache> all = caches;
        return tag > 0 && tag < all.length() ? all.get(tag) : null;
    }
}
