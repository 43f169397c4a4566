package malloc4j.linux;

import java.util.Arrays;

/// How many holders each address has, kept as the places where the number changes.
///
/// ```
///   holders     0      1         2       1          0
///          ─────────┼──────┼──────────┼──────┼───────────
///   starts          a      b          c      d
///   holders         1      2          1      0              [a, c) and [b, d) are held
/// ```
///
/// Adding a holder makes room for two changes, and for the two more that there are while it is removed: so removing
/// makes no object, and a lock can be given back when the Java heap is full.
///
/// Invariants, checked by [#verify]: no number is negative, neighbours differ, below the first and from the last
/// change on the number is 0; there are at most two changes for each holder. Not thread-safe: [MemoryLock] uses it
/// under its lock. An operation costs a search, and a step for each change inside the range and above it.
final class PageCounts {
    private static final int SPARE = 2;

    private long[] starts = new long[SPARE];
    private int[] holders = new int[SPARE];
    private int changes;
    private int ranges;

    /// Adds a holder of `[start, end)`. When there is no room for it on the Java heap, nothing has changed.
    void add(long start, long end) {
        reserve(2 * (ranges + 1) + SPARE);
        ranges++;
        change(start, end, 1);
    }

    /// Removes a holder of `[start, end)`, which was added.
    void remove(long start, long end) {
        ranges--;
        change(start, end, -1);
    }

    /// The first address in `[from, end)` that has one holder; `end` if there is none.
    long firstHeldOnce(long from, long end) {
        int index = floor(from);
        long at = from;
        while (at < end && (index < 0 || holders[index] != 1)) {
            index++;
            at = index < changes ? starts[index] : end;
        }
        return Math.min(at, end);
    }

    /// The end of the addresses from `from` on that have as many holders as that, or `end` if that is before.
    long endOfSame(long from, long end) {
        int next = floor(from) + 1;
        return next < changes ? Math.min(starts[next], end) : end;
    }

    /// At how many places the number changes: no fewer than there are ends of ranges that are held and meet no other.
    int changes() {
        return changes;
    }

    /// How many holders `address` has.
    int holders(long address) {
        int index = floor(address);
        return index < 0 ? 0 : holders[index];
    }

    void verify() {
        int before = 0;
        for (int index = 0; index < changes; index++) {
            boolean rises = index == 0 || starts[index] > starts[index - 1];
            if (!rises || holders[index] < 0 || holders[index] == before) {
                throw new AssertionError("no change at 0x" + Long.toHexString(starts[index]) + ": " + this);
            }
            before = holders[index];
        }
        if (before != 0 || changes > 2 * ranges) {
            throw new AssertionError(ranges + " holders, and held to the end of the address space: " + this);
        }
    }

    private void reserve(int capacity) {
        if (capacity > starts.length) {
            long[] moreStarts = Arrays.copyOf(starts, 2 * capacity);
            holders = Arrays.copyOf(holders, 2 * capacity);
            starts = moreStarts;
        }
    }

    private void change(long start, long end, int by) {
        int from = split(start);
        int to = split(end);
        for (int index = from; index < to; index++) {
            holders[index] += by;
        }
        join(to);
        join(from);
    }

    /// The index of the change at `address`; made where there is none.
    private int split(long address) {
        int below = floor(address);
        if (below >= 0 && starts[below] == address) {
            return below;
        }
        int index = below + 1;
        System.arraycopy(starts, index, starts, index + 1, changes - index);
        System.arraycopy(holders, index, holders, index + 1, changes - index);
        starts[index] = address;
        holders[index] = below < 0 ? 0 : holders[below];
        changes++;
        return index;
    }

    /// Removes a change that is none any more.
    private void join(int index) {
        if (holders[index] == (index == 0 ? 0 : holders[index - 1])) {
            System.arraycopy(starts, index + 1, starts, index, changes - index - 1);
            System.arraycopy(holders, index + 1, holders, index, changes - index - 1);
            changes--;
        }
    }

    /// The index of the last change at or below `address`, or -1.
    private int floor(long address) {
        int found = Arrays.binarySearch(starts, 0, changes, address);
        return found >= 0 ? found : -found - 2;
    }

    @Override
    public String toString() {
        StringBuilder text = new StringBuilder();
        for (int index = 0; index < changes; index++) {
            text.append("0x")
                    .append(Long.toHexString(starts[index]))
                    .append(':')
                    .append(holders[index])
                    .append(' ');
        }
        return text.toString();
    }
}
