package malloc4j.internal.proc;

import java.util.AbstractList;
import java.util.ArrayList;
import java.util.List;
import java.util.RandomAccess;
import malloc4j.observe.MappedRange;
import malloc4j.observe.MemoryUse;
import org.jspecify.annotations.Nullable;

/// The mappings of a process, in address order and without overlaps.
///
/// The kernel writes smaps in pieces and lets the process run in between: a mapping may have vanished when its turn
/// comes, which leaves a gap and no harm; and one that was told may since have become part of a larger one that
/// begins before it, which is told too. What is told later is newer, so it stays, and what it overlaps is cut off,
/// with its figures in proportion.
final class Mappings extends AbstractList<MappedRange> implements RandomAccess {
    private final List<MappedRange> ranges = new ArrayList<>();
    private int overlaps;

    void append(MappedRange range) {
        while (!ranges.isEmpty() && Long.compareUnsigned(ranges.getLast().end(), range.address()) > 0) {
            overlaps++;
            MappedRange older = ranges.removeLast();
            if (Long.compareUnsigned(older.address(), range.address()) < 0) {
                ranges.add(cut(older, range.address() - older.address()));
            }
        }
        ranges.add(range);
    }

    private static MappedRange cut(MappedRange range, long byteSize) {
        long[] figures = range.use().toArray();
        for (int index = 0; index < figures.length; index++) {
            figures[index] = (long) (figures[index] * ((double) byteSize / range.byteSize())) & -1024;
        }
        return new MappedRange(
                range.address(),
                byteSize,
                range.rights(),
                range.fileOffset(),
                range.device(),
                range.inode(),
                range.name(),
                range.flags(),
                MemoryUse.of(figures),
                range.isDeleted());
    }

    /// How many mappings overlapped one that was told after them.
    int overlaps() {
        return overlaps;
    }

    /// The index of the mapping that `address` lies in, or -1.
    int indexAt(long address) {
        int low = 0;
        int high = ranges.size() - 1;
        while (low <= high) {
            int middle = (low + high) >>> 1;
            MappedRange range = ranges.get(middle);
            if (Long.compareUnsigned(address, range.address()) < 0) {
                high = middle - 1;
            } else if (Long.compareUnsigned(address, range.end()) >= 0) {
                low = middle + 1;
            } else {
                return middle;
            }
        }
        return -1;
    }

    /// The mapping that begins where the one with this index ends, or null.
    @Nullable
    MappedRange above(int index) {
        return index + 1 < ranges.size()
                        && ranges.get(index + 1).address() == ranges.get(index).end()
                ? ranges.get(index + 1)
                : null;
    }

    /// The mapping that ends where the one with this index begins, or null.
    @Nullable
    MappedRange below(int index) {
        return index > 0 && ranges.get(index - 1).end() == ranges.get(index).address() ? ranges.get(index - 1) : null;
    }

    @Override
    public MappedRange get(int index) {
        return ranges.get(index);
    }

    @Override
    public int size() {
        return ranges.size();
    }
}
