package malloc4j.internal.region;

import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import malloc4j.observe.AreaKind;

/// Where the memory of this library lies in this process, for those who draw the process's layout; zones and reserves
/// stand in the [RootRecord] too, for those who draw it from outside. Asking changes
/// nothing: before the first heap there is no zone, and this class makes none.
///
/// Concurrency: zones and reserves are only ever added; heaps come and go; any thread may read.
public final class OwnMemory {
    private static final List<Zone> ZONES = new CopyOnWriteArrayList<>();
    private static final List<Reserve> RESERVES = new CopyOnWriteArrayList<>();
    private static final int MAX_RESERVES = 8; // the root page, the zone, records, entries, the caches', the break's
    private static final long[] UNUSED = new long[2 * MAX_RESERVES];
    private static final Map<Integer, HeapMemory> HEAPS = new ConcurrentSkipListMap<>();

    private OwnMemory() {}

    /// One heap's memory.
    ///
    /// @param heapId the number in the records of its chunks
    /// @param name as its options say
    /// @param regions shows each of its regions to a visitor
    /// @param huge shows each of its huge blocks to a visitor
    public record HeapMemory(int heapId, String name, Consumer<RangeVisitor> regions, Consumer<RangeVisitor> huge) {}

    /// Addresses that are this library's for good, whether there is memory at them or not.
    public record Reserve(AreaKind kind, long address, long byteSize) {}

    static void addZone(Zone zone) {
        if (ZONES.isEmpty() && RootRecord.address() != 0) {
            keep(AreaKind.RECORDS, RootRecord.address(), RootRecord.byteSize());
        }
        ZONES.add(zone);
        RootRecord.addZone(zone);
    }

    /// Adds addresses that stay this library's until the process ends.
    public static void addReserve(AreaKind kind, long address, long byteSize) {
        keep(kind, address, byteSize);
        RootRecord.addReserve(kind, address, byteSize);
    }

    private static void keep(AreaKind kind, long address, long byteSize) {
        synchronized (UNUSED) {
            RESERVES.add(new Reserve(kind, address, byteSize));
            int place = 2 * (RESERVES.size() - 1);
            if (place < UNUSED.length) {
                UNUSED[place] = address;
                UNUSED[place + 1] = byteSize;
            }
        }
    }

    /// Notes that blocks may lie in a reserve below `end`, now or later: there it stays when the library goes.
    static void use(long end) {
        for (int place = 0; place < UNUSED.length; place += 2) {
            long used = end - UNUSED[place];
            if (used > 0 && used <= UNUSED[place + 1]) {
                UNUSED[place + 1] -= used;
                UNUSED[place] = end;
            }
        }
    }

    /// What nobody can have a block in, as pairs of an address and a size: it goes back to the kernel when this
    /// library has been unloaded, by whoever outlives it. Kept up to date.
    public static long[] unused() {
        return UNUSED;
    }

    /// Adds a heap; [#removeHeap] follows when it is closed.
    public static void addHeap(HeapMemory heap) {
        HEAPS.put(heap.heapId(), heap);
    }

    public static void removeHeap(int heapId) {
        HEAPS.remove(heapId);
    }

    /// The zones that exist, the main one first.
    public static List<Zone> zones() {
        return ZONES;
    }

    /// What is reserved for good.
    public static List<Reserve> reserves() {
        return RESERVES;
    }

    /// The heaps that are open, the oldest first.
    public static List<HeapMemory> heaps() {
        return List.copyOf(HEAPS.values());
    }
}
