package malloc4j.internal.slab;

import java.lang.invoke.VarHandle;
import malloc4j.internal.memory.RawMemory;
import malloc4j.internal.region.ChunkMap;
import malloc4j.internal.region.PageGeometry;
import malloc4j.internal.region.Zone;
import malloc4j.internal.span.LargeBlock;

/// What one chunk holds, read from its record while other threads change it, without a lock.
///
/// A record that has become something else while it was read counts as one of nothing: the tag is read first, and last.
/// Within what it is, words are of slightly different moments. Records of a zone stay readable for ever.
public final class ChunkReader {
    private final int[] pageCounts = new int[PageGeometry.PAGES_PER_CHUNK];
    private final boolean[] live = new boolean[PageGeometry.PAGES_PER_CHUNK];
    private long record;
    private int tag;
    private int heapId;
    private int blockBytes;

    /// Reads a record.
    public void read(long address) {
        record = address;
        tag = RawMemory.getIntAcquire(address + ChunkMap.TAG);
        heapId = RawMemory.getInt(address + ChunkMap.HEAP);
        if (tag == ChunkMap.PAGES) {
            for (int page = 0; page < pageCounts.length; page++) {
                long entry = address + ChunkMap.BODY + page * LargeBlock.ENTRY_BYTES;
                long word = LargeBlock.word(entry);
                pageCounts[page] = LargeBlock.pages(word);
                live[page] = LargeBlock.isLive(entry, word);
            }
        } else {
            blockBytes = Slab.blockBytes(address);
        }
        VarHandle.loadLoadFence();
        if (RawMemory.getInt(address + ChunkMap.TAG) != tag) {
            tag = 0;
        }
    }

    /// Whether a slab is there.
    public boolean isSlab() {
        return tag > 0;
    }

    /// Whether large blocks begin there, or did.
    public boolean holdsPages() {
        return tag == ChunkMap.PAGES;
    }

    public long record() {
        return record;
    }

    /// The number of the cache that a slab belongs to.
    public int cache() {
        return tag;
    }

    public int heapId() {
        return heapId;
    }

    /// The size of a slab's blocks.
    public int blockBytes() {
        return blockBytes;
    }

    /// The pages of the large block, live or stocked, that begins in a page of the chunk, or 0.
    public int pageCount(int page) {
        return pageCounts[page];
    }

    /// Whether nobody has freed the large block that begins in a page of the chunk.
    public boolean isLive(int page) {
        return live[page];
    }

    /// How many blocks of a slab are live.
    public int liveCount() {
        int live = Slab.liveCount(record);
        return Math.clamp(live, 0, Zone.CHUNK_BYTES / blockBytes);
    }
}
