package malloc4j.internal.span;

import malloc4j.internal.memory.Bits;
import malloc4j.internal.memory.RawMemory;
import malloc4j.internal.os.Errno;
import malloc4j.internal.os.Mutex;
import malloc4j.internal.region.Budget;
import malloc4j.internal.region.ChunkMap;
import malloc4j.internal.region.Ground;
import malloc4j.internal.region.HeapEvents;
import malloc4j.internal.region.PageGeometry;
import malloc4j.internal.region.PageSource;
import malloc4j.internal.region.RangeVisitor;
import malloc4j.internal.region.Zone;
import malloc4j.observe.Probe;
import org.jspecify.annotations.Nullable;

/// The pages of one heap: spans of them are taken by slabs and large blocks, and come back.
///
/// A span is the lowest run of free pages that is long enough, over all extents in address order, so that the high
/// end of the heap drains. What comes back stays dirty, ready for the next taker, until the purger finds it still
/// unused on a second visit and gives its memory to the kernel; an extent without any span goes back to its source
/// as a whole.
///
/// A large block is a span whose length, in pages, stands in the record of the chunk that it begins in, with whose it
/// is: see [LargeBlock].
///
/// Invariants, each checked by [#verify]:
/// 1. Every page of an extent is free, or in exactly one span.
/// 2. The budget is charged the pages that are in spans or dirty, but for those of slabs that went back to the kernel:
///    `(pages - free + dirty - uncharged) * page size`.
/// 3. Those of [Extents].
/// 4. There are `largeAllocated - largeFreed` large blocks, live or stocked, and they have `largePagesAllocated -
///    largePagesFreed` pages; `freePages` and `dirtyPages` are the sums of what the extents count.
///
/// Concurrency: one lock over everything, held over no system call but an extent's coming and going. While the
/// purger gives pages back they are taken, so that nobody else can have them.
public final class Spans {
    private static final long MIN_EXTENT_BYTES = 2 * Zone.GRANULE_BYTES; // 4 MiB
    private static final long MAX_EXTENT_BYTES = 32 * Zone.GRANULE_BYTES; // 64 MiB
    private static final int EXTENT_SHARE_SHIFT = 3; // a new extent is an eighth of the heap: few extents, little waste
    private static final int PURGE_STEP_BYTES = 4 << 20; // one madvise of some hundred microseconds

    private final PageSource source;
    private final Budget budget;
    private final int heapId;
    private final HeapEvents events;
    private final Mutex lock = new Mutex();
    private final Extents extents = new Extents();
    private long extentBytes;
    private long chargedBytes;
    private long largeAllocated; // blocks, ever; and so on
    private long largeFreed;
    private long largePagesAllocated;
    private long largePagesFreed;
    private long freePages;
    private long dirtyPages;
    private long gives; // spans that came back, ever
    private long givesPurged; // how many of them the last visit knew of
    private long keptAtPurge; // how much it was to keep, in bytes
    private boolean unfinished; // whether it has left something to the next

    /// One that tells nobody what it does.
    ///
    /// @param heapId the number that marks this heap's chunks
    public Spans(PageSource source, Budget budget, int heapId) {
        this(source, budget, heapId, new HeapEvents("", heapId, null, Ground.process()));
    }

    /// @param heapId the number that marks this heap's chunks
    public Spans(PageSource source, Budget budget, int heapId, HeapEvents events) {
        this.source = source;
        this.budget = budget;
        this.heapId = heapId;
        this.events = events;
    }

    /// Where what the heap does seldom is noted.
    public HeapEvents events() {
        return events;
    }

    /// Takes a span of `pageCount` pages, its address a multiple of `alignmentPages`, a power of two. Returns the
    /// address, of which [#isZeroed] tells more, or minus errno: `EDQUOT` when the budget refuses, `EAGAIN` when the
    /// extents have no such run and `mayGrow` is false, or what the source answered.
    public long allocateSpan(int pageCount, int alignmentPages, boolean mayGrow) {
        lock.lock();
        try {
            long span = takeOrGrow(pageCount, alignmentPages, mayGrow);
            boolean wholeChunk =
                    pageCount == PageGeometry.PAGES_PER_CHUNK && alignmentPages >= PageGeometry.PAGES_PER_CHUNK;
            if (wholeChunk && !Errno.isError(span)) {
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
        if (!charge(pageCount - dirty)) {
            return -Errno.EDQUOT;
        }
        takePages(extent, page, page + pageCount);
        long address = extent.address(page);
        RawMemory.putByte(zeroed(address), (byte) (dirty == 0 ? 1 : 0));
        return address;
    }

    private static long zeroed(long address) {
        long page = (address & (Zone.CHUNK_BYTES - 1)) >>> PageGeometry.PAGE_SHIFT;
        return ChunkMap.record(address) + ChunkMap.ZEROED + page;
    }

    /// Whether every byte of a span reads zero that was just taken, and not written since. By whoever has it.
    public static boolean isZeroed(long address) {
        return RawMemory.getByte(zeroed(address)) != 0;
    }

    /// Notes that a span is given out that somebody may have written to. By whoever has it.
    public static void noteWritten(long address) {
        RawMemory.putByte(zeroed(address), (byte) 0);
    }

    private void takePages(Extent extent, int from, int to) {
        dirtyPages -= extent.dirtyCount();
        extent.take(from, to);
        dirtyPages += extent.dirtyCount();
        freePages -= to - from;
    }

    private void givePages(Extent extent, int from, int to, boolean areDirty) {
        extent.give(from, to, areDirty);
        freePages += to - from;
        dirtyPages += areDirty ? to - from : 0;
    }

    /// Charges pages of a slab that are about to be used again. Returns false when the budget refuses.
    public boolean chargeSlabPages(int pageCount) {
        lock.lock();
        try {
            return charge(pageCount);
        } finally {
            lock.unlock();
        }
    }

    /// Discharges pages of a slab that went back to the kernel.
    public void dischargeSlabPages(int pageCount) {
        if (pageCount == 0) {
            return;
        }
        lock.lock();
        try {
            discharge(pageCount);
        } finally {
            lock.unlock();
        }
    }

    private boolean charge(int pageCount) {
        long bytes = (long) pageCount << PageGeometry.PAGE_SHIFT;
        if (!budget.charge(bytes)) {
            return false;
        }
        chargedBytes += bytes;
        return true;
    }

    private void discharge(long pageCount) {
        long bytes = pageCount << PageGeometry.PAGE_SHIFT;
        budget.discharge(bytes);
        chargedBytes -= bytes;
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
        extentBytes += byteSize;
        freePages += extent.pageCount;
        events.note(Probe.Kind.MAP, address, byteSize, 0);
        return 0;
    }

    /// Gives a span back.
    public void freeSpan(long address, int pageCount) {
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
    public void freeChunk(long address, int uncharged) {
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

    /// Takes a span as a large block. Returns as [#allocateSpan] does.
    ///
    /// @param tag the number of the cache whose it is, 0 for none: then [#freeLarge] frees it
    public long allocateLarge(int pageCount, int alignmentPages, boolean mayGrow, int tag) {
        lock.lock();
        try {
            long span = takeOrGrow(pageCount, alignmentPages, mayGrow);
            if (!Errno.isError(span)) {
                begin(span, pageCount, tag);
                largePagesAllocated += pageCount;
                largeAllocated++;
            }
            return span;
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
    }

    /// The size in bytes of the live large block at `address`, 0 when no such block begins there, or it is held.
    public static long byteSize(long address) {
        long entry = LargeBlock.entryOrZero(address);
        long word = entry == 0 ? 0 : LargeBlock.word(entry);
        return word != 0 && LargeBlock.isFreeable(entry, word)
                ? (long) LargeBlock.pages(word) << PageGeometry.PAGE_SHIFT
                : 0;
    }

    /// Frees a large block that no cache owns. Returns its page count, or 0 when no such block begins there.
    public int freeLarge(long address) {
        lock.lock();
        try {
            long entry = LargeBlock.entryOrZero(address);
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

    /// Makes free pages of a large block that a cache owns, live or stocked. By the owner.
    ///
    /// @param isIdle whether the pages may go back to the kernel at the next visit
    public void endLarge(long address, boolean isIdle) {
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

    /// Grows or shrinks the large block at `address` where it is. Returns true when it has `pageCount` pages now,
    /// false when the pages behind it are not free, the budget refuses, or no such block begins there. By the owner
    /// where a cache owns it.
    public boolean resizeLarge(long address, int pageCount) {
        lock.lock();
        try {
            long entry = LargeBlock.entryOrZero(address);
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

    /// About how many pages large blocks have, live or stocked: without the lock.
    public long largePagesAbout() {
        return largePagesAllocated - largePagesFreed;
    }

    /// The first address at or after `address` that lies in an extent, below what was ever used of it; 0 if none.
    public long usedFrom(long address) {
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
    public long usedEnd(long address) {
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
    public @Nullable ExtentPages pagesFrom(long address) {
        lock.lock();
        try {
            int index = extents.indexFrom(address);
            return index < extents.size() ? extents.get(index).pages() : null;
        } finally {
            lock.unlock();
        }
    }

    /// Bytes of large blocks, live or stocked. Walks nothing.
    public long largeBytes() {
        lock.lock();
        try {
            return (largePagesAllocated - largePagesFreed) << PageGeometry.PAGE_SHIFT;
        } finally {
            lock.unlock();
        }
    }

    /// Bytes of pages that the budget counts.
    public long chargedBytes() {
        lock.lock();
        try {
            return chargedBytes;
        } finally {
            lock.unlock();
        }
    }

    /// Bytes of free pages that may hold memory.
    public long dirtyBytes() {
        lock.lock();
        try {
            return dirtyPages << PageGeometry.PAGE_SHIFT;
        } finally {
            lock.unlock();
        }
    }

    /// Gives free pages back to the kernel as [#purge] does, whatever their age, until `enoughBytes` went.
    public long purgeEnough(long enoughBytes) {
        return purge(0, true, enoughBytes);
    }

    /// Whether a [#purge] may have anything to do: a span came back since the last, or that has left something.
    public boolean isPurgeDue(long keepBytes) {
        lock.lock();
        try {
            return unfinished || gives != givesPurged || keepBytes < keptAtPurge;
        } finally {
            lock.unlock();
        }
    }

    /// Gives free pages back to the kernel: those that were dirty at the last call already, or `all`; but keeps
    /// `keepBytes` of them, the lowest. Then releases the extents that have no span and nothing dirty left, one
    /// excepted. Returns how many bytes went back. Only one thread at a time may call it.
    public long purge(long keepBytes, boolean all) {
        return purge(keepBytes, all, Long.MAX_VALUE);
    }

    private long purge(long keepBytes, boolean all, long enoughBytes) {
        long purgedBytes = 0;
        long keptBytes = 0;
        beginPurge(keepBytes, enoughBytes);
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
                        unfinished |= extent.dirtyCount() > 0 && extent.markIdle();
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
        releaseEmptyExtents();
        return purgedBytes;
    }

    private void beginPurge(long keepBytes, long enoughBytes) {
        lock.lock();
        try {
            givesPurged = gives;
            keptAtPurge = keepBytes;
            unfinished = enoughBytes < Long.MAX_VALUE;
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
        long result = source.purge(extent.address(from), bytes);
        lock.lock();
        try {
            givePages(extent, from, to, result < 0);
            if (result < 0) {
                return 0;
            }
            discharge(to - from);
            events.note(Probe.Kind.PURGE, extent.address(from), bytes, 0);
            return bytes;
        } finally {
            lock.unlock();
        }
    }

    private void releaseEmptyExtents() {
        lock.lock();
        try {
            boolean spare = false;
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

    /// What the stocks of a heap's caches have, and gave.
    ///
    /// @param blocks large blocks that are in stocks, or freed by other threads and on their way there
    /// @param pages their pages
    /// @param takenBlocks how many blocks were allocated from stocks, ever
    /// @param takenPages their pages
    public record Stocked(long blocks, long pages, long takenBlocks, long takenPages) {
        public static final Stocked NONE = new Stocked(0, 0, 0, 0);

        /// With so many more blocks and pages that are free.
        public Stocked with(long moreBlocks, long morePages) {
            return new Stocked(blocks + moreBlocks, pages + morePages, takenBlocks, takenPages);
        }
    }

    /// What a heap's pages are, where stocked blocks are free and dirty.
    ///
    /// @param extentBytes bytes of all extents
    /// @param spanBytes bytes of pages in spans
    /// @param dirtyBytes bytes of free pages that may hold memory
    /// @param chargedBytes bytes of pages that the budget counts
    /// @param largeAllocatedBlocks how many large blocks were allocated, ever
    /// @param largeFreedBlocks how many were freed, ever
    /// @param largeAllocatedBytes bytes that were allocated, or added to a block, ever
    /// @param largeFreedBytes bytes that were freed, or taken off a block, ever
    public record Census(
            long extentBytes,
            long spanBytes,
            long dirtyBytes,
            long chargedBytes,
            long largeAllocatedBlocks,
            long largeFreedBlocks,
            long largeAllocatedBytes,
            long largeFreedBytes) {
        /// How many large blocks are live.
        public long largeBlocks() {
            return largeAllocatedBlocks - largeFreedBlocks;
        }

        /// Their bytes.
        public long largeBytes() {
            return largeAllocatedBytes - largeFreedBytes;
        }
    }

    /// How many large blocks have come back, ever: from stocks too.
    public long largeFreed() {
        lock.lock();
        try {
            return largeFreed;
        } finally {
            lock.unlock();
        }
    }

    /// As [#census(Stocked)], of a heap whose stocks are empty.
    public Census census() {
        return census(Stocked.NONE);
    }

    /// Walks nothing.
    public Census census(Stocked stocked) {
        lock.lock();
        try {
            return new Census(
                    extentBytes,
                    extentBytes - ((freePages + stocked.pages) << PageGeometry.PAGE_SHIFT),
                    (dirtyPages + stocked.pages) << PageGeometry.PAGE_SHIFT,
                    chargedBytes,
                    largeAllocated + stocked.takenBlocks,
                    largeFreed + stocked.takenBlocks + stocked.blocks,
                    (largePagesAllocated + stocked.takenPages) << PageGeometry.PAGE_SHIFT,
                    (largePagesFreed + stocked.takenPages + stocked.pages) << PageGeometry.PAGE_SHIFT);
        } finally {
            lock.unlock();
        }
    }

    /// The first address of the live large block that `address` lies inside, or 0; for messages.
    public long blockAround(long address) {
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

    /// Calls `visitor` with the address and byte size of each extent.
    public void forEachExtent(RangeVisitor visitor) {
        Extent extent = extentFrom(0);
        while (extent != null) {
            visitor.visit(extent.base(), extent.byteSize());
            extent = extentFrom(extent.end());
        }
    }

    /// Releases every extent, whatever it holds. Returns 0, or minus errno of the first that was refused; it can be
    /// called again.
    public long close() {
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
                    failure = failure == 0 ? result : failure;
                    index++;
                }
            }
            if (extents.size() == 0) {
                budget.discharge(chargedBytes);
                chargedBytes = 0;
                failure = source.close();
            }
            return failure;
        } finally {
            lock.unlock();
        }
    }

    /// Checks the invariants of the class header; throws [AssertionError] on the first that does not hold.
    ///
    /// @param unchargedPages how many pages of slabs went back to the kernel
    /// @param stockedBytes the bytes of large blocks in stocks
    public void verify(long unchargedPages, long stockedBytes) {
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
                for (int page = 0; page < extent.usedEnd(); page++) {
                    long entry = LargeBlock.entryOrZero(extent.address(page));
                    long word = entry == 0 ? 0 : LargeBlock.word(entry);
                    int block = LargeBlock.pages(word);
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
            check(stocked << PageGeometry.PAGE_SHIFT == stockedBytes, "stocked blocks are not those of the stocks");
            check(
                    chargedBytes == (pages - unchargedPages) << PageGeometry.PAGE_SHIFT,
                    "the budget's charge is not what spans and dirty pages are");
        } finally {
            lock.unlock();
        }
    }

    private static void check(boolean condition, String message) {
        if (!condition) {
            throw new AssertionError("spans: " + message);
        }
    }
}
