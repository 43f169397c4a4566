package malloc4j.internal.cache;

import org.jspecify.annotations.Nullable;

/// From the ids of threads to what each of them has: a hash table that grows, and that a thread looks into without a
/// lock.
///
/// ```
/// slots, a power of two of them, at most half of them used
///   ids       | 0 | 1042 | removed | 517 | 0 | ...      a search begins at the slot that the id is hashed to,
///   values    |   |  *   |         |  *  |   |          and ends at an id of 0
/// ```
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
    private int live;
    private int used;

    /// @param shift of an id's hash, which leaves the number of a slot
    @SuppressWarnings("ArrayRecordComponent") // never compared
    private record Slots(long[] ids, @Nullable Object[] values, int shift) {
        static Slots of(int length) {
            return new Slots(new long[length], new Object[length], Long.numberOfLeadingZeros(length) + 1);
        }

        int first(long threadId) {
            return (int) ((threadId * SPREAD) >>> shift);
        }

        int next(int slot) {
            return (slot + 1) & (ids.length - 1);
        }

        /// The slot of an id, or -1.
        int find(long threadId) {
            for (int slot = first(threadId); ; slot = next(slot)) {
                long id = ids[slot];
                if (id == threadId) {
                    return slot;
                }
                if (id == FREE) {
                    return -1;
                }
            }
        }

        /// Puts an id that is in no slot. Returns whether the slot had no id before, not even a removed one.
        boolean put(long threadId, @Nullable Object value) {
            int slot = first(threadId);
            while (ids[slot] > FREE) {
                slot = next(slot);
            }
            boolean free = ids[slot] == FREE;
            values[slot] = value;
            ids[slot] = threadId;
            return free;
        }
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

    /// Makes room for one more, so that the next [#put] allocates nothing. Under the owner's lock.
    public void makeRoom() {
        Slots old = slots;
        if (2 * (used + 1) < old.ids.length) {
            return;
        }
        int length = FIRST_LENGTH;
        while (length < 3 * (live + 1)) {
            length *= 2;
        }
        Slots grown = Slots.of(length);
        for (int slot = 0; slot < old.ids.length; slot++) {
            if (old.ids[slot] > FREE) {
                grown.put(old.ids[slot], old.values[slot]);
            }
        }
        slots = grown;
        used = live;
    }

    /// Puts the current thread in, which is not in; after [#makeRoom], under the same lock.
    ///
    /// @param threadId its id
    public void put(long threadId, V value) {
        used += slots.put(threadId, value) ? 1 : 0;
        live++;
    }

    /// Removes the current thread, or one that has ended; does nothing when it is not in. Under the owner's lock.
    public void remove(long threadId) {
        Slots current = slots;
        int slot = current.find(threadId);
        if (slot >= 0) {
            current.ids[slot] = REMOVED;
            current.values[slot] = null;
            live--;
        }
    }

    /// Forgets every thread. Under the owner's lock.
    public void clear() {
        slots = Slots.of(2);
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
        int ids = 0;
        int removed = 0;
        for (int slot = 0; slot < current.ids.length; slot++) {
            long id = current.ids[slot];
            check(id <= FREE || current.find(id) == slot, "a thread's id is where no search finds it", id);
            check(id > FREE == (current.values[slot] != null), "an id without a value, or a value without an id", id);
            ids += id > FREE ? 1 : 0;
            removed += id == REMOVED ? 1 : 0;
        }
        check(ids == live && ids + removed == used, "counts are wrong", live);
        check(2 * used < current.ids.length, "too few slots", current.ids.length);
    }

    private static void check(boolean condition, String message, long number) {
        if (!condition) {
            throw new AssertionError("table of threads: " + message + " (" + number + ")");
        }
    }
}
