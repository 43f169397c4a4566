package malloc4j.internal.span;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/// The regions of one heap, in address order, and over them a tree that leads to the first with a run of free pages
/// that is long enough.
///
/// ```
///   longests            [1] 900                      each node: the longest run that a region below may have,
///                 [2] 512       [3] 900              Region.longestRun at the leaves, 0 where there is no region
///              [4] 512 [5] 17  [6] 900 [7] 0
///   regions      0       1       2
/// ```
///
/// A search goes down from the root, and after a region that had none on to the next: some steps for each doubling of
/// the number of regions, where a heap of 4 GiB has some 70.
///
/// Invariants, each checked by [#verify]:
/// 1. Regions do not overlap, and each knows its index.
/// 2. A leaf is its region's `longestRun`, and each other node the greater of the two below it.
///
/// Concurrency: guarded by the lock of [Spans].
final class Regions {
    private @Nullable Region[] regions = new @Nullable Region[1];
    private int[] longests = new int[2];
    private int size;

    int size() {
        return size;
    }

    Region get(int index) {
        Region region = regions[index];
        if (region == null) {
            throw new AssertionError("no region has index " + index);
        }
        return region;
    }

    /// Makes room for one more region, so that the next [#add] makes no object.
    void makeRoom() {
        if (size == regions.length) {
            int[] wider = new int[4 * size];
            regions = Arrays.copyOf(regions, 2 * size);
            longests = wider;
            renumber(0);
        }
    }

    /// Adds a region that lies somewhere. After [#makeRoom].
    void add(Region region) {
        int index = indexFrom(region.base());
        System.arraycopy(regions, index, regions, index + 1, size - index);
        regions[index] = region;
        size++;
        renumber(index);
    }

    void remove(int index) {
        get(index).setRegions(null, 0);
        size--;
        System.arraycopy(regions, index + 1, regions, index, size - index);
        regions[size] = null;
        renumber(index);
    }

    /// Regions from `from` on have other indices now.
    private void renumber(int from) {
        for (int index = from; index < regions.length; index++) {
            Region region = regions[index];
            if (region != null) {
                region.setRegions(this, index);
            }
            longests[regions.length + index] = region == null ? 0 : region.longestRun();
        }
        for (int node = regions.length - 1; node > 0; node--) {
            longests[node] = greater(node);
        }
    }

    private int greater(int node) {
        return Math.max(longests[2 * node], longests[2 * node + 1]);
    }

    /// Notes how long the longest run of the region with an index may be now.
    void noteLongestRun(int index, int pageCount) {
        int node = regions.length + index;
        longests[node] = pageCount;
        for (node >>= 1; node > 0; node >>= 1) {
            int greater = greater(node);
            if (longests[node] == greater) {
                return;
            }
            longests[node] = greater;
        }
    }

    /// The index of the first region from `from` on that may have a run of `pageCount` pages; [#size] if none.
    int firstWith(int pageCount, int from) {
        int node = regions.length + from;
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
        while (node < regions.length) {
            node *= 2;
            node += longests[node] < pageCount ? 1 : 0;
        }
        return node - regions.length;
    }

    /// The index of the first region that does not end at or before `address`.
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

    /// Checks the invariants of the class header, and those of each region.
    void verify() {
        long end = 0;
        for (int index = 0; index < regions.length; index++) {
            Region region = regions[index];
            check((region != null) == index < size, "size is wrong");
            int longest = 0;
            if (region != null) {
                region.verify();
                check(region.base() >= end, "regions overlap or are out of order");
                check(region.index() == index, "a region has another index");
                end = region.end();
                longest = region.longestRun();
            }
            check(longests[regions.length + index] == longest, "a leaf is not its region's longest run");
        }
        for (int node = regions.length - 1; node > 0; node--) {
            check(longests[node] == greater(node), "a node is not the greater of those below");
        }
    }

    private static void check(boolean condition, String message) {
        if (!condition) {
            throw new AssertionError("regions: " + message);
        }
    }
}
