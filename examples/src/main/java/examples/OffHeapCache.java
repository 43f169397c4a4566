package examples;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import malloc4j.Heap;
import malloc4j.HeapOptions;

/// A cache of strings off the Java heap. It counts no bytes: the hard limit of its heap is its size, and as long as a
/// value finds no room, the entries that were used longest ago go.
///
/// Not safe for use by several threads at once.
public final class OffHeapCache implements AutoCloseable {
    private static final int EVICTED_AT_ONCE = 16; // a refusal costs more than a free

    private final Heap heap;
    private final Map<String, Long> addresses = new LinkedHashMap<>(16, 0.75f, true); // in the order of use
    private long evictions;

    /// A cache with so many bytes off the Java heap, for values alone.
    public OffHeapCache(long limitBytes) {
        heap = Heap.create(HeapOptions.builder()
                .name("example-cache")
                .hardLimitBytes(limitBytes)
                .build());
    }

    /// Puts a value. Returns false, and the key has none then, where it does not fit into an empty cache.
    public boolean put(String key, String value) {
        remove(key);
        MemorySegment bytes = MemorySegment.ofArray(value.getBytes(StandardCharsets.UTF_8));
        long byteSize = bytes.byteSize() + 1; // a string of C ends with 0
        long address = heap.tryMalloc(byteSize); // 0 where there is no room: nothing is thrown
        while (address == 0 && !addresses.isEmpty()) {
            evict();
            address = heap.tryMalloc(byteSize);
        }
        if (address == 0) {
            return false;
        }
        heap.segment(address).copyFrom(bytes).set(ValueLayout.JAVA_BYTE, bytes.byteSize(), (byte) 0);
        addresses.put(key, address);
        return true;
    }

    /// The value of a key, which becomes the one that was used last.
    public Optional<String> get(String key) {
        return Optional.ofNullable(addresses.get(key))
                .map(address -> heap.segment(address).getString(0));
    }

    /// Drops a key's value.
    public void remove(String key) {
        Long address = addresses.remove(key);
        if (address != null) {
            heap.free(address);
        }
    }

    private void evict() {
        Iterator<Long> oldest = addresses.values().iterator();
        for (int count = 0; count < EVICTED_AT_ONCE && oldest.hasNext(); count++) {
            heap.free(oldest.next());
            oldest.remove();
            evictions++;
        }
    }

    /// How many values there are.
    public int size() {
        return addresses.size();
    }

    /// How many values were dropped for want of room.
    public long evictions() {
        return evictions;
    }

    /// Gives all memory back at once.
    @Override
    public void close() {
        addresses.clear();
        heap.close();
    }

    public static void main(String[] arguments) {
        try (OffHeapCache cache = new OffHeapCache(16 << 20)) {
            for (int page = 0; page < 100_000; page++) {
                cache.put("/page/" + page, "<html>" + "x".repeat(page % 2_000) + "</html>");
                cache.get("/page/0"); // asked for all the time, so it stays
            }
            System.out.println(
                    "the first page is there: " + cache.get("/page/0").isPresent());
            System.out.println("the second is gone: " + cache.get("/page/1").isEmpty());
            System.out.println(cache.size() + " values of 100000 in 16 MiB, " + cache.evictions() + " dropped");
        }
    }
}
