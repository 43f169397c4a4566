package malloc4j.internal.proc;

import java.util.Collection;
import java.util.Map;
import java.util.TreeMap;
import malloc4j.observe.AreaKind;

/// Who says that a range of addresses is whose. The first to label an address has it: a later label gets what is
/// left of its range. So the surest sources speak first, and every byte has one owner at most.
///
/// Invariants: labels do not overlap, and consist of whole pages.
final class Labels {
    private final long pageBytes;
    private final TreeMap<Long, Label> byStart = new TreeMap<>();

    /// One labelled range, `[start, end)`.
    record Label(long start, long end, AreaKind kind, String owner, String detail) {}

    Labels(long pageBytes) {
        this.pageBytes = pageBytes;
    }

    /// Labels what nobody has of the pages that `[first, last)` touches; nothing if that is empty, or not in the
    /// lower half of the address space, where programs are.
    void add(long first, long last, AreaKind kind, String owner, String detail) {
        if (first < 0 || last <= first) {
            return;
        }
        long from = first & -pageBytes;
        long end = (last + pageBytes - 1) & -pageBytes;
        Map.Entry<Long, Label> below = byStart.floorEntry(from);
        if (below != null) {
            from = Math.max(from, below.getValue().end());
        }
        while (from < end) {
            Map.Entry<Long, Label> next = byStart.ceilingEntry(from);
            long to = next == null ? end : Math.min(end, next.getKey());
            if (from < to) {
                byStart.put(from, new Label(from, to, kind, owner, detail));
            }
            from = next == null ? end : next.getValue().end();
        }
    }

    /// Whether any byte of `[start, end)` is labelled.
    boolean touches(long start, long end) {
        Map.Entry<Long, Label> below = byStart.lowerEntry(end);
        return below != null && below.getValue().end() > start;
    }

    /// Where the first label ends that ends above `address`, at most `limit`.
    long nextEnd(long address, long limit) {
        Map.Entry<Long, Label> at = byStart.floorEntry(address);
        if (at == null || at.getValue().end() <= address) {
            at = byStart.higherEntry(address);
        }
        return at == null ? limit : Math.min(limit, at.getValue().end());
    }

    /// Every label, in address order.
    Collection<Label> inOrder() {
        return byStart.values();
    }
}
