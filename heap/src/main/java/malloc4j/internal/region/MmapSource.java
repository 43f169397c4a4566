package malloc4j.internal.region;

import malloc4j.internal.os.Errno;
import malloc4j.internal.os.Linux;
import malloc4j.internal.os.MemoryCalls;
import malloc4j.internal.os.Mutex;

/// Private anonymous memory of the main zone: reserved once, committed by `mprotect`, given back by mapping
/// `PROT_NONE` over it. Optionally asks for huge pages, transparent ones by advice or ones of the kernel's pool.
public final class MmapSource implements PageSource {
    /// Which pages to ask for.
    public enum Pages {
        /// What the kernel uses by itself.
        DEFAULT,
        /// Transparent huge pages, asked for by `MADV_HUGEPAGE`; without them normal pages.
        TRANSPARENT_HUGE,
        /// Pages of the kernel's pool by `MAP_HUGETLB`; where the pool is empty, transparent huge pages.
        POOL_HUGE
    }

    private static final int READ_WRITE = Linux.PROT_READ | Linux.PROT_WRITE;
    private static final String RESERVED_RIGHTS = "---p";
    private static final String COMMITTED_RIGHTS = "rw-p";
    private static final int POOL = Linux.MAP_PRIVATE | Linux.MAP_ANONYMOUS | Linux.MAP_HUGETLB;

    private final MemoryCalls calls;
    private final MappingBudget mappings;
    private final Pages pages;
    private final Mutex poolLock = new Mutex();
    private final Ranges poolRanges = new Ranges(); // of pages of the pool: bytes, by address; under the lock

    /// What [#poolHas] took and could not give back yet, none when `probeBytes` is 0.
    private long probe;

    private long probeBytes;

    public MmapSource(Ground ground, Pages pages) {
        this.calls = ground.calls();
        this.mappings = ground.mappings();
        this.pages = pages;
    }

    @Override
    public long acquire(long byteSize) {
        if (pages == Pages.POOL_HUGE) {
            reservePool();
        }
        if (!mappings.tryAcquire()) {
            return -Errno.ENOSPC;
        }
        long address = ChunkMap.main().allocateRange(calls, byteSize);
        if (Errno.isError(address)) {
            mappings.release();
            return address;
        }
        boolean fromPool = pages == Pages.POOL_HUGE && poolHas(byteSize);
        if (fromPool && mapFromPool(address, byteSize)) {
            return address;
        }
        if (fromPool
                && FixedMapping.stateAfterRefusal(calls, address, byteSize, RESERVED_RIGHTS) == FixedMapping.LOST) {
            ChunkMap.main().loseRange(address, byteSize);
            mappings.release();
            return -Errno.ENOMEM;
        }
        long result = commit(address, byteSize);
        if (result < 0) {
            ChunkMap.main().freeRange(address, byteSize);
            mappings.release();
            return result;
        }
        return address;
    }

    /// Whether the pool has `byteSize` to give, found out by taking it, somewhere else than where it is wanted.
    private boolean poolHas(long byteSize) {
        if (probeBytes > 0 && calls.munmap(probe, probeBytes) < 0) {
            return false;
        }
        probeBytes = 0;
        long mapped = calls.mmap(0, byteSize, READ_WRITE, POOL, -1, 0);
        if (Errno.isError(mapped)) {
            return false;
        }
        probe = mapped;
        probeBytes = calls.munmap(mapped, byteSize) < 0 ? byteSize : 0;
        return probeBytes == 0;
    }

    private boolean mapFromPool(long address, long byteSize) {
        if (calls.mmap(address, byteSize, READ_WRITE, POOL | Linux.MAP_FIXED, -1, 0) != address) {
            return false;
        }
        poolLock.lock();
        poolRanges.put(address, byteSize);
        poolLock.unlock();
        return true;
    }

    private long commit(long address, long byteSize) {
        long result = Errno.passedOn(calls.mprotect(address, byteSize, READ_WRITE), Errno.ENOMEM);
        if (result == 0 && pages != Pages.DEFAULT) {
            calls.madvise(address, byteSize, Linux.MADV_HUGEPAGE); // advice only: a kernel without THP refuses it
        }
        return result;
    }

    @Override
    public long release(long address, long byteSize) {
        long cleared = ChunkMap.main().clearRecords(calls, address, byteSize);
        if (cleared < 0) {
            return cleared;
        }
        if (!mappings.mayUnmap() && !isOfPool(address)) {
            return keep(address, byteSize);
        }
        long reserved = FixedMapping.reserve(calls, address, byteSize);
        int state = Errno.isError(reserved)
                ? FixedMapping.stateAfterRefusal(calls, address, byteSize, COMMITTED_RIGHTS)
                : FixedMapping.RESERVED;
        boolean isLockLimit = reserved == -Errno.EAGAIN; // mlockall(MCL_FUTURE): a new mapping would pass the limit
        if (state == FixedMapping.UNCHANGED && !(isLockLimit && decommit(address, byteSize))) {
            return reserved;
        }
        forgetPool(address);
        if (state == FixedMapping.LOST) {
            ChunkMap.main().loseRange(address, byteSize);
        } else {
            ChunkMap.main().freeRange(address, byteSize);
        }
        mappings.release();
        return 0;
    }

    /// Gives the memory back and the range to the zone, readable and writable as it is: without rights it would be a
    /// mapping of its own.
    private long keep(long address, long byteSize) {
        long result = Discard.pages(calls, address, byteSize);
        if (result == 0) {
            ChunkMap.main().freeRange(address, byteSize);
            mappings.releaseKept();
        }
        return result;
    }

    /// The other way to reserve a range again, which cannot leave a hole. It is the second, since the kernel goes on
    /// counting the range as memory that it has promised. Not for pages of the pool, which stay ones of the pool.
    private boolean decommit(long address, long byteSize) {
        return !isOfPool(address)
                && Discard.pages(calls, address, byteSize) == 0
                && calls.mprotect(address, byteSize, Linux.PROT_NONE) == 0;
    }

    @Override
    public long close() {
        long result = probeBytes == 0 ? 0 : calls.munmap(probe, probeBytes);
        if (result == 0) {
            probeBytes = 0;
        }
        return result;
    }

    /// Makes room for one more; one thread at a time acquires.
    private void reservePool() {
        poolLock.lock();
        try {
            poolRanges.reserve(poolRanges.count() + 1);
        } finally {
            poolLock.unlock();
        }
    }

    private boolean isOfPool(long address) {
        if (pages != Pages.POOL_HUGE) {
            return false;
        }
        poolLock.lock();
        try {
            int index = poolRanges.floor(address);
            return index >= 0 && address < poolRanges.key(index) + poolRanges.value(index);
        } finally {
            poolLock.unlock();
        }
    }

    private void forgetPool(long address) {
        poolLock.lock();
        try {
            int index = poolRanges.floor(address);
            if (index >= 0 && poolRanges.key(index) == address) {
                poolRanges.removeAt(index);
            }
        } finally {
            poolLock.unlock();
        }
    }

    @Override
    public long purge(long address, long byteSize) {
        if (!isOfPool(address)) {
            return Discard.pages(calls, address, byteSize);
        }
        if (((address | byteSize) & (Zone.GRANULE_BYTES - 1)) != 0) {
            return -Errno.EINVAL; // as the kernel would: a page of the pool goes back whole
        }
        return calls.madvise(address, byteSize, Linux.MADV_DONTNEED);
    }
}
