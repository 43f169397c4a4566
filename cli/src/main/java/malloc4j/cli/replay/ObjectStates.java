package malloc4j.cli.replay;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/// What [TraceBuilder] knows of each object: never seen, live with its size, or freed.
///
/// Pages of 2^16 entries are made when an ID in them appears, so that one wrong ID of two thousand million in a
/// small file costs half a megabyte, not sixteen gigabytes.
final class ObjectStates {
    static final long NEVER = 0;
    static final long FREED = -1;

    private static final int PAGE_SHIFT = 16;
    private static final int PAGE_ENTRIES = 1 << PAGE_SHIFT;

    private long[] @Nullable [] pages = new long[16][];
    private int highestId = -1;

    /// [#NEVER], [#FREED], or the object's size + 1.
    long get(int id) {
        int page = id >>> PAGE_SHIFT;
        if (page >= pages.length) {
            return NEVER;
        }
        long[] entries = pages[page];
        return entries == null ? NEVER : entries[id & (PAGE_ENTRIES - 1)];
    }

    void setLive(int id, long byteSize) {
        put(id, byteSize + 1);
    }

    void setFreed(int id) {
        put(id, FREED);
    }

    int highestId() {
        return highestId;
    }

    /// The lowest ID that was never seen.
    int firstMissing() {
        int id = 0;
        while (get(id) != NEVER) {
            id++;
        }
        return id;
    }

    private void put(int id, long state) {
        int page = id >>> PAGE_SHIFT;
        if (page >= pages.length) {
            pages = Arrays.copyOf(pages, Math.max(page + 1, pages.length * 2));
        }
        long[] entries = pages[page];
        if (entries == null) {
            entries = new long[PAGE_ENTRIES];
            pages[page] = entries;
        }
        entries[id & (PAGE_ENTRIES - 1)] = state;
        highestId = Math.max(highestId, id);
    }
}
