package malloc4j.linux;

import java.util.ArrayList;
import java.util.List;
import java.util.NavigableMap;
import java.util.TreeMap;

/// How many holders each address has, kept as the places where the number changes.
///
/// ```
///   holders     0      1         2       1          0
///          ─────────┼──────┼──────────┼──────┼───────────
///   holdersFrom:   a→1    b→2        c→1    d→0              [a, c) and [b, d) are held
/// ```
///
/// Invariants, checked by [#verify]: no value is negative, neighbours differ, below the first and from the last key
/// on the number is 0. Not thread-safe: [MemoryLock] uses it under its lock. An operation costs a search, and a
/// step for each change inside the range.
final class PageCounts {
    /// A range of addresses, `[start, end)`.
    record Range(long start, long end) {}

    private final NavigableMap<Long, Integer> holdersFrom = new TreeMap<>();

    /// Adds a holder of `[start, end)`.
    void add(long start, long end) {
        split(start);
        split(end);
        holdersFrom.subMap(start, end).replaceAll((from, holders) -> holders + 1);
        join(start);
        join(end);
    }

    /// Removes a holder of `[start, end)`, which was added. Returns the ranges that nobody holds any more, lowest
    /// first.
    List<Range> remove(long start, long end) {
        split(start);
        split(end);
        List<Range> abandoned = new ArrayList<>();
        holdersFrom.subMap(start, end).replaceAll((from, holders) -> {
            if (holders == 1) {
                abandoned.add(new Range(from, holdersFrom.higherKey(from)));
            }
            return holders - 1;
        });
        join(start);
        join(end);
        return abandoned;
    }

    /// At how many places the number changes: no fewer than there are ends of ranges that are held and meet no other.
    int changes() {
        return holdersFrom.size();
    }

    /// How many holders `address` has.
    int holders(long address) {
        var change = holdersFrom.floorEntry(address);
        return change == null ? 0 : change.getValue();
    }

    void verify() {
        int before = 0;
        for (var change : holdersFrom.entrySet()) {
            if (change.getValue() < 0 || change.getValue() == before) {
                throw new AssertionError("no change at 0x" + Long.toHexString(change.getKey()) + ": " + holdersFrom);
            }
            before = change.getValue();
        }
        if (before != 0) {
            throw new AssertionError("held to the end of the address space: " + holdersFrom);
        }
    }

    private void split(long address) {
        holdersFrom.putIfAbsent(address, holders(address));
    }

    private void join(long address) {
        var below = holdersFrom.lowerEntry(address);
        int before = below == null ? 0 : below.getValue();
        holdersFrom.remove(address, before);
    }
}
