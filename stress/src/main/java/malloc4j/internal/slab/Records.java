package malloc4j.internal.slab;

import java.lang.foreign.Arena;
import java.util.Arrays;
import malloc4j.internal.region.ChunkMap;

/// Records of slabs of 64 blocks that have no memory: enough for the bits. They are given back and used again, for
/// jcstress makes millions of states in a second.
///
/// Concurrency: one lock, paid outside of what a test observes.
public final class Records {
    /// The size of a block in bytes.
    public static final int BLOCK_BYTES = 1024;

    private static final int RECORD_BYTES =
            ChunkMap.BODY + 4 * Long.BYTES; // a pair, and the one with the bit past the end
    private static final int BATCH = 4096;
    private static final int HEAP_ID = 1;

    private static long[] idle = new long[BATCH];
    private static int count;

    private Records() {}

    /// A leased slab of the cache `tag`, its blocks 0 to `liveCount - 1` live and the others free.
    public static long leased(int tag, int liveCount) {
        long slab = take();
        Slab.format(slab, 0, SizeClasses.of(BLOCK_BYTES), tag, HEAP_ID);
        Slab.ownerPutFreeWord(Slab.pair(slab, 0), liveCount == 64 ? 0 : -1L << liveCount);
        return slab;
    }

    /// A full slab: every block live.
    public static long full(int tag) {
        long slab = leased(tag, 64);
        Slab.ownerNextWord(slab, -1); // lets the summary see that there is nothing
        Slab.putState(slab, Slab.FULL);
        return slab;
    }

    private static synchronized long take() {
        if (count == 0) {
            long bytes = (long) RECORD_BYTES * BATCH;
            long base = Arena.global().allocate(bytes, Long.BYTES).address();
            for (int i = 0; i < BATCH; i++) {
                give(base + (long) i * RECORD_BYTES);
            }
        }
        return idle[--count];
    }

    /// Gives a record back that nobody uses and no queue holds.
    public static synchronized void give(long slab) {
        if (count == idle.length) {
            idle = Arrays.copyOf(idle, count * 2);
        }
        idle[count++] = slab;
    }

    /// Where block `index` is while the actors rest: `free`, `remote` (and signalled), `live`, or what is wrong
    /// with the slab's bits.
    public static String where(long slab, int index) {
        long pair = Slab.pair(slab, 0);
        long free = Slab.freeWord(pair);
        long remote = Slab.remoteWord(pair);
        if ((free & remote) != 0) {
            return "twice";
        }
        if (remote != 0 && !Slab.hasRemote(slab)) {
            return "unsignalled";
        }
        long bit = 1L << index;
        return (free & bit) != 0 ? "free" : (remote & bit) != 0 ? "remote" : "live";
    }

    /// Where block `index` is once the owner has collected what the actors left; a slab that is wrong before stays
    /// so.
    public static String whereCollected(long slab, int index) {
        String before = where(slab, index);
        if (before.equals("twice")) {
            return before;
        }
        Slab.ownerCollect(slab);
        return where(slab, index);
    }
}
