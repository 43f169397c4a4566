package malloc4j.internal.region;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import malloc4j.internal.memory.RawMemory;
import org.jspecify.annotations.Nullable;

/// What one heap has in the [RootRecord]: its name and those of its counts that no record of a chunk has.
///
/// ```
///   0      4            8        16         24        32         40        48         56          64            256
///  +------+------------+--------+----------+---------+----------+---------+----------+-----------+--------------+
///  | heap | name bytes | purged | sampling | guarded | guarded  | kept    | unused   | unused    | name, UTF-8  |
///  |      |            |        |          | pages   | live     |         |          |           |              |
///  +------+------------+--------+----------+---------+----------+---------+----------+-----------+--------------+
/// ```
///
/// Every count is a copy: the heap's parts keep their own, and write it here when it changes, which is never on the
/// warm path. Blocks do not wait for it.
///
/// Concurrency: each count is written by whoever holds the lock over the part's own; a reader sees it whole.
public final class HeapRecord {
    public static final int BYTES = 256;

    /// The number of the heap, 0 where there is none: 32 bits, written last.
    public static final int ID = 0;

    /// How long the name is, 32 bits.
    public static final int NAME_BYTES = 4;

    /// What was given back to the kernel, in all.
    public static final int PURGED = 8;

    /// By how much samples in pages of their own are larger than their blocks.
    public static final int SAMPLING = 16;

    /// The pages of guarded blocks, and the bytes of those that are live.
    public static final int GUARDED_PAGES = 24;

    public static final int GUARDED_LIVE = 32;

    /// What a debug heap keeps of freed blocks, and around live ones.
    public static final int KEPT = 40;

    public static final int NAME = 64;
    public static final int MAX_NAME_BYTES = BYTES - NAME;

    /// Keeps nothing.
    public static final HeapRecord NONE = new HeapRecord();

    private final @Nullable RootRecord root;
    private final int heapId;
    private volatile long address; // 0 where nothing is kept

    private HeapRecord() {
        this.root = null;
        this.heapId = 0;
    }

    /// @param address of an unused one, under the root's lock
    HeapRecord(RootRecord root, long address, int heapId, String name) {
        this.root = root;
        this.heapId = heapId;
        this.address = address;
        byte[] bytes = utf8(name);
        RawMemory.clear(address, BYTES);
        RawMemory.putInt(address + NAME_BYTES, bytes.length);
        for (int index = 0; index < bytes.length; index++) {
            RawMemory.putByte(address + NAME + index, bytes[index]);
        }
        RawMemory.putIntRelease(address + ID, heapId);
    }

    /// As much of a name as there is room for, in whole letters.
    private static byte[] utf8(String name) {
        byte[] bytes = name.getBytes(StandardCharsets.UTF_8);
        int length = Math.min(bytes.length, MAX_NAME_BYTES);
        while (length < bytes.length && length > 0 && (bytes[length] & 0xc0) == 0x80) {
            length--;
        }
        return Arrays.copyOf(bytes, length);
    }

    /// Ends it: what is written from now on goes nowhere. Under the root's lock.
    void end() {
        long record = address;
        address = 0;
        if (record != 0) {
            RawMemory.putIntRelease(record + ID, 0);
        }
    }

    public void putPurged(long bytes) {
        put(PURGED, bytes);
    }

    public void putSampling(long bytes) {
        put(SAMPLING, bytes);
    }

    public void putGuarded(long pageBytes, long liveBytes) {
        put(GUARDED_PAGES, pageBytes);
        put(GUARDED_LIVE, liveBytes);
    }

    public void putKept(long bytes) {
        put(KEPT, bytes);
    }

    private void put(int offset, long value) {
        long record = address;
        if (record != 0) {
            RawMemory.putLongRelease(record + offset, value);
        }
    }

    /// Notes that a cache has memory, and whether a thread has it.
    public void putCache(int tag, boolean isHeld) {
        if (root != null) {
            int held = isHeld ? RootRecord.CACHE_IS_HELD : 0;
            root.putCache(tag, (heapId << RootRecord.CACHE_HEAP_SHIFT) | held);
        }
    }

    /// Notes that a cache has no memory any more.
    public void removeCache(int tag) {
        if (root != null) {
            root.putCache(tag, 0);
        }
    }

    void addHuge(long block, long byteSize) {
        if (root != null) {
            root.addHuge(heapId, block, byteSize);
        }
    }

    void removeHuge(long block) {
        if (root != null) {
            root.removeHuge(block);
        }
    }
}
