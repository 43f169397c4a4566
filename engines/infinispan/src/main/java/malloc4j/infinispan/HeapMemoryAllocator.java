package malloc4j.infinispan;

import java.lang.foreign.Arena;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import malloc4j.Heap;
import malloc4j.observe.HeapStatistics;
import org.infinispan.commons.CacheException;
import org.infinispan.container.offheap.OffHeapMemoryAllocator;

/// Where one cache has its entries, each a block, and its tables of pointers. What of a cache outlives a restart keeps
/// the allocator, so that one is given the heap of each start.
///
/// A refused request leaves as an exception of Infinispan's, which it takes to the node that waits for an answer.
///
/// Where a table of pointers cannot grow, Infinispan keeps the table that it has as the old one too, and so at the next
/// clear or stop frees it, goes through it once more, and frees it again. A block of that size is freed at the second
/// call then, or when the heap is closed.
///
/// Invariants: a heap with live blocks is not closed; one that is in use has an arena on it, so nobody else can close
/// it. So no thread of Infinispan touches memory that is gone.
public final class HeapMemoryAllocator implements OffHeapMemoryAllocator {
    private static final long SMALLEST_TABLE_BYTES = 256 * Long.BYTES;

    private volatile Heap heap;
    private Arena use;
    private HeapStatistics last; // once the heap is closed
    private boolean isOpen = true;

    private final Set<Long> stuckBytes = ConcurrentHashMap.newKeySet(); // sizes of tables that could not grow
    private final Set<Long> freedOnce = ConcurrentHashMap.newKeySet(); // blocks of such sizes

    HeapMemoryAllocator(Heap heap) {
        this.heap = heap;
        this.use = heap.ofShared();
        this.last = heap.statistics();
    }

    @Override
    public long allocate(long byteSize) {
        try {
            return heap.malloc(byteSize);
        } catch (OutOfMemoryError refused) {
            if (byteSize > SMALLEST_TABLE_BYTES && Long.bitCount(byteSize) == 1) { // as the sizes of all tables are
                stuckBytes.add(byteSize / 2);
            }
            throw new CacheException("malloc4j: no memory for an entry: " + refused.getMessage(), refused);
        }
    }

    @Override
    public void deallocate(long address, long byteSize) {
        if (stuckBytes.isEmpty() || !stuckBytes.contains(byteSize)) {
            heap.free(address);
        } else if (!freedOnce.add(address)) {
            freedOnce.remove(address);
            heap.free(address);
        }
    }

    /// Bytes that Infinispan's statistics show as off-heap memory: the usable sizes of live blocks.
    @Override
    public long getAllocatedAmount() {
        return statistics().liveBytes();
    }

    /// The heap, which nobody can close before the cache has stopped.
    public Heap heap() {
        return heap;
    }

    /// What the heap holds and has done; after the cache has stopped, what it had then.
    public synchronized HeapStatistics statistics() {
        return isOpen ? heap.statistics() : last;
    }

    synchronized boolean isOpen() {
        return isOpen;
    }

    /// Goes on with another heap, after the one before is closed.
    synchronized void reopen(Heap next) {
        heap = next;
        use = next.ofShared();
        isOpen = true;
    }

    /// Closes the heap if nothing in it is live.
    ///
    /// @return what it has done
    /// @throws IllegalStateException if a block is live: the heap stays as it is
    synchronized HeapStatistics close() {
        stuckBytes.clear();
        freedOnce.forEach(heap::free);
        freedOnce.clear();
        HeapStatistics statistics = heap.statistics();
        if (statistics.liveBlocks() != 0) {
            throw new IllegalStateException(statistics.liveBlocks() + " blocks of together " + statistics.liveBytes()
                    + " bytes were not freed; " + heap + " stays open");
        }
        last = statistics;
        isOpen = false;
        use.close();
        heap.close();
        return statistics;
    }
}
