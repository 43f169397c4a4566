package malloc4j.internal.region;

/// Numbers by address, as many as one likes: a hash table of words that, once room has been [reserved][#reserve], takes
/// and gives entries without any of the Java heap. Beside [Ranges], which is sorted and for some thousands.
///
/// ```
/// slots, a power of two of them, at most half of them used
///   keys      | 0 | 0x7f12000 | 0x7f31000 | 0 | ...      a search begins at the slot that the address is hashed to,
///   values    |   |    65,536 |    40,960 |   |          and ends at a key of 0
/// ```
///
/// Whoever is about to take memory from the kernel reserves the entry that will say so, and whoever takes one out that
/// may have to come back keeps its room: the reservation is his until [#release].
///
/// Invariants, each checked by [#verify]:
/// 1. Between the slot that a key is hashed to and the slot that it is in, none is empty.
/// 2. `count` is the number of keys; those and what is reserved are at most half of the slots.
///
/// Concurrency: none of its own; whoever has it guards it.
public final class AddressTable {
    private static final int FIRST_LENGTH = 16;
    private static final long SPREAD = 0x9E37_79B9_7F4A_7C15L; // 2^64 by the golden ratio: neighbours fall far apart
    private static final int MIN_ALIGNMENT_SHIFT = 4; // the low bits of a block's address tell nothing

    private long[] keys = new long[FIRST_LENGTH];
    private long[] values = new long[FIRST_LENGTH];
    private int count;
    private int reserved;

    /// Makes room for so many entries more than there are and others have reserved. When there is none on the Java
    /// heap, nothing has changed.
    public void reserve(int entryCount) {
        int needed = count + reserved + entryCount;
        if (2 * needed > keys.length) {
            grow(Math.max(2 * keys.length, Integer.highestOneBit(needed) << 2));
        }
        reserved += entryCount;
    }

    private void grow(int length) {
        long[] oldKeys = keys;
        long[] oldValues = values;
        long[] moreKeys = new long[length];
        long[] moreValues = new long[length];
        keys = moreKeys;
        values = moreValues;
        for (int slot = 0; slot < oldKeys.length; slot++) {
            if (oldKeys[slot] != 0) {
                int free = find(oldKeys[slot]);
                keys[free] = oldKeys[slot];
                values[free] = oldValues[slot];
            }
        }
    }

    /// Gives up room that was reserved and not used.
    public void release(int entryCount) {
        reserved -= entryCount;
    }

    public int count() {
        return count;
    }

    /// How many slots there are; [#key] of one is 0 when it is empty.
    int length() {
        return keys.length;
    }

    long key(int slot) {
        return keys[slot];
    }

    long value(int slot) {
        return values[slot];
    }

    private int first(long key) {
        return (int) (((key >>> MIN_ALIGNMENT_SHIFT) * SPREAD) >>> (Long.numberOfLeadingZeros(keys.length) + 1));
    }

    /// The slot of a key, or the empty one where it would go.
    private int find(long key) {
        int slot = first(key);
        while (keys[slot] != 0 && keys[slot] != key) {
            slot = (slot + 1) & (keys.length - 1);
        }
        return slot;
    }

    /// The value at `key`, or 0 when there is none.
    public long get(long key) {
        int slot = find(key);
        return key != 0 && keys[slot] == key ? values[slot] : 0;
    }

    /// Adds an entry, into room that was reserved for it, which it uses up.
    ///
    /// @param key not 0, and in no entry
    public void put(long key, long value) {
        int slot = find(key);
        keys[slot] = key;
        values[slot] = value;
        count++;
        reserved--;
    }

    /// Takes an entry out and keeps its room reserved. Returns its value, or 0, and has done nothing, when there is
    /// none.
    public long remove(long key) {
        int slot = find(key);
        if (key == 0 || keys[slot] != key) {
            return 0;
        }
        long value = values[slot];
        close(slot);
        count--;
        reserved++;
        return value;
    }

    /// Empties a slot, and moves what stands behind it to where a search still finds it.
    private void close(int slot) {
        int mask = keys.length - 1;
        int hole = slot;
        for (int next = (hole + 1) & mask; keys[next] != 0; next = (next + 1) & mask) {
            int distance = (next - first(keys[next])) & mask;
            if (distance >= ((next - hole) & mask)) {
                keys[hole] = keys[next];
                values[hole] = values[next];
                hole = next;
            }
        }
        keys[hole] = 0;
    }

    /// Checks the invariants of the class header; throws [AssertionError] on the first that does not hold.
    public void verify() {
        int found = 0;
        for (int slot = 0; slot < keys.length; slot++) {
            if (keys[slot] != 0) {
                found++;
                check(find(keys[slot]) == slot, "a key is where no search finds it");
            }
        }
        check(found == count, "count is wrong");
        check(reserved >= 0 && 2 * (count + reserved) <= keys.length, "there is not the room that was reserved");
    }

    private static void check(boolean condition, String message) {
        if (!condition) {
            throw new AssertionError("table of addresses: " + message);
        }
    }
}
