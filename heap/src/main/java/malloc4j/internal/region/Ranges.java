package malloc4j.internal.region;

/// Numbers by address: a sorted table that, once room has been [reserved][#reserve], takes entries without any of the
/// Java heap.
///
/// ```
/// keys      | 0x1000 | 0x8000 | 0x9000 | ...  sorted, each once
/// values    |  4,096 |  8,192 |  4,096 | ...  the size of a range that begins there, or what its owner keeps
/// ```
///
/// Whoever takes memory from the kernel first reserves the entry that will say so, and can then neither fail to write
/// it nor to take it out. Entries move when one is put in: eight thousand of them, as many as mappings are allowed,
/// in some microseconds.
///
/// Concurrency: none of its own; whoever has it guards it.
final class Ranges {
    private static final int FIRST_CAPACITY = 8;

    private long[] keys = new long[FIRST_CAPACITY];
    private long[] values = new long[FIRST_CAPACITY];
    private int count;

    /// Makes room for so many entries in all. When there is none on the Java heap, nothing has changed.
    void reserve(int entryCount) {
        if (entryCount > keys.length) {
            int capacity = Math.max(entryCount, 2 * keys.length);
            long[] moreKeys = new long[capacity];
            long[] moreValues = new long[capacity];
            System.arraycopy(keys, 0, moreKeys, 0, count);
            System.arraycopy(values, 0, moreValues, 0, count);
            keys = moreKeys;
            values = moreValues;
        }
    }

    int count() {
        return count;
    }

    /// How many entries there is room for.
    int capacity() {
        return keys.length;
    }

    long key(int index) {
        return keys[index];
    }

    long value(int index) {
        return values[index];
    }

    /// The index of the last entry at or below `key`, or -1.
    int floor(long key) {
        int low = 0;
        int high = count - 1;
        while (low <= high) {
            int middle = (low + high) >>> 1;
            if (keys[middle] <= key) {
                low = middle + 1;
            } else {
                high = middle - 1;
            }
        }
        return high;
    }

    /// Sets the value at `key`. For a new key there must be room.
    void put(long key, long value) {
        int index = floor(key);
        if (index >= 0 && keys[index] == key) {
            values[index] = value;
            return;
        }
        System.arraycopy(keys, index + 1, keys, index + 2, count - index - 1);
        System.arraycopy(values, index + 1, values, index + 2, count - index - 1);
        keys[index + 1] = key;
        values[index + 1] = value;
        count++;
    }

    void removeAt(int index) {
        System.arraycopy(keys, index + 1, keys, index, count - index - 1);
        System.arraycopy(values, index + 1, values, index, count - index - 1);
        count--;
    }

    /// Takes the first `byteSize` bytes off the range at `index`.
    void takeFrom(int index, long byteSize) {
        if (values[index] == byteSize) {
            removeAt(index);
        } else {
            keys[index] += byteSize;
            values[index] -= byteSize;
        }
    }

    /// Adds a range, joined with those that it touches. There must be room for one entry more.
    void join(long start, long byteSize) {
        int below = floor(start);
        boolean touchesBelow = below >= 0 && keys[below] + values[below] == start;
        int above = below + 1;
        boolean touchesAbove = above < count && keys[above] == start + byteSize;
        if (touchesBelow) {
            values[below] += byteSize;
            if (touchesAbove) {
                values[below] += values[above];
                removeAt(above);
            }
        } else if (touchesAbove) {
            keys[above] = start;
            values[above] += byteSize;
        } else {
            put(start, byteSize);
        }
    }

    /// The index of the range with the least start that has `byteSize` bytes, or -1.
    int firstOf(long byteSize) {
        for (int index = 0; index < count; index++) {
            if (values[index] >= byteSize) {
                return index;
            }
        }
        return -1;
    }
}
