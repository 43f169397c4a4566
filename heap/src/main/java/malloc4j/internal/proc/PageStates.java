package malloc4j.internal.proc;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.jspecify.annotations.Nullable;

/// Which pages of a process are in memory and which are swapped out, by `/proc/PID/pagemap`: one word a page, of
/// which anybody who may read the file is told the two bits used here.
///
/// @source [proc_pid_pagemap(5)](https://man7.org/linux/man-pages/man5/proc_pid_pagemap.5.html);
///     `Documentation/admin-guide/mm/pagemap.rst`
final class PageStates implements AutoCloseable {
    private static final long PRESENT = 1L << 63;
    private static final long SWAPPED = 1L << 62;
    private static final int STEP_PAGES = 1 << 16;
    private static final int WINDOW_PAGES = 1 << 12;

    private final @Nullable RandomAccessFile pagemap;
    private final int pageShift;
    private final ByteBuffer window = ByteBuffer.allocate(WINDOW_PAGES * Long.BYTES)
            .order(ByteOrder.nativeOrder())
            .limit(0);
    private long windowPage;

    /// How many pages of a range are in memory, and how many in swap.
    record Count(long present, long swapped) {}

    private PageStates(@Nullable RandomAccessFile pagemap, int pageShift) {
        this.pagemap = pagemap;
        this.pageShift = pageShift;
    }

    /// Of the process with this directory; one that knows nothing where it may not be asked.
    static PageStates open(SystemFiles files, String directory, long pageBytes) {
        int pageShift = Long.numberOfTrailingZeros(pageBytes);
        try {
            return new PageStates(files.openAnywhere(directory + "/pagemap"), pageShift);
        } catch (IOException refused) {
            return new PageStates(null, pageShift);
        }
    }

    boolean isKnown() {
        return pagemap != null;
    }

    boolean isPresent(long address) {
        Count count = count(address & -(1L << pageShift), 1L << pageShift);
        return count != null && count.present() == 1;
    }

    /// The first address from `address` on, at most `limit`, where a page begins, or goes on, that is in memory or in
    /// swap, or one that is not. Where nothing tells, all pages are.
    long next(long address, long limit, boolean isTouched) {
        long at = address;
        while (at < limit && isTouched(at >>> pageShift, limit) != isTouched) {
            at = ((at >>> pageShift) + 1) << pageShift;
        }
        return Math.min(at, limit);
    }

    private boolean isTouched(long page, long limit) {
        if (page < windowPage || page >= windowPage + window.limit() / Long.BYTES) {
            fillWindow(page, limit);
        }
        int place = (int) (page - windowPage) * Long.BYTES;
        return place >= window.limit() || (window.getLong(place) & (PRESENT | SWAPPED)) != 0;
    }

    private void fillWindow(long page, long limit) {
        long pages = Math.min(WINDOW_PAGES, ((limit - 1) >>> pageShift) + 1 - page);
        int length = 0;
        if (pagemap != null) {
            try {
                int bytes = (int) pages * Long.BYTES;
                length = SystemFiles.readAt(pagemap, page * Long.BYTES, window.array(), bytes) & -Long.BYTES;
            } catch (IOException ended) {
                length = 0;
            }
        }
        windowPage = page;
        window.limit(length);
    }

    /// Counts the pages of a range; null where nothing tells.
    @Nullable
    Count count(long address, long byteSize) {
        if (pagemap == null) {
            return null;
        }
        long present = 0;
        long swapped = 0;
        long page = address >>> pageShift;
        long end = page + (byteSize >>> pageShift);
        ByteBuffer words = ByteBuffer.allocate((int) Math.min(STEP_PAGES, end - page) * Long.BYTES)
                .order(ByteOrder.nativeOrder());
        while (page < end) {
            words.clear().limit((int) Math.min(words.capacity(), (end - page) * Long.BYTES));
            try {
                if (SystemFiles.readAt(pagemap, page * Long.BYTES, words.array(), words.limit()) < words.limit()) {
                    return null;
                }
            } catch (IOException ended) {
                return null;
            }
            page += words.limit() / Long.BYTES;
            while (words.hasRemaining()) {
                long word = words.getLong();
                present += word >>> 63;
                swapped += (word & (PRESENT | SWAPPED)) == SWAPPED ? 1 : 0;
            }
        }
        return new Count(present, swapped);
    }

    @Override
    public void close() throws IOException {
        if (pagemap != null) {
            pagemap.close();
        }
    }
}
