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

    private final SystemCalls calls;
    private final Pages pages;
    private final NavigableMap<Long, Long> poolRanges = new ConcurrentSkipListMap<>();

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
        long result = commit(address, byteSize);
        if (result < 0) {
            PageMap.main().freeRange(calls, address, byteSize);
            MappingBudget.release();
            return result;
        }
        return address;
    }

    private long commit(long address, long byteSize) {
        int readWrite = Linux.PROT_READ | Linux.PROT_WRITE;
        if (pages == Pages.POOL_HUGE) {
            int flags = Linux.MAP_PRIVATE | Linux.MAP_ANONYMOUS | Linux.MAP_FIXED | Linux.MAP_HUGETLB;
            long mapped = calls.mmap(address, byteSize, readWrite, flags, -1, 0);
            if (mapped == address) {
                poolRanges.put(address, byteSize);
                return 0;
            }
            // A refused MAP_FIXED may have removed what was there before.
            long restored = calls.mmap(address, byteSize, Linux.PROT_NONE, RESERVED, -1, 0);
            if (Errno.isError(restored)) {
                return restored;
            }
        }
        long result = calls.mprotect(address, byteSize, readWrite);
        if (result == 0 && pages != Pages.DEFAULT) {
            calls.madvise(address, byteSize, Linux.MADV_HUGEPAGE); // advice only: a kernel without THP refuses it
        }
        return result;
    }

    @Override
    public long release(long address, long byteSize) {
        long mapped = calls.mmap(address, byteSize, Linux.PROT_NONE, RESERVED, -1, 0);
        if (Errno.isError(mapped)) {
            return mapped;
        }
        poolRanges.remove(address);
        long result = PageMap.main().freeRange(calls, address, byteSize);
        if (result == 0) {
            MappingBudget.release();
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
