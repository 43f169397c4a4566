package malloc4j.internal.span;

import malloc4j.internal.memory.Bits;
import malloc4j.internal.region.PageGeometry;
import org.jspecify.annotations.Nullable;

/// A range of pages that one heap got from its source, and which of them are free.
///
/// ```
/// page      0   1   2   3   4   5   6   7  ...
/// free      0   0   1   1   1   1   0   1      1: in no span
/// dirty     0   0   1   1   0   0   0   0      1: free, and may hold the kernel's memory
/// idle      0   0   1   0   0   0   0   0      1: dirty, and was so when the purger last came by
///
/// group     | 0, 512 pages: longest | 1: longest | ...
///             the longest run of free pages that begins in it is no longer
/// ```
///
/// A search for a run looks only into groups that may have one: 32 for the largest extent that a heap grows by
/// itself. What a group has is an upper bound: giving and taking pages may raise it, and a search in vain brings it
/// down, below what was sought unless only the alignment was in the way. Giving and taking cost the words of one
/// run of free pages, however many runs there are; and no more than those given and some more where one range after
/// the other comes back, as in a purge.
///
/// Invariants, each checked by [#verify]:
/// 1. `idle` is within `dirty`, and `dirty` within `free`.
/// 2. `freeCount` and `dirtyCount` are the numbers of set bits.
/// 3. No run of free pages that begins in group `g` is longer than `longests[g]`, and none than `longestRun`.
/// 4. Every page at or after `usedEnd` is free, and not dirty.
/// 5. Pages from `runFrom` to `runTo` are free, and the one before is not, where there are any.
///
/// Concurrency: guarded by the lock of its [SpanShard].
final class Extent {
    private static final int GROUP_SHIFT = 9;
    private static final int GROUP_PAGES = 1 << GROUP_SHIFT;
    private static final int LOOKED_PAGES = 32 * GROUP_PAGES; // all of what a heap grows by itself

    private long base;
    final int pageCount;
    private final long[] free;
    private final long[] dirty;
    private final long[] idle;
    private int freeCount;
    private int dirtyCount;
    private final int[] longests;
    private int longestRun;
    private int usedEnd;
    private int runFrom; // from here to runTo all is free, and not what is before: where pages came back last
    private int runTo;
    private @Nullable Extents extents;
    private int index;

    /// One that lies nowhere yet, all free: [#place] follows.
    Extent(long byteSize) {
        this.pageCount = (int) (byteSize >>> PageGeometry.PAGE_SHIFT);
        this.free = new long[(pageCount + 63) >>> 6];
        this.dirty = new long[free.length];
        this.idle = new long[free.length];
        this.freeCount = pageCount;
        this.longestRun = pageCount;
        Bits.set(free, 0, pageCount);
        this.longests = new int[(pageCount + GROUP_PAGES - 1) >>> GROUP_SHIFT];
        this.longests[0] = pageCount;
    }

    /// Says where the extent lies. It makes no object.
    void place(long address) {
        base = address;
    }

    /// Says among which extents it is, null for none, and as which.
    void setExtents(@Nullable Extents all, int position) {
        extents = all;
        index = position;
    }

    int index() {
        return index;
    }

    /// The longest run of free pages is no longer.
    int longestRun() {
        return longestRun;
    }

    private void putLongestRun(int count) {
        longestRun = count;
        if (extents != null) {
            extents.noteLongestRun(index, count);
        }
    }

    long base() {
        return base;
    }

    long end() {
        return base + byteSize();
    }

    long byteSize() {
        return (long) pageCount << PageGeometry.PAGE_SHIFT;
    }

    boolean contains(long address) {
        return Long.compareUnsigned(address - base, byteSize()) < 0;
    }

    long address(int page) {
        return base + ((long) page << PageGeometry.PAGE_SHIFT);
    }

    int page(long address) {
        return (int) ((address - base) >>> PageGeometry.PAGE_SHIFT);
    }

    int freeCount() {
        return freeCount;
    }

    int dirtyCount() {
        return dirtyCount;
    }

    /// One past the highest page that was ever taken.
    int usedEnd() {
        return usedEnd;
    }

    /// The first page of the lowest free run of `count` pages whose address is a multiple of `alignmentPages`, or
    /// -1.
    int find(int count, int alignmentPages) {
        if (count > longestRun) {
            return -1;
        }
        int longest = 0;
        for (int group = 0; group < longests.length; group++) {
            if (longests[group] >= count) {
                int page = findInGroup(group, count, alignmentPages);
                if (page >= 0) {
                    return page;
                }
            }
            longest = Math.max(longest, longests[group]);
        }
        putLongestRun(longest);
        return -1;
    }

    /// As [#find], among the runs that begin in a group; brings its bound down when none will do.
    private int findInGroup(int group, int count, int alignmentPages) {
        int start = group << GROUP_SHIFT;
        int groupEnd = Math.min(start + GROUP_PAGES, pageCount);
        int page = Bits.nextRun(free, start, groupEnd, Math.min(count, Long.SIZE));
        int longest = 0;
        while (page < groupEnd) {
            int end = runEnd(page);
            int aligned = align(page, alignmentPages);
            if (end - aligned >= count) {
                return aligned;
            }
            longest = Math.max(longest, end - page);
            page = Bits.nextRun(free, end, groupEnd, Math.min(count, Long.SIZE));
        }
        longests[group] = Math.max(longest, Math.min(count, Long.SIZE) - 1);
        return -1;
    }

    /// The end of the run of free pages that `page` is in.
    private int runEnd(int page) {
        int end = Bits.nextClear(free, page, usedEnd);
        return end == usedEnd ? pageCount : end;
    }

    /// Notes a run of free pages that begins at `page` and goes at least to `known`. One that goes on for long counts
    /// as if it went to the end.
    private void noteRun(int page, int known) {
        int limit = Math.min(usedEnd, known + LOOKED_PAGES);
        int end = Bits.nextClear(free, known, limit);
        int length = (end == limit ? pageCount : end) - page;
        int group = page >>> GROUP_SHIFT;
        longests[group] = Math.max(longests[group], length);
        if (length > longestRun) {
            putLongestRun(length);
        }
    }

    private int align(int page, int alignmentPages) {
        long address = Bits.alignUp(address(page), (long) alignmentPages << PageGeometry.PAGE_SHIFT);
        return (int) Math.min(Integer.MAX_VALUE / 2, (address - base) >>> PageGeometry.PAGE_SHIFT);
    }

    /// Whether the pages of `[from, to)` lie in this extent and are free.
    boolean isFree(int from, int to) {
        return to <= pageCount && Bits.nextClear(free, from, to) == to;
    }

    /// How many pages of `[from, to)` are dirty.
    int countDirty(int from, int to) {
        return dirtyCount == 0 ? 0 : Bits.count(dirty, from, to);
    }

    /// Takes free pages; they are no longer dirty, whoever takes them may write.
    void take(int from, int to) {
        dirtyCount -= countDirty(from, to);
        Bits.clear(free, from, to);
        Bits.clear(dirty, from, to);
        Bits.clear(idle, from, to);
        freeCount -= to - from;
        if (from < runTo && runFrom < to) {
            runTo = Math.max(runFrom, from);
        }
        usedEnd = Math.max(usedEnd, to);
        if (to < pageCount && Bits.get(free, to)) {
            noteRun(to, to);
        }
    }

    /// Makes taken pages free.
    void give(int from, int to, boolean areDirty) {
        Bits.set(free, from, to);
        freeCount += to - from;
        if (areDirty) {
            Bits.set(dirty, from, to);
            dirtyCount += to - from;
        }
        boolean isNext = runFrom < runTo && runTo == from;
        runFrom = isNext ? runFrom : Bits.runStart(free, from);
        runTo = to;
        noteRun(runFrom, to);
    }

    /// Lets the next visit purge pages that have just become free, and are dirty.
    void markIdle(int from, int to) {
        Bits.set(idle, from, to);
    }

    /// The first page at or after `from` that begins a run to purge: dirty, and idle unless `all`. [#pageCount] if
    /// none.
    int nextPurgeable(int from, boolean all) {
        return Bits.nextSet(all ? dirty : idle, from, pageCount);
    }

    /// The end of the run to purge that begins at `from`, or `limit` where that comes first.
    int purgeableEnd(int from, int limit, boolean all) {
        return Bits.nextClear(all ? dirty : idle, from, Math.min(limit, pageCount));
    }

    /// Notes what is dirty now, so that the next visit can tell what has stayed so. Returns whether that is more than
    /// it was.
    boolean markIdle() {
        boolean more = false;
        for (int word = 0; word < dirty.length; word++) {
            more |= dirty[word] != idle[word];
            idle[word] = dirty[word];
        }
        return more;
    }

    ExtentPages pages() {
        return new ExtentPages(base, pageCount, free.clone(), dirty.clone());
    }

    void verify() {
        for (int word = 0; word < free.length; word++) {
            check((idle[word] & ~dirty[word]) == 0, "an idle page is not dirty");
            check((dirty[word] & ~free[word]) == 0, "a dirty page is not free");
        }
        check(freeCount == Bits.count(free, 0, pageCount), "freeCount is wrong");
        check(dirtyCount == Bits.count(dirty, 0, pageCount), "dirtyCount is wrong");
        check(Bits.count(free, usedEnd, pageCount) == pageCount - usedEnd, "a page after usedEnd is not free");
        check(
                runFrom >= runTo || (Bits.runStart(free, runTo) == runFrom && isFree(runFrom, runTo)),
                "runFrom is not where a run begins");
        check(Bits.count(dirty, usedEnd, pageCount) == 0, "a page after usedEnd is dirty");
        int page = Bits.nextSet(free, 0, pageCount);
        while (page < pageCount) {
            int end = Bits.nextClear(free, page, pageCount);
            check(end - page <= longests[page >>> GROUP_SHIFT], "a run is longer than its group's longest");
            check(end - page <= longestRun, "a run is longer than longestRun");
            page = Bits.nextSet(free, end, pageCount);
        }
    }

    private void check(boolean condition, String message) {
        if (!condition) {
            throw new AssertionError("extent 0x" + Long.toHexString(base) + ": " + message);
        }
    }
}
