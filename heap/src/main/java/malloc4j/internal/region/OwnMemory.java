package malloc4j.internal.region;

import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import malloc4j.observe.AreaKind;

/// Where the memory of this library lies in this process, for those who draw the process's layout; it stands in the
/// [RootRecord] too, for those who draw it from outside. Asking changes nothing: before the first heap there is no
/// zone, and this class makes none.
///
/// Concurrency: zones and reserves are only ever added; heaps come and go; any thread may read.
public final class OwnMemory {
    private static final int MAX_RESERVES = 8; // the root page, the zone, records, entries, the caches', the break's

    private final List<Zone> zones = new CopyOnWriteArrayList<>();
    private final List<Reserve> reserves = new CopyOnWriteArrayList<>();
    private final long[] unused = new long[2 * MAX_RESERVES];
    private final Map<Integer, HeapMemory> heaps = new ConcurrentSkipListMap<>();
    private final Map<Integer, HeapRecord> records = new ConcurrentSkipListMap<>();
    private final RootRecord root;

    OwnMemory(Ground ground) {
        this.root = new RootRecord(ground);
    }

    /// One heap's memory.
    ///
    /// @param heapId the number in the records of its chunks
    /// @param name as its options say
    /// @param extents shows each of its extents to a visitor
    /// @param huge shows each of its huge blocks to a visitor
    public record HeapMemory(int heapId, String name, Consumer<RangeVisitor> extents, Consumer<RangeVisitor> huge) {}

    /// Addresses that are this library's for good, whether there is memory at them or not.
    public record Reserve(AreaKind kind, long address, long byteSize) {}

    void addZone(Zone zone) {
        if (zones.isEmpty() && root.address() != 0) {
            keep(AreaKind.RECORDS, root.address(), RootRecord.BYTES);
        }
        zones.add(zone);
        root.addZone(zone);
    }

    /// Adds addresses that stay this library's until the process ends.
    public void addReserve(AreaKind kind, long address, long byteSize) {
        keep(kind, address, byteSize);
        root.addReserve(kind, address, byteSize);
    }

    private void keep(AreaKind kind, long address, long byteSize) {
        synchronized (unused) {
            reserves.add(new Reserve(kind, address, byteSize));
            int place = 2 * (reserves.size() - 1);
            if (place < unused.length) {
                unused[place] = address;
                unused[place + 1] = byteSize;
            }
        }
    }

    /// Notes that blocks may lie in a reserve below `end`, now or later: there it stays when the library goes.
    void use(long end) {
        for (int place = 0; place < unused.length; place += 2) {
            long used = end - unused[place];
            if (used > 0 && used <= unused[place + 1]) {
                unused[place + 1] -= used;
                unused[place] = end;
            }
        }
    }

    /// What nobody can have a block in, as pairs of an address and a size: it goes back to the kernel when this
    /// library has been unloaded, by whoever outlives it. Kept up to date.
    public long[] unused() {
        return unused;
    }

    /// Adds a heap; [#removeHeap] follows when it is closed. Returns where it tells what is to be seen from outside.
    public HeapRecord addHeap(HeapMemory heap) {
        HeapRecord record = root.addHeap(heap.heapId(), heap.name());
        records.put(heap.heapId(), record);
        heaps.put(heap.heapId(), heap);
        return record;
    }

    public void removeHeap(int heapId) {
        heaps.remove(heapId);
        HeapRecord record = records.remove(heapId);
        if (record != null) {
            root.removeHeap(record);
        }
    }

    /// The zones that exist, the main one first.
    public List<Zone> zones() {
        return zones;
    }

    /// What is reserved for good.
    public List<Reserve> reserves() {
        return reserves;
    }

    /// The heaps that are open, the oldest first.
    public List<HeapMemory> heaps() {
        return List.copyOf(heaps.values());
    }
}
