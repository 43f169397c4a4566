package malloc4j.internal.cache;

import malloc4j.internal.region.PageMap;
import malloc4j.internal.slab.SizeClasses;
import org.jspecify.annotations.Nullable;

/// From the current thread to its cache, and by it the short ways of malloc and free: all that a warm call executes
/// is in this file and in [Magazine].
///
/// ```
/// places, two words each; a power of two of them              caches
///   thread id & (count - 1)
///   | 0, 0 | 1042, magazines << 8 | 0, 0 | 1044, magazines << 8      | null | cache 3 | null | cache 1
///             a hit when it is the current thread's id
/// ```
///
/// A record, because the JIT trusts the fields of a record in a constant: for the common heap the arrays, their
/// length and the heap's number are constants in the machine code.
///
/// Invariant: the place of a living thread's cache is within [#PROBES] places of the thread's first one.
///
/// Concurrency: a thread writes its own id, under the registry's lock, and only ever looks for its own; a place is
/// given to another thread when its thread has ended or was put elsewhere. Reads are plain.
///
/// @param places ids of threads, and where the magazines of their caches begin, shifted left by
///     [PageMap#ADDRESS_SHIFT]
/// @param caches the caches themselves
/// @param heapKey the heap's number in the owners of chunks: see [PageMap#heapKey]
@SuppressWarnings("ArrayRecordComponent") // never compared; the JIT's trust is the reason
public record CacheTable(long[] places, @Nullable ThreadCache[] caches, long heapKey) {
    /// How many places a thread may be put at.
    static final int PROBES = 4;

    private static final int NO_THREAD = 0; // ids begin at 1

    /// @param count how many places, a power of two
    static CacheTable of(int count, int heapId) {
        return new CacheTable(new long[2 * count], new @Nullable ThreadCache[count], PageMap.heapKey(heapId));
    }

    /// Takes a block of `byteSize` bytes from the current thread's cache. Returns its address, or
    /// [Magazine#MISS], a negative number: the size is not a small one, the thread has no cache at its first
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
        return Magazine.take(Magazine.ofSize(places[place + 1] >>> PageMap.ADDRESS_SHIFT, byteSize));
    }

    /// Frees a live block of the current thread's. Returns false, and has done nothing, when it is anything else:
    /// the caller goes the long way, which says what.
    public boolean freeBlock(long address) {
        return Magazine.free(address, PageMap.owner(Thread.currentThread().threadId(), heapKey));
    }

    /// The current thread's cache, or null when it has none at its first place.
    public @Nullable ThreadCache current() {
        long threadId = Thread.currentThread().threadId();
        int place = (int) threadId & (caches.length - 1);
        return places[place << 1] == threadId ? caches[place] : null;
    }

    /// The thread's cache at any of its places, or null.
    @Nullable
    ThreadCache find(Thread thread) {
        for (int probe = 0; probe < PROBES; probe++) {
            int place = place(thread, probe);
            if (places[place << 1] == thread.threadId()) {
                return caches[place];
            }
        }
        return null;
    }

    /// Puts a cache where its new thread will look for it. Returns false when all those places are taken. Under the
    /// registry's lock.
    boolean insert(ThreadCache cache, Thread thread) {
        for (int probe = 0; probe < PROBES; probe++) {
            int place = place(thread, probe);
            ThreadCache holder = caches[place];
            if (holder == null || CacheRegistry.isIdle(holder) || holder.place != place) {
                caches[place] = cache;
                cache.place = place;
                places[(place << 1) + 1] = cache.magazines() << PageMap.ADDRESS_SHIFT;
                places[place << 1] = thread.threadId();
                return true;
            }
        }
        return false;
    }

    /// Forgets every thread.
    void clear() {
        for (int place = 0; place < caches.length; place++) {
            places[place << 1] = NO_THREAD;
            caches[place] = null;
        }
    }

    private int place(Thread thread, int probe) {
        return ((int) thread.threadId() + probe) & (caches.length - 1);
    }
}
