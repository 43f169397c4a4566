package malloc4j.internal.cache;

import java.util.Arrays;
import java.util.concurrent.atomic.AtomicReferenceArray;
import malloc4j.internal.os.Errno;
import malloc4j.internal.os.Linux;
import malloc4j.internal.os.Mutex;
import malloc4j.internal.region.Ground;
import malloc4j.internal.region.PageGeometry;
import malloc4j.observe.AreaKind;
import org.jspecify.annotations.Nullable;

/// The numbers of all thread caches of the process, by which the records of slabs refer to them, and the memory for
/// each cache's magazines, 32 KiB a number, or a page where that is more.
///
/// ```
///   tag 0: never used | tag 1: 32 KiB | tag 2: 32 KiB | ...    reserved; committed 32 tags at a time, for ever
/// ```
///
/// Magazines that are all zero are empty: so the pages of a cache that nobody uses can go back to the kernel.
///
/// Concurrency: numbers are given out and taken back under the lock; a reader that holds a number which is
/// in use finds its cache without a lock.
/// @param <C> a cache
final class CacheTags<C> {
    /// No number: the memory for another cache cannot be had.
    static final int NONE = -1;

    private static final int FIRST_LENGTH = 64;
    private static final int MAX_TAGS = 1 << 17; // 4 GiB of addresses
    private static final int MIN_TAGS = 1 << 7;
    private static final int STEP_TAGS = 32; // 1 MiB

    /// What a number takes: pages of its own, so that they can go back to the kernel alone.
    private static final long STRIDE_BYTES = Math.max(Magazine.CACHE_BYTES, PageGeometry.PAGE_BYTES);

    private final Ground ground;
    private final Mutex lock = new Mutex();
    private int[] free = new int[FIRST_LENGTH]; // as many places as numbers were ever made
    private int freeCount;
    private volatile AtomicReferenceArray<@Nullable C> caches = new AtomicReferenceArray<>(FIRST_LENGTH);
    private long memory;
    private int reservedTags;
    private int committedTags;
    private int count = 1; // 0 is no cache

    CacheTags(Ground ground) {
        this.ground = ground;
    }

    /// Makes a number, [#NONE] where there is no memory for its cache; [#put] or [#free] follows, which makes nothing
    /// on the Java heap.
    int next() {
        lock.lock();
        try {
            if (freeCount > 0) {
                return free[--freeCount];
            }
            if (count >= free.length) {
                free = Arrays.copyOf(free, 2 * count);
            }
            growTo(count);
            return count < committedTags || commit() ? count++ : NONE;
        } finally {
            lock.unlock();
        }
    }

    private boolean commit() {
        for (int tags = maxTags(); memory == 0 && tags >= MIN_TAGS; tags /= 2) {
            int flags = Linux.MAP_PRIVATE | Linux.MAP_ANONYMOUS | Linux.MAP_NORESERVE;
            long reserved = ground.calls().mmap(0, tags * STRIDE_BYTES, Linux.PROT_NONE, flags, -1, 0);
            if (!Errno.isError(reserved)) {
                memory = reserved;
                reservedTags = tags;
                ground.memory().addReserve(AreaKind.RECORDS, reserved, tags * STRIDE_BYTES);
            }
        }
        if (committedTags == reservedTags) {
            return false;
        }
        long from = memory + committedTags * STRIDE_BYTES;
        long stepBytes = STEP_TAGS * STRIDE_BYTES;
        if (ground.calls().mprotect(from, stepBytes, Linux.PROT_READ | Linux.PROT_WRITE) < 0) {
            return false;
        }
        committedTags += STEP_TAGS;
        return true;
    }

    /// As many as there are to be at most: fewer where the process's address space is limited.
    private int maxTags() {
        long share = ground.addressShare().cacheBytes() / STRIDE_BYTES;
        return Math.clamp(Long.highestOneBit(share), MIN_TAGS, MAX_TAGS);
    }

    /// The address of the magazines of the cache with number `tag`, which is in use.
    long magazines(int tag) {
        lock.lock();
        try {
            return memory + tag * STRIDE_BYTES;
        } finally {
            lock.unlock();
        }
    }

    /// Makes a place for a number. Under the lock.
    private void growTo(int tag) {
        AtomicReferenceArray<@Nullable C> old = caches;
        if (tag >= old.length()) {
            AtomicReferenceArray<@Nullable C> grown = new AtomicReferenceArray<>(2 * tag);
            for (int index = 0; index < old.length(); index++) {
                grown.set(index, old.get(index));
            }
            caches = grown;
        }
    }

    void put(int tag, C cache) {
        lock.lock();
        try {
            caches.set(tag, cache);
        } finally {
            lock.unlock();
        }
    }

    /// Gives the pages of a cache's empty magazines back to the kernel, while nobody uses them. Returns 0, or minus
    /// errno, and nothing has changed.
    long giveBackMagazines(int tag) {
        return ground.calls().madvise(magazines(tag), STRIDE_BYTES, Linux.MADV_DONTNEED);
    }

    /// Takes back the number of a cache that no record has any more, whose magazines are empty.
    void free(int tag) {
        giveBackMagazines(tag); // where the kernel refuses, they are empty all the same
        lock.lock();
        try {
            caches.set(tag, null);
            free[freeCount++] = tag;
        } finally {
            lock.unlock();
        }
    }

    /// The cache with number `tag`, or null.
    @Nullable
    C get(int tag) {
        AtomicReferenceArray<@Nullable C> all = caches;
        return tag > 0 && tag < all.length() ? all.get(tag) : null;
    }
}
