package malloc4j.internal.trace;

/// From 64 bits that are not 0 to a number of 0 or more: a hash table that grows. Not safe for use by several threads
/// at once.
///
/// ```
/// keys      |  0  | key |  0  | key | key |  0  | ...      a search begins at the slot that the key is hashed to,
/// numbers   |     |  7  |     |  0  | 12  |     |          and ends at a key of 0
/// ```
///
/// It has as many slots as the most keys that it ever had want, and makes objects only in [#makeRoom].
///
/// Invariants: less than half of the slots are used; between the slot that a key is hashed to and the slot that it is
/// in, none is free.
final class NumberTable {
    /// In place of a number.
    static final int NONE = -1;

    private static final int FIRST_LENGTH = 16;
    private static final int MAX_LENGTH = 1 << 30;
    private static final long SPREAD = 0x9E37_79B9_7F4A_7C15L; // 2^64 by the golden ratio: neighbours fall far apart
    private static final long FREE = 0;

    private long[] keys = new long[FIRST_LENGTH];
    private int[] numbers = new int[FIRST_LENGTH];
    private int size;

    private static int first(int length, long key) {
        return (int) ((key * SPREAD) >>> (Integer.numberOfLeadingZeros(length) + 33));
    }

    private int next(int slot) {
        return (slot + 1) & (keys.length - 1);
    }

    /// The slot of a key, or the free one where its search ends.
    private int find(long key) {
        int slot = first(keys.length, key);
        while (keys[slot] != key && keys[slot] != FREE) {
            slot = next(slot);
        }
        return slot;
    }

    /// The number of a key, or [#NONE].
    int get(long key) {
        int slot = find(key);
        return keys[slot] == FREE ? NONE : numbers[slot];
    }

    /// Makes room for one more, so that the next [#put] allocates nothing.
    ///
    /// @throws OutOfMemoryError if the Java heap has none; then nothing has changed
    void makeRoom() {
        if (2 * (size + 1) < keys.length) {
            return;
        }
        if (keys.length == MAX_LENGTH) {
            throw new OutOfMemoryError("a table of " + size + " keys");
        }
        long[] grownKeys = new long[2 * keys.length];
        int[] grownNumbers = new int[2 * keys.length];
        long[] oldKeys = keys;
        int[] oldNumbers = numbers;
        keys = grownKeys;
        numbers = grownNumbers;
        for (int slot = 0; slot < oldKeys.length; slot++) {
            if (oldKeys[slot] != FREE) {
                int place = find(oldKeys[slot]);
                grownKeys[place] = oldKeys[slot];
                grownNumbers[place] = oldNumbers[slot];
            }
        }
    }

    /// Gives a key a number; after [#makeRoom]. Returns the one that it had, or [#NONE].
    int put(long key, int number) {
        int slot = find(key);
        int old = keys[slot] == FREE ? NONE : numbers[slot];
        size += old == NONE ? 1 : 0;
        keys[slot] = key;
        numbers[slot] = number;
        return old;
    }

    /// Removes a key. Returns its number, or [#NONE] where it is not in.
    int remove(long key) {
        int hole = find(key);
        if (keys[hole] == FREE) {
            return NONE;
        }
        int number = numbers[hole];
        for (int slot = next(hole); keys[slot] != FREE; slot = next(slot)) {
            int distance = (slot - first(keys.length, keys[slot])) & (keys.length - 1);
            if (distance >= ((slot - hole) & (keys.length - 1))) { // else its search would not come by the hole
                keys[hole] = keys[slot];
                numbers[hole] = numbers[slot];
                hole = slot;
            }
        }
        keys[hole] = FREE;
        size--;
        return number;
    }
}
