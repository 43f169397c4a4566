package malloc4j.internal.region;

import java.util.Map;
import java.util.NavigableMap;
import java.util.concurrent.ConcurrentSkipListMap;
import malloc4j.internal.os.Errno;
import malloc4j.internal.os.Linux;
import malloc4j.internal.os.SystemCalls;

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

    private static final int RESERVED = Linux.MAP_PRIVATE | Linux.MAP_ANONYMOUS | Linux.MAP_NORESERVE | Linux.MAP_FIXED;

    private static final int READ_WRITE = Linux.PROT_READ | Linux.PROT_WRITE;
    private static final int POOL = Linux.MAP_PRIVATE | Linux.MAP_ANONYMOUS | Linux.MAP_HUGETLB;

    private final SystemCalls calls;
    private final Pages pages;
    private final NavigableMap<Long, Long> poolRanges = new ConcurrentSkipListMap<>();

    /// What [#poolHas] took and could not give back yet, none when `probeBytes` is 0.
    private long probe;

    private long probeBytes;

    public MmapSource(SystemCalls calls, Pages pages) {
        this.calls = calls;
        this.pages = pages;
    }

    @Override
    public long acquire(long byteSize) {
        if (!MappingBudget.tryAcquire()) {
            return -Errno.ENOSPC;
        }
        long address = PageMap.main().allocateRange(calls, byteSize);
        if (Errno.isError(address)) {
            MappingBudget.release();
            return address;
        }
        boolean fromPool = pages == Pages.POOL_HUGE && poolHas(byteSize);
        if (fromPool && mapFromPool(address, byteSize)) {
            return address;
        }
        // A refused MAP_FIXED may have removed what was there before. Where it cannot be put back the addresses are
        // forgotten: somebody else's memory may be there soon.
        if (fromPool && Errno.isError(reserve(address, byteSize))) {
            MappingBudget.release();
            return -Errno.ENOMEM;
        }
        long result = commit(address, byteSize);
        if (result < 0) {
            PageMap.main().freeRange(address, byteSize);
            MappingBudget.release();
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
        poolRanges.put(address, byteSize);
        return true;
    }

    private long reserve(long address, long byteSize) {
        return calls.mmap(address, byteSize, Linux.PROT_NONE, RESERVED, -1, 0);
    }

    private long commit(long address, long byteSize) {
        long result = calls.mprotect(address, byteSize, READ_WRITE);
        if (result == 0 && pages != Pages.DEFAULT) {
            calls.madvise(address, byteSize, Linux.MADV_HUGEPAGE); // advice only: a kernel without THP refuses it
        }
        return result;
    }

    @Override
    public long release(long address, long byteSize) {
        long cleared = PageMap.main().clearRecords(calls, address, byteSize);
        if (cleared < 0) {
            return cleared;
        }
        long reserved = reserve(address, byteSize);
        if (Errno.isError(reserved)) {
            return reserved;
        }
        poolRanges.remove(address);
        PageMap.main().freeRange(address, byteSize);
        MappingBudget.release();
        return 0;
    }

    @Override
    public long close() {
        long result = probeBytes == 0 ? 0 : calls.munmap(probe, probeBytes);
        if (result == 0) {
            probeBytes = 0;
        }
        return result;
    }

    @Override
    public long purge(long address, long byteSize) {
        Map.Entry<Long, Long> pool = poolRanges.floorEntry(address);
        boolean inPool = pool != null && address < pool.getKey() + pool.getValue();
        if (inPool && ((address | byteSize) & (Zone.GRANULE_BYTES - 1)) != 0) {
            return -Errno.EINVAL; // as the kernel would: a page of the pool goes back whole
        }
        return calls.madvise(address, byteSize, Linux.MADV_DONTNEED);
    }
}
