package malloc4j.internal.span;

import malloc4j.internal.memory.Bits;
import malloc4j.internal.memory.RawMemory;
import malloc4j.internal.os.Errno;
import malloc4j.internal.os.Mutex;
import malloc4j.internal.region.ChunkMap;
import malloc4j.internal.region.HeapEvents;
import malloc4j.internal.region.PageGeometry;
import malloc4j.internal.region.PageSource;
import malloc4j.internal.region.Zone;
import malloc4j.observe.Probe;
import org.jspecify.annotations.Nullable;

/// Some of a heap's extents, with one lock over them: all of them, until threads have met at that lock.
///
/// A span is the lowest run of free pages that is long enough, over all extents in address order, so that the high
/// end of the heap drains. What comes back stays dirty, ready for the next taker, until the purger finds it still
/// unused on a second visit and gives its memory to the kernel; an extent without any span goes back to its source
/// as a whole.
///
/// Invariants, each checked by [#verify]:
/// 1. Every page of an extent is free, or in exactly one span.
/// 2. The record of the chunk that a span begins in has this shard's number.
/// 3. Those of [Extents].
/// 4. There are `largeAllocated - largeFreed` large blocks, live or stocked, and they have `largePagesAllocated -
///    largePagesFreed` pages; `freePages` and `dirtyPages` are the sums of what the extents count.
/// 5. The record of the first chunk of an extent has the extent's counts.
///
/// Concurrency: one lock over everything, held over no system call but an extent's coming and going. While the
/// purger gives pages back they are taken, so that nobody else can have them.
final class SpanShard {
    /// In place of a cache's number: a span that is no large block.
    static final int PLAIN = -1;

    private static final long MIN_EXTENT_BYTES = 2 * Zone.GRANULE_BYTES; // 4 MiB
    private static final long MAX_EXTENT_BYTES = 32 * Zone.GRANULE_BYTES; // 64 MiB
    private static final int EXTENT_SHARE_SHIFT = 3; // a new extent is an eighth of the heap: few extents, little waste
    private static final int PURGE_STEP_BYTES = 4 << 20; // one madvise of some hundred microseconds

    private final PageSource source;
    private final Charge charge;
    private final int heapId;
    private final HeapEvents events;
    private final byte number;
    private final Mutex lock = new Mutex();
    private final Extents extents = new Extents();
    private long extentBytes;
    private long largeAllocated; // blocks, ever; and so on
    private long largeFreed;
    private long largePagesAllocated;
    private long largePagesFreed;
    private long freePages;
    private long dirtyPages;
    private long gives; // spans that came back, ever
    private long givesPurged; // how many of them the last visit knew of
    private long keptBytes;
    private boolean unfinished; // whether it has left something to the next

    /// @param number which of its heap's shards it is
    /// @param heapId the number that marks the heap's chunks
    SpanShard(PageSource source, Charge charge, int heapId, HeapEvents events, int number) {
        this.source = source;
        this.charge = charge;
        this.heapId = heapId;
        this.events = events;
        this.number = (byte) number;
    }

    int number() {
        return number;
    }

    /// As [Spans#allocateSpan], and [Spans#allocateLarge] where `tag` is not [#PLAIN]. Returns `EBUSY`, and has done
    /// nothing, when another thread has the lock and `mayWait` is false.
    long allocate(int pageCount, int alignmentPages, boolean mayGrow, int tag, boolean mayWait) {
        if (mayWait) {
            lock.lock();
        } else if (!lock.tryLock()) {
            return -Errno.EBUSY;
        }
        try {
            long span = takeOrGrow(pageCount, alignmentPages, mayGrow);
            if (Errno.isError(span)) {
                return span;
            }
            if (tag != PLAIN) {
                begin(span, pageCount, tag);
            } else if (pageCount == PageGeometry.PAGES_PER_CHUNK && alignmentPages >= PageGeometry.PAGES_PER_CHUNK) {
                RawMemory.putIntRelease(ChunkMap.record(span) + ChunkMap.TAG, 0); // large blocks were here, perhaps
            }
            return span;
        } finally {
            lock.unlock();
        }
    }

    private long takeOrGrow(int pageCount, int alignmentPages, boolean mayGrow) {
        long span = takeLowest(pageCount, alignmentPages);
        if (span != -Errno.EAGAIN || !mayGrow) {
            return span;
        }
        long grown = grow(pageCount, alignmentPages);
        return grown < 0 ? grown : takeLowest(pageCount, alignmentPages);
    }

    private long takeLowest(int pageCount, int alignmentPages) {
        for (int index = extents.firstWith(pageCount, 0);
                index < extents.size();
                index = extents.firstWith(pageCount, index + 1)) {
            Extent extent = extents.get(index);
            int page = extent.find(pageCount, alignmentPages);
            if (page >= 0) {
                return take(extent, page, pageCount);
            }
        }
        return -Errno.EAGAIN;
    }

    private long take(Extent extent, int page, int pageCount) {
        int dirty = extent.countDirty(page, page + pageCount);
        if (!charge.add(pageCount - dirty)) {
            return -Errno.EDQUOT;
        }
        takePages(extent, page, page + pageCount);
        long address = extent.address(page);
        RawMemory.putByte(Spans.zeroed(address), (byte) (dirty == 0 ? 1 : 0));
        RawMemory.putByte(ChunkMap.record(address) + ChunkMap.SHARD, number);
        return address;
    }

    private void takePages(Extent extent, int from, int to) {
        dirtyPages -= extent.dirtyCount();
        extent.take(from, to);
        dirtyPages += extent.dirtyCount();
        freePages -= to - from;
        tell(extent);
    }

    private void givePages(Extent extent, int from, int to, boolean areDirty) {
        extent.give(from, to, areDirty);
        freePages += to - from;
        dirtyPages += areDirty ? to - from : 0;
        tell(extent);
    }

    /// Has an extent stand in the record of its first chunk, for those who look from outside.
    private void tellAll(Extent extent) {
        long record = ChunkMap.record(extent.base());
        RawMemory.putInt(record + ChunkMap.HEAP, heapId);
        RawMemory.putIntRelease(record + ChunkMap.EXTENT_PAGES, extent.pageCount);
        tell(extent);
    }

    /// Has an extent's counts stand in the record of its first chunk, for those who look from outside.
    private static void tell(Extent extent) {
        long counts = ((long) extent.dirtyCount() << Integer.SIZE) | extent.freeCount();
        RawMemory.putLongRelease(ChunkMap.record(extent.base()) + ChunkMap.FREE_PAGES, counts);
    }

    /// Adds an extent that has room for the span; a generous one, or where that is refused the smallest that will
    /// do. What describes it is made first: with no room for that on the Java heap nothing is taken from the source.
    private long grow(int pageCount, int alignmentPages) {
        long alignmentBytes = (long) alignmentPages << PageGeometry.PAGE_SHIFT;
        long slack = alignmentBytes > Zone.GRANULE_BYTES ? alignmentBytes - Zone.GRANULE_BYTES : 0;
        long needed = Bits.alignUp(((long) pageCount << PageGeometry.PAGE_SHIFT) + slack, Zone.GRANULE_BYTES);
        long share = Math.clamp(extentBytes >>> EXTENT_SHARE_SHIFT, MIN_EXTENT_BYTES, MAX_EXTENT_BYTES);
        long generous = Math.max(needed, Bits.alignDown(share, Zone.GRANULE_BYTES));
        long result = addExtent(generous);
        return result < 0 && needed < generous ? addExtent(needed) : result;
    }

    private long addExtent(long byteSize) {
        Extent extent = new Extent(byteSize);
        extents.makeRoom();
        long address = source.acquire(byteSize);
        if (Errno.isError(address)) {
            return address;
        }
        extent.place(address);
        extents.add(extent);
        tellAll(extent);
        extentBytes += byteSize;
        freePages += extent.pageCount;
        events.note(Probe.Kind.MAP, address, byteSize, 0);
        return 0;
    }

    /// Gives a span back.
    void freeSpan(long address, int pageCount) {
        lock.lock();
        try {
            give(address, pageCount);
        } finally {
            lock.unlock();
        }
    }

    private Extent give(long address, int pageCount) {
        Extent extent = extent(address);
        int page = extent.page(address);
        givePages(extent, page, page + pageCount, true);
        gives++;
        return extent;
    }

    /// Gives the chunk of a slab back.
    ///
    /// @param uncharged bit `p` for page `p` that was discharged already, and holds no memory
    void freeChunk(long address, int uncharged) {
        lock.lock();
        try {
            Extent extent = extent(address);
            int page = extent.page(address);
            int from = 0;
            while (from < PageGeometry.PAGES_PER_CHUNK) {
                boolean clean = (uncharged >>> from & 1) != 0;
                int run = Integer.numberOfTrailingZeros(clean ? ~(uncharged >>> from) : uncharged >>> from);
                int to = Math.min(from + run, PageGeometry.PAGES_PER_CHUNK);
                givePages(extent, page + from, page + to, !clean);
                from = to;
            }
            gives++;
        } finally {
            lock.unlock();
        }
    }

    private void begin(long address, int pageCount, int tag) {
        long record = ChunkMap.record(address);
        if (RawMemory.getInt(record + ChunkMap.TAG) != ChunkMap.PAGES) {
            RawMemory.clear(record + ChunkMap.BODY, PageGeometry.PAGES_PER_CHUNK * LargeBlock.ENTRY_BYTES);
            RawMemory.putInt(record + ChunkMap.HEAP, heapId);
            RawMemory.putIntRelease(record + ChunkMap.TAG, ChunkMap.PAGES);
        }
        LargeBlock.begin(LargeBlock.entry(address), pageCount, tag);
        largePagesAllocated += pageCount;
        largeAllocated++;
    }

    /// As [LargeBlock#entryOrZero], and 0 where another shard's block begins. Under the lock.
    private long entryOrZero(long address) {
        long entry = LargeBlock.entryOrZero(address);
        return entry != 0 && Spans.shardNumber(address) == number ? entry : 0;
    }

    /// As [Spans#freeLarge], where the block is of this shard.
    int freeLarge(long address) {
        lock.lock();
        try {
            long entry = entryOrZero(address);
            long word = entry == 0 ? 0 : LargeBlock.word(entry);
            boolean mayBeFreed = word != 0 && LargeBlock.tag(word) == 0 && !LargeBlock.isHeld(entry);
            int pageCount = mayBeFreed ? LargeBlock.pages(word) : 0;
            if (pageCount != 0) {
                end(address, entry, pageCount);
            }
            return pageCount;
        } finally {
            lock.unlock();
        }
    }

    /// As [Spans#endLarge], of a block of this shard.
    void endLarge(long address, boolean isIdle) {
        lock.lock();
        try {
            long entry = LargeBlock.entry(address);
            int pageCount = LargeBlock.pages(LargeBlock.word(entry));
            Extent extent = end(address, entry, pageCount);
            if (isIdle) {
                int page = extent.page(address);
                extent.markIdle(page, page + pageCount);
            }
        } finally {
            lock.unlock();
        }
    }

    private Extent end(long address, long entry, int pageCount) {
        LargeBlock.end(entry);
        largePagesFreed += pageCount;
        largeFreed++;
        return give(address, pageCount);
    }

    /// As [Spans#resizeLarge], where the block is of this shard.
    boolean resizeLarge(long address, int pageCount) {
        lock.lock();
        try {
            long entry = entryOrZero(address);
            int before = entry == 0 ? 0 : LargeBlock.livePages(LargeBlock.word(entry));
            if (before <= 0) {
                return false;
            }
            Extent extent = extent(address);
            int page = extent.page(address);
            if (pageCount < before) {
                givePages(extent, page + pageCount, page + before, true);
                gives++;
            } else if (pageCount > before) {
                if (!extent.isFree(page + before, page + pageCount)
                        || Errno.isError(take(extent, page + before, pageCount - before))) {
                    return false;
                }
            }
            LargeBlock.putPages(entry, pageCount);
            largePagesAllocated += Math.max(0, pageCount - before);
            largePagesFreed += Math.max(0, before - pageCount);
            return true;
        } finally {
            lock.unlock();
        }
    }

    /// How many pages large blocks have, live or stocked: without the lock, about.
    long largePagesAbout() {
        return largePagesAllocated - largePagesFreed;
    }

    /// Adds what its pages are to a census without stocked blocks. Walks nothing.
    Spans.Census addTo(Spans.Census sums) {
        lock.lock();
        try {
            return new Spans.Census(
                    sums.extentBytes() + extentBytes,
                    sums.spanBytes() + extentBytes - (freePages << PageGeometry.PAGE_SHIFT),
                    sums.dirtyBytes() + (dirtyPages << PageGeometry.PAGE_SHIFT),
                    sums.chargedBytes(),
                    sums.largeAllocatedBlocks() + largeAllocated,
                    sums.largeFreedBlocks() + largeFreed,
                    sums.largeAllocatedBytes() + (largePagesAllocated << PageGeometry.PAGE_SHIFT),
                    sums.largeFreedBytes() + (largePagesFreed << PageGeometry.PAGE_SHIFT));
        } finally {
            lock.unlock();
        }
    }

    /// How many large blocks have come back, ever: from stocks too.
    long largeFreed() {
        lock.lock();
        try {
            return largeFreed;
        } finally {
            lock.unlock();
        }
    }

    /// The first address at or after `address` that lies in an extent, below what was ever used of it; 0 if none.
    long usedFrom(long address) {
        lock.lock();
        try {
            for (int index = extents.indexFrom(address); index < extents.size(); index++) {
                Extent extent = extents.get(index);
                if (extent.address(extent.usedEnd()) > address) {
                    return Math.max(address, extent.base());
                }
            }
            return 0;
        } finally {
            lock.unlock();
        }
    }

    /// The end of what was ever used of the extent that has `address`; 0 when none has.
    long usedEnd(long address) {
        lock.lock();
        try {
            int index = extents.indexFrom(address);
            boolean found = index < extents.size() && extents.get(index).contains(address);
            return found ? extents.get(index).address(extents.get(index).usedEnd()) : 0;
        } finally {
            lock.unlock();
        }
    }

    /// Which pages of the first extent that does not end at or before `address` are free, and which of those dirty, at
    /// this moment; null when there is none.
    @Nullable
    ExtentPages pagesFrom(long address) {
        lock.lock();
        try {
            int index = extents.indexFrom(address);
            return index < extents.size() ? extents.get(index).pages() : null;
        } finally {
            lock.unlock();
        }
    }

    /// Bytes of free pages that may hold memory.
    long dirtyBytes() {
        lock.lock();
        try {
            return dirtyPages << PageGeometry.PAGE_SHIFT;
        } finally {
            lock.unlock();
        }
    }

    /// Whether a [#purge] may have anything to do: a span came back since the last, or that has left something.
    boolean isPurgeDue() {
        lock.lock();
        try {
            return unfinished || gives != givesPurged;
        } finally {
            lock.unlock();
        }
    }

    /// As [Spans#purge], until `enoughBytes` went; of extents that are empty one is excepted if `keepsOne`.
    /// [#keptBytes] tells how much it has kept.
    long purge(long keepBytes, boolean all, long enoughBytes, boolean keepsOne) {
        long purgedBytes = 0;
        keptBytes = 0;
        beginPurge();
        boolean leaves = enoughBytes < Long.MAX_VALUE;
        Extent extent = extentFrom(0);
        while (extent != null) {
            int page = 0;
            while (purgedBytes < enoughBytes) {
                int from;
                int to;
                lock.lock();
                try {
                    from = extent.dirtyCount() == 0 ? extent.pageCount : extent.nextPurgeable(page, all);
                    if (from >= extent.pageCount) {
                        leaves |= extent.dirtyCount() > 0 && extent.markIdle();
                        break;
                    }
                    to = extent.purgeableEnd(from, from + (PURGE_STEP_BYTES >>> PageGeometry.PAGE_SHIFT), all);
                    page = to;
                    long runBytes = extent.address(to) - extent.address(from);
                    if (keptBytes + runBytes <= keepBytes) {
                        keptBytes += runBytes;
                        continue;
                    }
                    takePages(extent, from, to);
                } finally {
                    lock.unlock();
                }
                purgedBytes += purgeTaken(extent, from, to);
            }
            extent = extentFrom(extent.end());
        }
        releaseEmptyExtents(keepsOne, leaves);
        return purgedBytes;
    }

    /// How many bytes the last [#purge] has kept. By who has called it.
    long keptBytes() {
        return keptBytes;
    }

    private void beginPurge() {
        lock.lock();
        try {
            givesPurged = gives;
            unfinished = true; // should an error end it
        } finally {
            lock.unlock();
        }
    }

    /// The first extent that does not end at or before `address`, or null.
    private @Nullable Extent extentFrom(long address) {
        lock.lock();
        try {
            int index = extents.indexFrom(address);
            return index < extents.size() ? extents.get(index) : null;
        } finally {
            lock.unlock();
        }
    }

    private long purgeTaken(Extent extent, int from, int to) {
        long bytes = extent.address(to) - extent.address(from);
        boolean isPurged = false;
        try {
            isPurged = source.purge(extent.address(from), bytes) >= 0;
        } finally {
            giveBack(extent, from, to, isPurged);
        }
        return isPurged ? bytes : 0;
    }

    private void giveBack(Extent extent, int from, int to, boolean isPurged) {
        lock.lock();
        try {
            givePages(extent, from, to, !isPurged);
            if (isPurged) {
                charge.remove(to - from);
                events.note(Probe.Kind.PURGE, extent.address(from), extent.address(to) - extent.address(from), 0);
            }
        } finally {
            lock.unlock();
        }
    }

    /// @param leaves whether the purge has left something to the next
    private void releaseEmptyExtents(boolean keepsOne, boolean leaves) {
        lock.lock();
        try {
            boolean spare = !keepsOne;
            unfinished = leaves;
            int index = 0;
            while (index < extents.size()) {
                Extent extent = extents.get(index);
                boolean empty = extent.freeCount() == extent.pageCount && extent.dirtyCount() == 0;
                if (empty && spare && release(extent)) {
                    extents.remove(index);
                } else {
                    unfinished |= empty && spare;
                    spare |= empty;
                    index++;
                }
            }
        } finally {
            lock.unlock();
        }
    }

    /// Releases an extent without a span. Its records are marked as queued before, so that a thread at the end of a
    /// free, which is late, links none of them while they are made zero: that would cut off what is linked behind it.
    /// Returns false, and has done nothing, when one is queued, or the source refuses.
    private boolean release(Extent extent) {
        long end = ChunkMap.record(extent.base()) + (long) Zone.RECORD_BYTES * usedChunks(extent);
        long record = ChunkMap.record(extent.base());
        while (record < end && RawMemory.compareAndSetInt(record + ChunkMap.QUEUED, 0, 1)) {
            record += Zone.RECORD_BYTES;
        }
        if (record == end && source.release(extent.base(), extent.byteSize()) == 0) {
            extentBytes -= extent.byteSize();
            freePages -= extent.pageCount;
            events.note(Probe.Kind.UNMAP, extent.base(), extent.byteSize(), 0);
            return true;
        }
        while (record > ChunkMap.record(extent.base())) {
            record -= Zone.RECORD_BYTES;
            RawMemory.putIntRelease(record + ChunkMap.QUEUED, 0);
        }
        tellAll(extent); // its records may be zero by now
        return false;
    }

    private static int usedChunks(Extent extent) {
        return (extent.usedEnd() + PageGeometry.PAGES_PER_CHUNK - 1) / PageGeometry.PAGES_PER_CHUNK;
    }

    private Extent extent(long address) {
        int index = extents.indexFrom(address);
        if (index < extents.size() && extents.get(index).contains(address)) {
            return extents.get(index);
        }
        throw new AssertionError("no extent has 0x" + Long.toHexString(address));
    }

    /// As [Spans#blockNear], or 0 when no extent here has the address.
    long blockNear(long address, int step, int pageCount) {
        lock.lock();
        try {
            int index = extents.indexFrom(address);
            if (index == extents.size() || !extents.get(index).contains(address)) {
                return 0;
            }
            Extent extent = extents.get(index);
            int page = extent.page(address) + step;
            for (int count = 0; count < pageCount && extent.contains(extent.address(page)); count++, page += step) {
                long entry = LargeBlock.entryOrZero(extent.address(page));
                long word = entry == 0 ? 0 : LargeBlock.word(entry);
                if (LargeBlock.pages(word) != 0 && LargeBlock.isLive(entry, word)) {
                    return extent.address(page);
                }
            }
            return 0;
        } finally {
            lock.unlock();
        }
    }

    /// As [Spans#blockAround], or 0 when no extent here has the address.
    long blockAround(long address) {
        lock.lock();
        try {
            int index = extents.indexFrom(address);
            if (index == extents.size() || !extents.get(index).contains(address)) {
                return 0;
            }
            Extent extent = extents.get(index);
            for (int page = extent.page(address); page >= 0; page--) {
                long entry = LargeBlock.entryOrZero(extent.address(page));
                long word = entry == 0 ? 0 : LargeBlock.word(entry);
                int pages = LargeBlock.pages(word);
                if (pages != 0) {
                    boolean inside = address < extent.address(page + pages);
                    return inside && LargeBlock.isLive(entry, word) ? extent.address(page) : 0;
                }
            }
            return 0;
        } finally {
            lock.unlock();
        }
    }

    /// The first extent that does not end at or before `address`: its begin, 0 if none.
    long extentBegin(long address) {
        Extent extent = extentFrom(address);
        return extent == null ? 0 : extent.base();
    }

    /// The bytes of the extent that begins there.
    long extentBytes(long begin) {
        Extent extent = extentFrom(begin);
        return extent == null || extent.base() != begin ? 0 : extent.byteSize();
    }

    /// Releases every extent, whatever it holds. Returns 0, or minus errno of the first that was refused; it can be
    /// called again.
    long close() {
        lock.lock();
        try {
            long failure = 0;
            int index = 0;
            while (index < extents.size()) {
                Extent extent = extents.get(index);
                long result = source.release(extent.base(), extent.byteSize());
                if (result == 0) {
                    extentBytes -= extent.byteSize();
                    freePages -= extent.freeCount();
                    dirtyPages -= extent.dirtyCount();
                    extents.remove(index);
                } else {
                    tellAll(extent);
                    failure = failure == 0 ? result : failure;
                    index++;
                }
            }
            return failure;
        } finally {
            lock.unlock();
        }
    }

    /// The pages that spans and dirty pages are, and those of them in stocked blocks.
    record Pages(long charged, long stocked) {}

    /// Checks the invariants of the class header; throws [AssertionError] on the first that does not hold.
    Pages verify() {
        lock.lock();
        try {
            extents.verify();
            long pages = 0;
            long free = 0;
            long dirty = 0;
            long blocks = 0;
            long blockPages = 0;
            long stocked = 0;
            for (int index = 0; index < extents.size(); index++) {
                Extent extent = extents.get(index);
                pages += extent.pageCount - extent.freeCount() + extent.dirtyCount();
                free += extent.freeCount();
                dirty += extent.dirtyCount();
                long record = ChunkMap.record(extent.base());
                check(
                        RawMemory.getInt(record + ChunkMap.EXTENT_PAGES) == extent.pageCount
                                && RawMemory.getInt(record + ChunkMap.FREE_PAGES) == extent.freeCount()
                                && RawMemory.getInt(record + ChunkMap.DIRTY_PAGES) == extent.dirtyCount(),
                        "an extent's counts are not in its first record");
                for (int page = 0; page < extent.usedEnd(); page++) {
                    long entry = LargeBlock.entryOrZero(extent.address(page));
                    long word = entry == 0 ? 0 : LargeBlock.word(entry);
                    int block = LargeBlock.pages(word);
                    check(block == 0 || Spans.shardNumber(extent.address(page)) == number, "a block of another shard");
                    blocks += block > 0 ? 1 : 0;
                    blockPages += block;
                    stocked += block == 0 || LargeBlock.isLive(entry, word) ? 0 : block;
                    page += Math.max(0, block - 1);
                }
            }
            check(free == freePages && dirty == dirtyPages, "the counts of free pages are not those of the extents");
            check(
                    blocks == largeAllocated - largeFreed && blockPages == largePagesAllocated - largePagesFreed,
                    "the counts of large blocks are wrong");
            return new Pages(pages, stocked);
        } finally {
            lock.unlock();
        }
    }

    private void check(boolean condition, String message) {
        if (!condition) {
            throw new AssertionError("shard " + number + " of the spans: " + message);
        }
    }
}
