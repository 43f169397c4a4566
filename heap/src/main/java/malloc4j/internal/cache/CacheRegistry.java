package malloc4j.internal.cache;

import java.lang.invoke.VarHandle;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.locks.ReentrantLock;
import malloc4j.internal.os.Errno;
import malloc4j.internal.region.PageSource;
import malloc4j.internal.slab.Slabs;
import malloc4j.internal.span.Spans;
import org.jspecify.annotations.Nullable;

/// The thread caches of one heap, and the way from a thread to its own.
///
/// ```
/// table, a power of two                       thread id 1042 & (length - 1)
///   | none | cache 3 | none | cache 1 | ...   a hit when that cache's thread is the current one
/// ```
///
/// A cache outlives its thread: the next thread without one takes it over as it is, full of blocks. Nothing is
/// abandoned when a thread ends, and nothing needs to be told. Virtual threads get no cache of their own: they
/// share a few, each under a lock while it is used.
///
/// Invariants: a cache belongs to at most one living thread; a thread finds its cache within [#PROBES] places of
/// its table index.
///
/// Concurrency: a thread puts itself in and only ever finds itself, so lookups need no lock; all else is under the
/// lock. The table is read plainly: a thread that does not see the places of a grown table yet takes the slow way,
/// where the lock shows them.
public final class CacheRegistry {
    private static final int PROBES = 4;
    private static final int MIN_TABLE = 64;
    private static final int ROOMY_TABLE = 1 << 10; // up to here the table grows rather than displace a thread
    private static final int MAX_TABLE = 1 << 16;

    private final Slabs slabs;
    private final Reclaimer reclaimer;
    private final ReentrantLock lock = new ReentrantLock();
    private final List<ThreadCache> caches = new ArrayList<>();
    private final List<Integer> closedTags = new ArrayList<>();
    private final @Nullable SharedCache[] shared;
    private final ThreadCache none;
    private ThreadCache[] table;
    private volatile boolean closed;

    public CacheRegistry(Slabs slabs, Spans spans, PageSource source) {
        this.slabs = slabs;
        this.reclaimer = new Reclaimer(spans, slabs, source, this);
        this.none = new ThreadCache(0, this, slabs);
        this.table = emptyTable(MIN_TABLE);
        int stripes = Integer.highestOneBit(Math.max(1, Runtime.getRuntime().availableProcessors() * 2 - 1)) * 2;
        this.shared = new SharedCache[Math.min(stripes, 64)];
    }

    public Reclaimer reclaimer() {
        return reclaimer;
    }

    /// The current thread's cache, or null when it has none at its table index: two loads and two comparisons.
    public @Nullable ThreadCache current() {
        Thread thread = Thread.currentThread();
        ThreadCache[] all = table;
        ThreadCache cache = all[(int) thread.threadId() & (all.length - 1)];
        return cache != null && cache.thread == thread ? cache : null;
    }

    /// Takes a block for a thread that [#current] knows no cache of: a virtual thread, or one at its first call.
    /// Returns its address, or minus errno: `EBADF` when the heap is closed.
    public long allocateBlock(int sizeClass) {
        if (closed) {
            return -Errno.EBADF;
        }
        if (!Thread.currentThread().isVirtual()) {
            ThreadCache cache = lease();
            if (cache != null) {
                return cache.allocateBlock(sizeClass);
            }
        }
        SharedCache cache = acquireShared();
        if (cache == null) {
            return -Errno.EBADF;
        }
        try {
            return cache.cache.allocateBlock(sizeClass);
        } finally {
            cache.useLock.unlock();
        }
    }

    /// Frees a block of a slab from a thread that does not own it, or owns it by a cache that is not at its table
    /// index. Returns false, and has done nothing, when `address` is not a live block of the slab.
    public static boolean freeRemote(long slab, long address) {
        return ThreadCache.freeRemote(slab, address);
    }

    /// The registry of the heap whose slab has number `tag`, or null.
    public static @Nullable CacheRegistry owner(int tag) {
        ThreadCache cache = CacheTags.get(tag);
        return cache == null ? null : cache.registry();
    }

    /// The current thread's cache: displaced from its table index, taken over, or new; null when the table can take
    /// no more threads.
    private @Nullable ThreadCache lease() {
        Thread thread = Thread.currentThread();
        ThreadCache displaced = find(thread);
        if (displaced != null) {
            return displaced;
        }
        lock.lock();
        try {
            if (closed) {
                return null;
            }
            ThreadCache unseen = find(thread);
            if (unseen != null) {
                return unseen;
            }
            while (table.length < MAX_TABLE && !hasRoom(thread, table, table.length < ROOMY_TABLE ? 1 : PROBES)) {
                growTable();
            }
            if (!hasRoom(thread, table, PROBES)) {
                return null;
            }
            ThreadCache cache = idleCache();
            cache.thread = thread;
            insert(cache, thread, table);
            return cache;
        } finally {
            lock.unlock();
        }
    }

    private @Nullable ThreadCache find(Thread thread) {
        ThreadCache[] all = table;
        for (int probe = 0; probe < PROBES; probe++) {
            ThreadCache cache = all[slot(thread, probe, all.length)];
            if (cache != null && cache.thread == thread) {
                return cache;
            }
        }
        return null;
    }

    private ThreadCache idleCache() {
        for (ThreadCache cache : caches) {
            if (isIdle(cache)) {
                return cache;
            }
        }
        ThreadCache cache = newCache();
        caches.add(cache);
        return cache;
    }

    private ThreadCache newCache() {
        int tag = CacheTags.next();
        ThreadCache cache = new ThreadCache(tag, this, slabs);
        CacheTags.put(tag, cache);
        return cache;
    }

    private static boolean isIdle(ThreadCache cache) {
        return cache.thread == null || !cache.thread.isAlive();
    }

    private static int slot(Thread thread, int probe, int length) {
        return ((int) thread.threadId() + probe) & (length - 1);
    }

    /// Whether a table place is of no use to anybody: its cache is idle, or was put elsewhere since.
    private static boolean isVacant(ThreadCache cache, int slot) {
        return isIdle(cache) || cache.slot != slot;
    }

    private static boolean hasRoom(Thread thread, ThreadCache[] all, int probes) {
        for (int probe = 0; probe < probes; probe++) {
            int slot = slot(thread, probe, all.length);
            if (isVacant(all[slot], slot)) {
                return true;
            }
        }
        return false;
    }

    private static void insert(ThreadCache cache, Thread thread, ThreadCache[] all) {
        for (int probe = 0; probe < PROBES; probe++) {
            int slot = slot(thread, probe, all.length);
            if (isVacant(all[slot], slot)) {
                all[slot] = cache;
                cache.slot = slot;
                return;
            }
        }
        throw new AssertionError("no place in the table");
    }

    private void growTable() {
        int length = table.length;
        ThreadCache[] grown;
        do {
            length *= 2;
            grown = emptyTable(length);
        } while (!moveAll(grown) && length < MAX_TABLE);
        publish(grown);
    }

    private void publish(ThreadCache[] places) {
        VarHandle.releaseFence();
        table = places;
    }

    private boolean moveAll(ThreadCache[] grown) {
        for (ThreadCache cache : caches) {
            Thread thread = cache.thread;
            if (thread != null && thread.isAlive()) {
                if (!hasRoom(thread, grown, PROBES)) {
                    return false;
                }
                insert(cache, thread, grown);
            }
        }
        return true;
    }

    private ThreadCache[] emptyTable(int length) {
        ThreadCache[] all = new ThreadCache[length];
        Arrays.fill(all, none);
        return all;
    }

    /// A shared cache with its use lock held, a free one where there is one; null when the heap is closed.
    private @Nullable SharedCache acquireShared() {
        int start = (int) Thread.currentThread().threadId();
        for (int probe = 0; probe < shared.length; probe++) {
            SharedCache cache = shared((start + probe) & (shared.length - 1));
            if (cache == null || cache.useLock.tryLock()) {
                return cache;
            }
        }
        SharedCache cache = shared(start & (shared.length - 1));
        if (cache != null) {
            cache.useLock.lock();
        }
        return cache;
    }

    private @Nullable SharedCache shared(int index) {
        SharedCache cache = shared[index];
        if (cache != null) {
            return cache;
        }
        lock.lock();
        try {
            if (shared[index] == null && !closed) {
                shared[index] = new SharedCache(newCache());
            }
            return shared[index];
        } finally {
            lock.unlock();
        }
    }

    /// A cache for whoever holds its use lock.
    private static final class SharedCache {
        final ThreadCache cache;
        final ReentrantLock useLock = new ReentrantLock();

        SharedCache(ThreadCache cache) {
            this.cache = cache;
        }
    }

    /// Gives up the leases of the current thread's cache, of the shared ones, and of all whose thread has ended;
    /// and lists what others have freed, so that nothing stays queued for an owner that does not come.
    void unleaseIdle(boolean currentToo) {
        lock.lock();
        try {
            for (ThreadCache cache : caches) {
                if (isIdle(cache)) {
                    cache.thread = null;
                    cache.unlease();
                } else if (currentToo && cache.thread == Thread.currentThread()) {
                    cache.unlease();
                }
            }
        } finally {
            lock.unlock();
        }
        for (SharedCache cache : shared) {
            if (cache != null && cache.useLock.tryLock()) {
                try {
                    cache.cache.unlease();
                } finally {
                    cache.useLock.unlock();
                }
            }
        }
        for (ThreadCache cache : all()) {
            cache.lock().lock();
            try {
                cache.drainPending();
            } finally {
                cache.lock().unlock();
            }
        }
    }

    /// How many caches there are, shared ones included.
    public int cacheCount() {
        return all().size();
    }

    private List<ThreadCache> all() {
        lock.lock();
        try {
            List<ThreadCache> all = new ArrayList<>(caches);
            for (SharedCache cache : shared) {
                if (cache != null) {
                    all.add(cache.cache);
                }
            }
            return all;
        } finally {
            lock.unlock();
        }
    }

    /// Forgets every cache. From now on no thread finds one.
    public void close() {
        lock.lock();
        try {
            if (closed) {
                return;
            }
            closed = true;
            for (ThreadCache cache : all()) {
                cache.thread = null;
                cache.forgetCurrent();
                closedTags.add(cache.tag());
            }
            caches.clear();
            Arrays.fill(shared, null);
            publish(emptyTable(MIN_TABLE));
        } finally {
            lock.unlock();
        }
    }

    /// Gives the numbers of a closed registry's caches back, when no record has them any more.
    void freeTags() {
        lock.lock();
        try {
            closedTags.forEach(CacheTags::free);
            closedTags.clear();
        } finally {
            lock.unlock();
        }
    }

    /// Checks every cache while its owner rests. Returns how many slabs they lease or list.
    int verify() {
        return all().stream().mapToInt(ThreadCache::verify).sum();
    }
}
