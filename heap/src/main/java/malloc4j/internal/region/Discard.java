package malloc4j.internal.region;

import malloc4j.internal.os.Errno;
import malloc4j.internal.os.Linux;
import malloc4j.internal.os.MemoryCalls;

/// Gives the pages of private anonymous memory back to the kernel and keeps their addresses; they read zero again.
///
/// Pages that the program has locked, by `mlock` or all of them by `mlockall`, go as well and stay locked: they are
/// locked again when they are next touched. `MADV_DONTNEED` refuses them, `MADV_DONTNEED_LOCKED` does not. Before Linux
/// 5.18, which has it, each page is unlocked, given back, and locked again for its next touch.
final class Discard {
    private Discard() {}

    /// Returns 0, or minus errno, and then some of the pages may have gone.
    static long pages(MemoryCalls calls, long address, long byteSize) {
        long result = calls.madvise(address, byteSize, Linux.MADV_DONTNEED);
        if (result == -Errno.EINVAL) {
            result = calls.madvise(address, byteSize, Linux.MADV_DONTNEED_LOCKED);
        }
        return result == -Errno.EINVAL ? lockedPages(calls, address, byteSize) : result;
    }

    /// One page at a time, since only those that are locked may be locked again.
    private static long lockedPages(MemoryCalls calls, long address, long byteSize) {
        for (long page = address; page < address + byteSize; page += PageGeometry.PAGE_BYTES) {
            long result = calls.madvise(page, PageGeometry.PAGE_BYTES, Linux.MADV_DONTNEED);
            if (result == -Errno.EINVAL) {
                result = lockedPage(calls, page);
            }
            if (result < 0) {
                return result;
            }
        }
        return 0;
    }

    private static long lockedPage(MemoryCalls calls, long page) {
        long unlocked = calls.munlock(page, PageGeometry.PAGE_BYTES);
        if (unlocked < 0) {
            return unlocked;
        }
        long result = calls.madvise(page, PageGeometry.PAGE_BYTES, Linux.MADV_DONTNEED);
        calls.mlock2(page, PageGeometry.PAGE_BYTES, Linux.MLOCK_ONFAULT); // it was locked: the limit has room for it
        return result;
    }
}
