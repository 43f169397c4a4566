package malloc4j.internal.cache;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/// From the ids of threads to what each of them has: a hash table that grows, and that a thread looks into without a
/// lock.
///
/// ```
/// slots, a power of two of them, at most half of them used
///   rows      | 0, 0 | 1042, n | removed | 517, n | 0, 0 | ...      a search begins at the slot that the id is
///   values    |      |   *     |         |   *    |      |          hashed to, and ends at an id of 0
/// ```
///
/// Beside its value a thread may have a number, 64 bits, which it finds without a way through the value: the short way
/// of malloc takes the address of a cache's magazines from there.
///
/// A slot is never given to another id while its own thread lives: what a thread has read there is its own. When half
/// of the slots are used, by removed ids too, the living ones move to new slots, as many as they need.
///
/// Invariants, each checked by [#verify]:
/// 1. Between the slot that an id is hashed to and the slot that it is in, none has the id 0.
/// 2. An id is in one slot, with its value; `live` and `used` are the counts of such slots, and of those with any id.
/// 3. Less than half of the slots are used.
///
/// Concurrency: all that writes is done under a lock of the table's owner. A thread puts only its own id, and looks
/// only for its own; it is removed when the thread has ended, or by the thread itself.
public final class ThreadTable<V> {
    private static final int FIRST_LENGTH = 16;
    private static final long FREE = 0; // ids begin at 1
    private static final long REMOVED = -1;
    private static final long SPREAD = 0x9E37_79B9_7F4A_7C15L; // 2^64 by the golden ratio: neighbours fall far apart

    private volatile Slots slots = Slots.of(2);
    private volatile long[] rows = slots.rows; // for a search that needs no value: one load less
    private int live;
    private int used;

    /// @param rows of each slot the id, and the number
    @SuppressWarnings("ArrayRecordComponent") // never compared
    private record Slots(long[] rows, @Nullable Object[] values) {
        static Slots of(int length) {
            return new Slots(new long[2 * length], new Object[length]);
        }

        int length() {
            return values.length;
        }

        long id(int slot) {
            return rows[2 * slot];
        }

        int find(long threadId) {
            return ThreadTable.find(rows, threadId);
        }

        /// Puts an id that is in no slot. Returns whether the slot had no id before, not even a removed one.
        boolean put(long threadId, @Nullable Object value, long number) {
            int slot = first(rows, threadId);
            while (id(slot) > FREE) {
                slot = next(rows, slot);
            }
            boolean free = id(slot) == FREE;
            values[slot] = value;
            rows[2 * slot + 1] = number;
            rows[2 * slot] = threadId;
            return free;
        }
    }

    private static int first(long[] rows, long threadId) {
        return (int) ((threadId * SPREAD) >>> (Long.numberOfLeadingZeros(rows.length) + 2));
    }

    private static int next(long[] rows, int slot) {
        return (slot + 1) & ((rows.length >>> 1) - 1);
    }

    /// The slot of an id, or -1.
    private static int find(long[] rows, long threadId) {
        for (int slot = first(rows, threadId); ; slot = next(rows, slot)) {
            long id = rows[2 * slot];
            if (id == threadId) {
                return slot;
            }
            if (id == FREE) {
                return -1;
            }
        }
    }

    private void putSlots(Slots made) {
        slots = made;
        rows = made.rows;
    }

    /// What the current thread has, or null.
    ///
    /// @param threadId its id
    @SuppressWarnings("unchecked") // values come from put alone
    public @Nullable V get(long threadId) {
        Slots current = slots;
        int slot = current.find(threadId);
        return slot < 0 ? null : (V) current.values[slot];
    }

    /// The number that the current thread has, 0 when it is not in.
    ///
    /// @param threadId its id
    long number(long threadId) {
        long[] current = rows;
        int slot = find(current, threadId);
        return slot < 0 ? 0 : current[2 * slot + 1];
    }

    /// Makes room for one more, so that the next [#put] allocates nothing. Under the owner's lock.
    public void makeRoom() {
        Slots old = slots;
        if (2 * (used + 1) < old.length()) {
            return;
        }
        int length = FIRST_LENGTH;
        while (length < 3 * (live + 1)) {
            length *= 2;
        }
        Slots grown = Slots.of(length);
        for (int slot = 0; slot < old.length(); slot++) {
            if (old.id(slot) > FREE) {
                grown.put(old.id(slot), old.values[slot], old.rows[2 * slot + 1]);
            }
        }
        putSlots(grown);
        used = live;
    }

    /// Puts the current thread in, which is not in; after [#makeRoom], under the same lock.
    ///
    /// @param threadId its id
    public void put(long threadId, V value) {
        put(threadId, value, 0);
    }

    /// As [#put(long, Object)], with a number.
    void put(long threadId, V value, long number) {
        used += slots.put(threadId, value, number) ? 1 : 0;
        live++;
    }

    /// Removes the current thread, or one that has ended; does nothing when it is not in. Under the owner's lock.
    public void remove(long threadId) {
        Slots current = slots;
        int slot = current.find(threadId);
        if (slot >= 0) {
            current.rows[2 * slot] = REMOVED;
            current.values[slot] = null;
            live--;
        }
    }

    /// Forgets every thread. Under the owner's lock.
    public void clear() {
        Slots current = slots;
        Arrays.fill(current.rows, FREE);
        Arrays.fill(current.values, null);
        live = 0;
        used = 0;
    }

    /// How many threads are in. Under the owner's lock.
    public int size() {
        return live;
    }

    /// Checks the invariants of the class header, under the owner's lock; throws [AssertionError] on the first that
    /// does not hold.
    public void verify() {
        Slots current = slots;
        check(rows == current.rows, "two sets of slots", current.length());
        int ids = 0;
        int removed = 0;
        for (int slot = 0; slot < current.length(); slot++) {
            long id = current.id(slot);
            check(id <= FREE || current.find(id) == slot, "a thread's id is where no search finds it", id);
            check(id > FREE == (current.values[slot] != null), "an id without a value, or a value without an id", id);
            ids += id > FREE ? 1 : 0;
            removed += id == REMOVED ? 1 : 0;
        }
        check(ids == live && ids + removed == used, "counts are wrong", live);
        check(2 * used < current.length(), "too few slots", current.length());
    }

    private static void check(boolean condition, String message, long number) {
        if (!condition) {
            throw new AssertionError("table of threads: " + message + " (" + number + ")");
        }
    }
}
