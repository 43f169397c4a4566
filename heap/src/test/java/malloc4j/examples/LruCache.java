package malloc4j.examples;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import malloc4j.Heap;
import malloc4j.HeapOptions;
import org.jspecify.annotations.Nullable;

/// A cache of byte strings by `long` keys, off the Java heap, that fills its memory exactly and then drops what was
/// used longest ago.
///
/// ```
/// table, by hash      |  | * |  |  | * |  |        indexes of entries, chained where hashes meet
///                          |         |
///                          v         v
/// entries, by index    key, next of the chain, older, newer, address of the block         arrays of Java
///                                                     |
///                                                     v
/// blocks, off heap                              | byte count, 8 bytes | the bytes |
/// ```
///
/// It knows no number of entries that fit and counts no bytes: the heap's hard limit is the size of the cache. A
/// value is put by [Heap#tryMalloc], and as long as that finds no room, the oldest entries go, some at a time: a
/// refusal costs some microseconds, and blocks of one size are no room for another, so dropping one by one would ask
/// a dozen times. So a full cache is about as fast as one with room.
///
/// How much of the limit the values get is in `docs/limits.md`: plan for a tenth to spare.
///
/// Not safe for use by several threads at once: put a lock around it, or one cache with a child heap for each thread,
/// below a parent that has the limit.
public final class LruCache implements AutoCloseable {
    private static final long COUNT_BYTES = Long.BYTES;
    private static final int EVICTED_AT_ONCE = 64; // a refusal costs as much as ten puts or so
    private static final int NONE = -1;
    private static final int FIRST_CAPACITY = 1024;
    private static final long SPREAD = 0x9E37_79B9_7F4A_7C15L; // 2^64 by the golden ratio

    private final Heap heap;
    private int[] table;
    private long[] keys = new long[FIRST_CAPACITY];
    private int[] next = new int[FIRST_CAPACITY];
    private int[] older = new int[FIRST_CAPACITY];
    private int[] newer = new int[FIRST_CAPACITY];
    private long[] blocks = new long[FIRST_CAPACITY];
    private int used; // entries that were ever in use
    private int unused = NONE; // those of them that are not, chained
    private int size;
    private int oldest = NONE;
    private int newest = NONE;
    private long evictions;

    /// A cache with at most `limitBytes` bytes of memory off the Java heap.
    public LruCache(long limitBytes) {
        this.heap = Heap.create(
                HeapOptions.builder().name("cache").hardLimitBytes(limitBytes).build());
        this.table = newTable(2 * FIRST_CAPACITY);
    }

    /// The value of a key, which becomes the newest: read it before the next [#put]. Null when there is none.
    public @Nullable MemorySegment get(long key) {
        int entry = find(key);
        if (entry == NONE) {
            return null;
        }
        unlink(entry);
        linkNewest(entry);
        MemorySegment block = heap.segment(blocks[entry]);
        return block.asSlice(COUNT_BYTES, block.get(ValueLayout.JAVA_LONG, 0)).asReadOnly();
    }

    /// Puts a copy of `value`, in place of what the key had; drops the oldest entries as long as there is no room.
    /// Returns false, and the key has no value then, when it does not fit into an empty cache.
    public boolean put(long key, MemorySegment value) {
        remove(key);
        long address = heap.tryMalloc(COUNT_BYTES + value.byteSize());
        while (address == 0 && size > 0) {
            for (int count = Math.min(EVICTED_AT_ONCE, size); count > 0; count--) {
                drop(oldest);
                evictions++;
            }
            address = heap.tryMalloc(COUNT_BYTES + value.byteSize());
        }
        if (address == 0) {
            return false;
        }
        MemorySegment block = heap.segment(address);
        block.set(ValueLayout.JAVA_LONG, 0, value.byteSize());
        MemorySegment.copy(value, 0, block, COUNT_BYTES, value.byteSize());
        insert(key, address);
        return true;
    }

    /// Drops a key's value. Returns whether it had one.
    public boolean remove(long key) {
        int entry = find(key);
        if (entry != NONE) {
            drop(entry);
        }
        return entry != NONE;
    }

    /// Changes how much memory the cache may have: what is too much goes as values are put.
    public void resize(long limitBytes) {
        heap.setHardLimitBytes(limitBytes);
        while (size > 0 && heap.statistics().committedBytes() > limitBytes) {
            for (int count = size / 16 + 1; count > 0; count--) {
                drop(oldest);
                evictions++;
            }
            heap.trim(0);
        }
    }

    /// How many entries there are.
    public int size() {
        return size;
    }

    /// How many entries were dropped to make room.
    public long evictions() {
        return evictions;
    }

    /// The heap that the values are in: for its statistics.
    public Heap heap() {
        return heap;
    }

    /// Drops every entry, and gives all memory back.
    @Override
    public void close() {
        while (size > 0) {
            drop(oldest);
        }
        heap.close();
    }

    // ------------------------------------------------------------------------------------------------- the entries

    private static int[] newTable(int length) {
        int[] table = new int[length];
        Arrays.fill(table, NONE);
        return table;
    }

    private int slot(long key) {
        return (int) ((key * SPREAD) >>> (Long.numberOfLeadingZeros(table.length) + 1));
    }

    private int find(long key) {
        int entry = table[slot(key)];
        while (entry != NONE && keys[entry] != key) {
            entry = next[entry];
        }
        return entry;
    }

    private void insert(long key, long address) {
        int entry = unused;
        if (entry != NONE) {
            unused = next[entry];
        } else {
            if (used == keys.length) {
                grow();
            }
            entry = used++;
        }
        int slot = slot(key);
        keys[entry] = key;
        blocks[entry] = address;
        next[entry] = table[slot];
        table[slot] = entry;
        linkNewest(entry);
        size++;
    }

    private void drop(int entry) {
        heap.free(blocks[entry]);
        unlink(entry);
        int slot = slot(keys[entry]);
        if (table[slot] == entry) {
            table[slot] = next[entry];
        } else {
            int before = table[slot];
            while (next[before] != entry) {
                before = next[before];
            }
            next[before] = next[entry];
        }
        next[entry] = unused;
        unused = entry;
        size--;
    }

    private void linkNewest(int entry) {
        older[entry] = newest;
        newer[entry] = NONE;
        if (newest == NONE) {
            oldest = entry;
        } else {
            newer[newest] = entry;
        }
        newest = entry;
    }

    private void unlink(int entry) {
        if (older[entry] == NONE) {
            oldest = newer[entry];
        } else {
            newer[older[entry]] = newer[entry];
        }
        if (newer[entry] == NONE) {
            newest = older[entry];
        } else {
            older[newer[entry]] = older[entry];
        }
    }

    private void grow() {
        int capacity = 2 * keys.length;
        keys = Arrays.copyOf(keys, capacity);
        next = Arrays.copyOf(next, capacity);
        older = Arrays.copyOf(older, capacity);
        newer = Arrays.copyOf(newer, capacity);
        blocks = Arrays.copyOf(blocks, capacity);
        table = newTable(2 * capacity);
        for (int entry = oldest; entry != NONE; entry = newer[entry]) {
            int slot = slot(keys[entry]);
            next[entry] = table[slot];
            table[slot] = entry;
        }
    }
}
