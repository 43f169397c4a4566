package malloc4j.internal.span;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/// The extents of one shard, in address order, and over them a tree that leads to the first with a run of free pages
/// that is long enough.
///
/// ```
///   longests            [1] 900                      each node: the longest run that an extent below may have,
///                 [2] 512       [3] 900              Extent.longestRun at the leaves, 0 where there is no extent
///              [4] 512 [5] 17  [6] 900 [7] 0
///   extents      0       1       2
/// ```
///
/// A search goes down from the root, and after an extent that had none on to the next: some steps for each doubling of
/// the number of extents, where a heap of 4 GiB has some 70.
///
/// Invariants, each checked by [#verify]:
/// 1. Extents do not overlap, and each knows its index.
/// 2. A leaf is its extent's `longestRun`, and each other node the greater of the two below it.
///
/// Concurrency: guarded by the lock of the [SpanShard].
final class Extents {
    private @Nullable Extent[] extents = new @Nullable Extent[1];
    private int[] longests = new int[2];
    private int size;

    int size() {
        return size;
    }

    Extent get(int index) {
        Extent extent = extents[index];
        if (extent == null) {
            throw new AssertionError("no extent has index " + index);
        }
        return extent;
    }

    /// Makes room for one more extent, so that the next [#add] makes no object.
    void makeRoom() {
        if (size == extents.length) {
            int[] wider = new int[4 * size];
            extents = Arrays.copyOf(extents, 2 * size);
            longests = wider;
            renumber(0);
        }
    }

    /// Adds an extent that lies somewhere. After [#makeRoom].
    void add(Extent extent) {
        int index = indexFrom(extent.base());
        System.arraycopy(extents, index, extents, index + 1, size - index);
        extents[index] = extent;
        size++;
        renumber(index);
    }

    void remove(int index) {
        get(index).setExtents(null, 0);
        size--;
        System.arraycopy(extents, index + 1, extents, index, size - index);
        extents[size] = null;
        renumber(index);
    }

    /// Extents from `from` on have other indices now.
    private void renumber(int from) {
        for (int index = from; index < extents.length; index++) {
            Extent extent = extents[index];
            if (extent != null) {
                extent.setExtents(this, index);
            }
            longests[extents.length + index] = extent == null ? 0 : extent.longestRun();
        }
        for (int node = extents.length - 1; node > 0; node--) {
            longests[node] = greater(node);
        }
    }

    private int greater(int node) {
        return Math.max(longests[2 * node], longests[2 * node + 1]);
    }

    /// Notes how long the longest run of the extent with an index may be now.
    void noteLongestRun(int index, int pageCount) {
        int node = extents.length + index;
        longests[node] = pageCount;
        for (node >>= 1; node > 0; node >>= 1) {
            int greater = greater(node);
            if (longests[node] == greater) {
                return;
            }
            longests[node] = greater;
        }
    }

    /// The index of the first extent from `from` on that may have a run of `pageCount` pages; [#size] if none.
    int firstWith(int pageCount, int from) {
        int node = extents.length + from;
        if (from >= size) {
            return size;
        }
        while (longests[node] < pageCount) {
            while ((node & 1) != 0) { // it is the right one of two, or the root
                node >>= 1;
                if (node <= 1) {
                    return size;
                }
            }
            node++;
        }
        while (node < extents.length) {
            node *= 2;
            node += longests[node] < pageCount ? 1 : 0;
        }
        return node - extents.length;
    }

    /// The index of the first extent that does not end at or before `address`.
    int indexFrom(long address) {
        int low = 0;
        int high = size;
        while (low < high) {
            int middle = (low + high) >>> 1;
            if (get(middle).end() <= address) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        return low;
    }

    /// Checks the invariants of the class header, and those of each extent.
    void verify() {
        long end = 0;
        for (int index = 0; index < extents.length; index++) {
            Extent extent = extents[index];
            check((extent != null) == index < size, "size is wrong");
            int longest = 0;
            if (extent != null) {
                extent.verify();
                check(extent.base() >= end, "extents overlap or are out of order");
                check(extent.index() == index, "an extent has another index");
                end = extent.end();
                longest = extent.longestRun();
            }
            check(longests[extents.length + index] == longest, "a leaf is not its extent's longest run");
        }
        for (int node = extents.length - 1; node > 0; node--) {
            check(longests[node] == greater(node), "a node is not the greater of those below");
        }
    }

    private static void check(boolean condition, String message) {
        if (!condition) {
            throw new AssertionError("extents: " + message);
        }
    }
}
