package malloc4j.internal.cache;

import malloc4j.internal.memory.RawMemory;
import malloc4j.internal.slab.SizeClasses;
import malloc4j.internal.slab.SlabEntry;
import org.jspecify.annotations.Nullable;

/// From the current thread to its cache, and by it the short ways of malloc and free: all that a warm call executes
/// is in this file and in [Magazine].
///
/// ```
/// places, two words each; a power of two of them              caches
///   thread id & (count - 1)
///   | 0, 0 | 1042, magazines << 8 | 0, 0 | 1044, magazines << 8      | null | cache 3 | null | cache 1
///             a hit when it is the current thread's id
///             else: displaced   5138 -> cache 7, 9234 -> cache 4
/// ```
///
/// A thread whose place another living thread has is displaced: its cache is found by a second look-up, in a table
/// that grows.
///
/// A record, because the JIT trusts the fields of a record in a constant: for the common heap the arrays, their
/// length and the heap's number are constants in the machine code.
///
/// Invariant, checked by [#verify]: a thread's cache is at the place of the thread's id, or among the displaced ones,
/// not both.
///
/// Concurrency: a thread writes its own id, under the registry's lock, and only ever looks for its own; a place is
/// given to another thread when its thread has ended. Reads are plain.
///
/// @param places ids of threads, and where the magazines of their caches begin, shifted left by
///     [RawMemory#ADDRESS_SHIFT]
/// @param caches the caches themselves
/// @param displaced the caches of threads whose places others have
/// @param heapKey the heap's number in the owners of chunks: see [SlabEntry#heapKey]
@SuppressWarnings("ArrayRecordComponent") // never compared; the JIT's trust is the reason
public record CacheTable(
        long[] places, @Nullable ThreadCache[] caches, ThreadTable<ThreadCache> displaced, long heapKey) {
    private static final int NO_THREAD = 0; // ids begin at 1

    /// @param count how many places, a power of two
    static CacheTable of(int count, int heapId) {
        return new CacheTable(
                new long[2 * count], new @Nullable ThreadCache[count], new ThreadTable<>(), SlabEntry.heapKey(heapId));
    }

    /// Takes a block of `byteSize` bytes from the current thread's cache. Returns its address, or
    /// [Magazine#MISS], a negative number: the size is not a small one, the thread has no cache at its
    /// place, or that has nothing at hand.
    public long allocateBlock(long byteSize) {
        if (Long.compareUnsigned(byteSize, SizeClasses.MAX_SMALL_BYTES) > 0) {
            return Magazine.MISS;
        }
        long threadId = Thread.currentThread().threadId();
        int place = (int) threadId << 1 & (places.length - 2);
        if (places[place] != threadId) {
            return Magazine.MISS;
        }
        return Magazine.take(Magazine.ofSize(places[place + 1] >>> RawMemory.ADDRESS_SHIFT, byteSize));
    }

    /// Frees a live block of the current thread's. Returns false, and has done nothing, when it is anything else:
    /// the caller goes the long way, which says what.
    public boolean freeBlock(long address) {
        return Magazine.free(address, SlabEntry.owner(Thread.currentThread().threadId(), heapKey));
    }

    /// The current thread's cache, or null when it has none.
    public @Nullable ThreadCache current() {
        long threadId = Thread.currentThread().threadId();
        int place = place(threadId);
        return places[place << 1] == threadId ? caches[place] : displaced.get(threadId);
    }

    /// Makes room, so that the next [#insert] allocates nothing. Under the registry's lock.
    void makeRoom() {
        displaced.makeRoom();
    }

    /// Puts a cache where the current thread will look for it; after [#makeRoom], under the same lock.
    void insert(ThreadCache cache, Thread thread) {
        int place = place(thread.threadId());
        ThreadCache holder = caches[place];
        if (holder == null || CacheRegistry.isIdle(holder)) {
            caches[place] = cache;
            places[(place << 1) + 1] = cache.magazines() << RawMemory.ADDRESS_SHIFT;
            places[place << 1] = thread.threadId();
        } else {
            displaced.put(thread.threadId(), cache);
        }
    }

    /// Takes a cache out that a thread had which has ended. Under the registry's lock.
    void remove(ThreadCache cache, Thread ended) {
        int place = place(ended.threadId());
        if (caches[place] == cache) {
            places[place << 1] = NO_THREAD;
            caches[place] = null;
        } else {
            displaced.remove(ended.threadId());
        }
    }

    /// Forgets every thread.
    void clear() {
        for (int place = 0; place < caches.length; place++) {
            places[place << 1] = NO_THREAD;
            caches[place] = null;
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
