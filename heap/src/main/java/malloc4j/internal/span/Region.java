package malloc4j.internal.span;

import java.util.Arrays;
import malloc4j.internal.memory.Bits;
import malloc4j.internal.region.PageMap;

/// A range of pages that one heap got from its source, and which of them are free.
///
/// ```
/// page      0   1   2   3   4   5   6   7  ...
/// free      0   0   1   1   1   1   0   1      1: in no span
/// dirty     0   0   1   1   0   0   0   0      1: free, and may hold the kernel's memory
/// idle      0   0   1   0   0   0   0   0      1: dirty, and was so when the purger last came by
///
/// group     | 0, 512 pages: head, longest, tail | 1: head, longest, tail | ...
///             its free pages at its beginning, in its longest run, at its end
/// ```
///
/// A search for a run looks at the groups, and only into those that can have one: 32 for the largest region that a
/// heap grows by itself.
///
/// Invariants, each checked by [#verify]:
/// 1. `idle` is within `dirty`, and `dirty` within `free`.
/// 2. `freeCount` and `dirtyCount` are the numbers of set bits.
/// 3. No run of free pages is longer than `longestRun`, which is an upper bound.
/// 4. `heads`, `longests` and `tails` are those of each group's bits of `free`.
///
/// Concurrency: guarded by the lock of [Spans].
final class Region {
    private static final int GROUP_SHIFT = 9;
    private static final int GROUP_PAGES = 1 << GROUP_SHIFT;

    final long base;
    final int pageCount;
    private final long[] free;
    private final long[] dirty;
    private final long[] idle;
    private int freeCount;
    private int dirtyCount;
    private final int[] heads;
    private final int[] longests;
    private final int[] tails;
    private int longestRun;
    private int usedEnd;

    Region(long base, long byteSize) {
        this.base = base;
        this.pageCount = (int) (byteSize >>> PageMap.PAGE_SHIFT);
        this.free = new long[(pageCount + 63) >>> 6];
        this.dirty = new long[free.length];
        this.idle = new long[free.length];
        this.freeCount = pageCount;
        this.longestRun = pageCount;
        Bits.set(free, 0, pageCount);
        int groups = (pageCount + GROUP_PAGES - 1) >>> GROUP_SHIFT;
        this.heads = new int[groups];
        this.longests = new int[groups];
        this.tails = new int[groups];
        summarize(0, pageCount);
    }

    /// Brings the groups that have pages of `[from, to)` up to date.
    private void summarize(int from, int to) {
        for (int group = from >>> GROUP_SHIFT; group <= (to - 1) >>> GROUP_SHIFT; group++) {
            int start = group << GROUP_SHIFT;
            int end = Math.min(start + GROUP_PAGES, pageCount);
            int runEnd = Bits.nextClear(free, start, end);
            heads[group] = runEnd - start;
            int longest = runEnd - start;
            int last = longest;
            while (runEnd < end) {
                int run = Bits.nextSet(free, runEnd, end);
                runEnd = Bits.nextClear(free, run, end);
                last = runEnd - run;
                longest = Math.max(longest, last);
            }
            longests[group] = longest;
            tails[group] = Bits.get(free, end - 1) ? last : 0;
        }
    }

    long byteSize() {
        return (long) pageCount << PageMap.PAGE_SHIFT;
    }

    boolean contains(long address) {
        return Long.compareUnsigned(address - base, byteSize()) < 0;
    }

    long address(int page) {
        return base + ((long) page << PageMap.PAGE_SHIFT);
    }

    int page(long address) {
        return (int) ((address - base) >>> PageMap.PAGE_SHIFT);
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
        int before = 0; // free pages right before the group
        for (int group = 0; group < heads.length; group++) {
            int start = group << GROUP_SHIFT;
            int joined = before + heads[group];
            longest = Math.max(longest, Math.max(joined, longests[group]));
            if (joined >= count || longests[group] >= count) {
                int page = findFrom(start - before, start + GROUP_PAGES, count, alignmentPages);
                if (page >= 0) {
                    return page;
                }
            }
            before = heads[group] == GROUP_PAGES ? joined : tails[group];
        }
        longestRun = longest;
        return -1;
    }

    /// As [#find], among the runs that begin at a page of `[from, to)`.
    private int findFrom(int from, int to, int count, int alignmentPages) {
        int page = Bits.nextSet(free, from, pageCount);
        while (page < Math.min(to, pageCount)) {
            int end = Bits.nextClear(free, page, pageCount);
            int aligned = align(page, alignmentPages);
            if (end - aligned >= count) {
                return aligned;
            }
            page = Bits.nextSet(free, end, pageCount);
        }
        return -1;
    }

    private int align(int page, int alignmentPages) {
        long address = Bits.alignUp(address(page), (long) alignmentPages << PageMap.PAGE_SHIFT);
        return (int) Math.min(Integer.MAX_VALUE / 2, (address - base) >>> PageMap.PAGE_SHIFT);
    }

    /// Whether the pages of `[from, to)` lie in this region and are free.
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
        summarize(from, to);
        freeCount -= to - from;
        usedEnd = Math.max(usedEnd, to);
    }

    /// Makes taken pages free.
    void give(int from, int to, boolean areDirty) {
        Bits.set(free, from, to);
        summarize(from, to);
        freeCount += to - from;
        if (areDirty) {
            Bits.set(dirty, from, to);
            dirtyCount += to - from;
        }
        int start = Bits.runStart(free, from);
        longestRun = Math.max(longestRun, Bits.nextClear(free, to, pageCount) - start);
    }

    /// The first page at or after `from` that begins a run to purge: dirty, and idle unless `all`. [#pageCount] if
    /// none.
    int nextPurgeable(int from, boolean all) {
        return Bits.nextSet(all ? dirty : idle, from, pageCount);
    }

    int purgeableEnd(int from, boolean all) {
        return Bits.nextClear(all ? dirty : idle, from, pageCount);
    }

    /// Notes what is dirty now, so that the next visit can tell what has stayed so.
    void markIdle() {
        System.arraycopy(dirty, 0, idle, 0, dirty.length);
    }

    void verify() {
        for (int word = 0; word < free.length; word++) {
            check((idle[word] & ~dirty[word]) == 0, "an idle page is not dirty");
            check((dirty[word] & ~free[word]) == 0, "a dirty page is not free");
        }
        check(freeCount == Bits.count(free, 0, pageCount), "freeCount is wrong");
        check(dirtyCount == Bits.count(dirty, 0, pageCount), "dirtyCount is wrong");
        int page = Bits.nextSet(free, 0, pageCount);
        while (page < pageCount) {
            int end = Bits.nextClear(free, page, pageCount);
            check(end - page <= longestRun, "a run is longer than longestRun");
            page = Bits.nextSet(free, end, pageCount);
        }
        verifyGroups();
    }

    private void verifyGroups() {
        int[][] kept = {heads.clone(), longests.clone(), tails.clone()};
        summarize(0, pageCount);
        check(
                Arrays.equals(kept[0], heads) && Arrays.equals(kept[1], longests) && Arrays.equals(kept[2], tails),
                "a group is not up to date");
    }

    private void check(boolean condition, String message) {
        if (!condition) {
            throw new AssertionError("region 0x" + Long.toHexString(base) + ": " + message);
        }
    }
}
