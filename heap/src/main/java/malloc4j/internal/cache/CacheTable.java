package malloc4j.internal.cache;

import static malloc4j.internal.memory.RawMemory.LONG;
import static malloc4j.internal.memory.RawMemory.MEMORY;

import malloc4j.internal.memory.CollectedMemory;
import malloc4j.internal.memory.RawMemory;
import malloc4j.internal.region.PageGeometry;
import malloc4j.internal.slab.SizeClasses;
import malloc4j.internal.slab.SlabEntry;
import org.jspecify.annotations.Nullable;

/// From the current thread to its cache, and by it the short ways of malloc and free: all that a warm call executes
/// is in this file and in [Magazine].
///
/// ```
/// rows of 16 bytes, off the Java heap; a power of two of them      caches
///   thread id & (count - 1)
///   | 0, 0 | 1042, magazines << 8 | 0, 0 | 1044, magazines << 8      | null | cache 3 | null | cache 1
///             a hit when it is the current thread's id
///             else: displaced   5138 -> cache 7, 9234 -> cache 4
/// ```
///
/// A thread whose row another living thread has is displaced: its cache is found by a second look-up, in a table
/// that grows. So are the magazines, on the way to the one copy of [Magazine#take] that a malloc has room for.
///
/// A record, because the JIT trusts the fields of a record in a constant: for the common heap the address of the rows,
/// their number and the heap's are constants in the machine code. [malloc4j.Heap] keeps copies of these three, and of
/// the displaced threads, which spares it the way to here: see [#allocateBlock(long, char, ThreadTable, long)].
///
/// Invariant, checked by [#verify]: a thread's cache is in the row of the thread's id, or among the displaced ones,
/// not both.
///
/// Concurrency: a thread writes its own id, under the registry's lock, and only ever looks for its own; a row is
/// given to another thread when its thread has ended. Reads are plain.
///
/// @param memory of the rows, which lives as long as this does
/// @param rows its address, shifted left by [RawMemory#ADDRESS_SHIFT]
/// @param rowMask takes the offset of its row out of 16 times a thread's id
/// @param caches the caches themselves
/// @param stocks of large blocks, of those caches that have one
/// @param displaced the caches of threads whose rows others have
/// @param heapKey the heap's number in the owners of chunks: see [SlabEntry#heapKey]
@SuppressWarnings("ArrayRecordComponent") // never compared; the JIT's trust is the reason
public record CacheTable(
        CollectedMemory memory,
        long rows,
        char rowMask,
        @Nullable ThreadCache[] caches,
        @Nullable LargeStock[] stocks,
        ThreadTable<ThreadCache> displaced,
        long heapKey) {
    private static final int ROW_SHIFT = 4;
    private static final int ID = 0;
    private static final int MAGAZINES = 8;
    private static final int MAX_COUNT = 1 << 12; // the offset of a row fits a char: it needs no check
    private static final int NO_THREAD = 0; // ids begin at 1
    private static final int NO_HEAP = -1;

    /// @param count how many rows, a power of two, at most 4,096
    static CacheTable of(int count, int heapId) {
        if (count > MAX_COUNT) {
            throw new IllegalArgumentException(count + " rows");
        }
        CollectedMemory memory = new CollectedMemory((long) count << ROW_SHIFT);
        return new CacheTable(
                memory,
                memory.address() << RawMemory.ADDRESS_SHIFT,
                (char) ((count - 1) << ROW_SHIFT),
                new @Nullable ThreadCache[count],
                new @Nullable LargeStock[count],
                new ThreadTable<>(),
                SlabEntry.heapKey(heapId));
    }

    /// A table of as many rows that never has a thread, with the key of no heap.
    public CacheTable empty() {
        return of(caches.length, NO_HEAP);
    }

    /// Links what the warm path reaches memory by: see [RawMemory#link].
    ///
    /// @param word the address of 8 bytes that nobody else uses, a multiple of 8
    public static void link(long word) {
        long unused = (long) LONG.get(MEMORY, word);
        Magazine.link(word);
    }

    /// Takes a block of `byteSize` bytes from the current thread's cache. Returns its address, or
    /// [Magazine#MISS], a negative number: the size is not a small one, the thread has no cache, or that has nothing at
    /// hand.
    public long allocateBlock(long byteSize) {
        return allocateBlock(rows, rowMask, displaced, byteSize);
    }

    /// As [#allocateBlock(long)], of the table with these rows and displaced threads.
    public static long allocateBlock(long rows, char rowMask, ThreadTable<ThreadCache> displaced, long byteSize) {
        if (Long.compareUnsigned(byteSize, SizeClasses.MAX_SMALL_BYTES) > 0) {
            return Magazine.MISS;
        }
        long threadId = Thread.currentThread().threadId();
        long row = (rows >>> RawMemory.ADDRESS_SHIFT) + (threadId << ROW_SHIFT & rowMask);
        long magazines;
        if ((long) LONG.get(MEMORY, row + ID) == threadId) {
            magazines = (long) LONG.get(MEMORY, row + MAGAZINES) >>> RawMemory.ADDRESS_SHIFT;
        } else {
            magazines = displaced.number(threadId);
            if (magazines == 0) {
                return Magazine.MISS;
            }
        }
        return Magazine.take(Magazine.ofSize(magazines, byteSize));
    }

    /// The current thread's magazines, 0 when it has none.
    private long magazines(long threadId) {
        long row = (rows >>> RawMemory.ADDRESS_SHIFT) + (threadId << ROW_SHIFT & rowMask);
        return (long) LONG.get(MEMORY, row + ID) == threadId
                ? (long) LONG.get(MEMORY, row + MAGAZINES) >>> RawMemory.ADDRESS_SHIFT
                : displaced.number(threadId);
    }

    /// Frees a live block of the current thread's. Returns false, and has done nothing, when it is anything else:
    /// the caller goes the long way, which says what.
    public boolean freeBlock(long address) {
        return freeBlock(heapKey, address);
    }

    /// As [#freeBlock(long)], of the heap with this key.
    public static boolean freeBlock(long heapKey, long address) {
        return Magazine.free(address, SlabEntry.owner(Thread.currentThread().threadId(), heapKey));
    }

    /// Frees a live block of another thread's, or of a shared cache's, where that takes but a word. Returns false, and
    /// has done nothing, when it is anything else, or the current thread has no cache.
    public boolean freeElsewhere(long address) {
        long magazines = magazines(Thread.currentThread().threadId());
        return magazines != 0 && Magazine.freeElsewhere(address, heapKey, magazines);
    }

    /// Takes a large block that the current thread has freed. Returns its address, or [Magazine#MISS], a negative
    /// number: the thread has none that fits.
    ///
    /// @param byteSize above [SizeClasses#MAX_SMALL_BYTES]
    public long takeStocked(long byteSize) {
        long threadId = Thread.currentThread().threadId();
        LargeStock stock = stocks[(int) threadId & (stocks.length - 1)];
        return stock == null ? Magazine.MISS : stock.take(threadId, byteSize);
    }

    /// Frees a live large block of the current thread's. Returns false, and has done nothing, when it is anything else,
    /// or there is no room for it: the caller goes the long way.
    public boolean putStocked(long address) {
        if ((address & (PageGeometry.PAGE_BYTES - 1)) != 0) { // as of most small blocks, which others free
            return false;
        }
        long threadId = Thread.currentThread().threadId();
        LargeStock stock = stocks[(int) threadId & (stocks.length - 1)];
        return stock != null && stock.put(threadId, address);
    }

    private long row(int place) {
        return (rows >>> RawMemory.ADDRESS_SHIFT) + ((long) place << ROW_SHIFT);
    }

    /// The current thread's cache, or null when it has none.
    public @Nullable ThreadCache current() {
        long threadId = Thread.currentThread().threadId();
        int place = place(threadId);
        return RawMemory.getLong(row(place) + ID) == threadId ? caches[place] : displaced.get(threadId);
    }

    /// Makes room, so that the next [#insert] allocates nothing. Under the registry's lock.
    void makeRoom() {
        displaced.makeRoom();
    }

    /// Puts a cache where the current thread will look for it; after [#makeRoom], under the same lock.
    void insert(ThreadCache cache, Thread thread) {
        int place = place(thread.threadId());
        ThreadCache holder = caches[place];
        if (holder == null || holder.isIdle()) {
            caches[place] = cache;
            stocks[place] = cache.stock();
            RawMemory.putLong(row(place) + MAGAZINES, cache.magazines() << RawMemory.ADDRESS_SHIFT);
            RawMemory.putLong(row(place) + ID, thread.threadId());
        } else {
            displaced.put(thread.threadId(), cache, cache.magazines());
        }
    }

    /// Notes that the current thread's cache has a stock now. By that thread.
    void insert(ThreadCache cache, LargeStock stock) {
        int place = place(Thread.currentThread().threadId());
        if (caches[place] == cache) {
            stocks[place] = stock;
        }
    }

    /// Takes a cache out that a thread had which has ended. Under the registry's lock.
    void remove(ThreadCache cache, Thread ended) {
        int place = place(ended.threadId());
        if (caches[place] == cache) {
            RawMemory.putLong(row(place) + ID, NO_THREAD);
            caches[place] = null;
            stocks[place] = null;
        } else {
            displaced.remove(ended.threadId());
        }
    }

    /// Forgets every thread.
    void clear() {
        for (int place = 0; place < caches.length; place++) {
            RawMemory.putLong(row(place) + ID, NO_THREAD);
            caches[place] = null;
            stocks[place] = null;
        }
        displaced.clear();
    }

    private int place(long threadId) {
        return (int) threadId & (caches.length - 1);
    }

    /// Checks that a cache's thread finds it. Under the registry's lock.
    void verify(ThreadCache cache, Thread thread) {
        boolean placed = caches[place(thread.threadId())] == cache;
        boolean moved = displaced.get(thread.threadId()) == cache;
        if (thread.isAlive() && placed == moved) {
            throw new AssertionError("cache " + cache.tag() + " is found " + (placed ? "twice" : "nowhere"));
        }
    }
}
