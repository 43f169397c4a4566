package malloc4j.internal.span;

import java.util.Arrays;
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
import org.jspecify.annotations.Nullable;

/// The pages of one heap: spans of them are taken by slabs and large blocks, and come back.
///
/// ```
///   shards   [0]  extents 4 MiB, 4 MiB, 8 MiB ...        one lock each
///            [1]  extents 4 MiB                          made when threads have met at a lock
///
///   homes    thread id mod 64 -> the shard where those threads look first; [0] until they have met others there
/// ```
///
/// A heap begins with one shard, and while its threads do not meet there is no other: a span is the lowest run of free
/// pages that is long enough ([SpanShard]). A thread that has found the lock taken often enough moves: to a new shard,
/// up to one a processor, or to the next. What its home has not it takes from other shards, and when that was so often,
/// its home grows. The next visit of the purger sends all threads home to the first.
///
/// A large block is a span whose length, in pages, stands in the record of the chunk that it begins in, with whose it
/// is: see [LargeBlock].
///
/// Invariants, each checked by [#verify]:
/// 1. Those of each [SpanShard].
/// 2. The budget is charged the pages that are in spans or dirty, but for those of slabs that went back to the kernel:
///    `(pages - free + dirty - uncharged) * page size`.
/// 3. The stocked blocks of all shards are those that the stocks have.
///
/// Concurrency: `shards` is replaced by a longer array under `growth`; no shard goes while the heap is open. No thread
/// has the locks of two shards. `homes` and `refusals` are hints, which a thread writes at its place, by plain stores.
public final class Spans {
    private static final int HOMES = 1 << 6;
    private static final int MIN_REFUSALS = 1 << 3;

    private final PageSource source;
    private final Charge charge;
    private final int heapId;
    private final HeapEvents events;
    private final int maxShards;
    private final Mutex growth = new Mutex();
    private final SpanShard first;
    private volatile SpanShard[] shards;
    private final @Nullable SpanShard[] homes = new @Nullable SpanShard[HOMES];
    private final int[] refusals = new int[HOMES];
    private long keptAtPurge; // how much the last purge was to keep, in bytes

    /// One that tells nobody what it does.
    ///
    /// @param heapId the number that marks this heap's chunks
    public Spans(PageSource source, Budget budget, int heapId) {
        this(source, budget, heapId, new HeapEvents("", heapId, null, null, Ground.process()));
    }

    /// @param heapId the number that marks this heap's chunks
    public Spans(PageSource source, Budget budget, int heapId, HeapEvents events) {
        this(source, budget, heapId, events, Runtime.getRuntime().availableProcessors());
    }

    Spans(PageSource source, Budget budget, int heapId, HeapEvents events, int maxShards) {
        this.source = source;
        this.charge = new Charge(budget);
        this.heapId = heapId;
        this.events = events;
        this.maxShards = Math.min(HOMES, maxShards);
        this.first = new SpanShard(source, charge, heapId, events, 0);
        this.shards = new SpanShard[] {first};
    }

    /// Where what the heap does seldom is noted.
    public HeapEvents events() {
        return events;
    }

    // -------------------------------------------------------------------------------------------------------- to take

    /// Takes a span of `pageCount` pages, its address a multiple of `alignmentPages`, a power of two. Returns the
    /// address, of which [#isZeroed] tells more, or minus errno: `EDQUOT` when the budget refuses, `EAGAIN` when the
    /// extents have no such run and `mayGrow` is false, or what the source answered.
    public long allocateSpan(int pageCount, int alignmentPages, boolean mayGrow) {
        return allocate(pageCount, alignmentPages, mayGrow, SpanShard.PLAIN);
    }

    /// Takes a span as a large block. Returns as [#allocateSpan] does.
    ///
    /// @param tag the number of the cache whose it is, 0 for none: then [#freeLarge] frees it
    public long allocateLarge(int pageCount, int alignmentPages, boolean mayGrow, int tag) {
        return allocate(pageCount, alignmentPages, mayGrow, tag);
    }

    private long allocate(int pageCount, int alignmentPages, boolean mayGrow, int tag) {
        boolean isAlone = shards.length == 1;
        SpanShard home = isAlone ? first : home();
        long span = home.allocate(pageCount, alignmentPages, mayGrow && isAlone, tag, false);
        return span > 0 || (isAlone && span != -Errno.EBUSY)
                ? span
                : allocateSlow(home, span, pageCount, alignmentPages, mayGrow, tag);
    }

    /// The rest of [#allocate] for who has met another thread at home, or not found the span there.
    ///
    /// @param refused what home has answered
    long allocateSlow(SpanShard home, long refused, int pageCount, int alignmentPages, boolean mayGrow, int tag) {
        boolean hasMet = refused == -Errno.EBUSY;
        if (isOften()) {
            SpanShard own = hasMet ? move(home) : home;
            long span = own.allocate(pageCount, alignmentPages, true, tag, true);
            if (span > 0) {
                return span;
            }
        }
        long result = hasMet ? home.allocate(pageCount, alignmentPages, false, tag, true) : refused;
        if (result > 0) {
            return result;
        }
        for (SpanShard shard : shards) {
            long span = shard == home ? result : shard.allocate(pageCount, alignmentPages, false, tag, true);
            if (span > 0) {
                return span;
            }
        }
        return result == -Errno.EAGAIN && mayGrow ? home.allocate(pageCount, alignmentPages, true, tag, true) : result;
    }

    /// Where this thread looks first.
    SpanShard home() {
        SpanShard home = homes[place()];
        return home == null ? first : home;
    }

    private static int place() {
        return (int) Thread.currentThread().threadId() & (HOMES - 1);
    }

    /// Counts that home was not enough for a thread. Returns whether it was so often enough to do something about it:
    /// not for all threads at once, or those that have met would meet again.
    private boolean isOften() {
        int place = place();
        boolean isOften = ++refusals[place] > MIN_REFUSALS + (place & 7) * 4;
        refusals[place] = isOften ? 0 : refusals[place];
        return isOften;
    }

    /// Gives a thread that has met others another home: a new shard, or the next one if there are enough.
    private SpanShard move(SpanShard home) {
        SpanShard[] all = shards;
        SpanShard next = all.length == maxShards ? all[(home.number() + 1) % all.length] : addShard(home);
        homes[place()] = next;
        return next;
    }

    /// Makes a shard. Returns it, or `home` where there are enough, or no room on the Java heap.
    private SpanShard addShard(SpanShard home) {
        growth.lock();
        try {
            SpanShard[] before = shards;
            if (before.length == maxShards) {
                return home;
            }
            SpanShard added = new SpanShard(source, charge, heapId, events, before.length);
            SpanShard[] more = Arrays.copyOf(before, before.length + 1);
            more[before.length] = added;
            shards = more;
            return added;
        } catch (OutOfMemoryError ofJava) {
            return home;
        } finally {
            growth.unlock();
        }
    }

    int shardCount() {
        return shards.length;
    }

    /// The number of the shard that has the chunk of an address in which a span begins.
    static byte shardNumber(long address) {
        return RawMemory.getByte(ChunkMap.record(address) + ChunkMap.SHARD);
    }

    /// The shard that has the chunk of an address in which a span of this heap begins; any one where it is no such.
    private SpanShard shard(long address) {
        SpanShard[] all = shards;
        int number = shardNumber(address);
        return number < all.length ? all[number] : first;
    }

    static long zeroed(long address) {
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

    /// Charges pages of a slab that are about to be used again. Returns false when the budget refuses.
    public boolean chargeSlabPages(int pageCount) {
        return charge.add(pageCount);
    }

    /// Discharges pages of a slab that went back to the kernel.
    public void dischargeSlabPages(int pageCount) {
        charge.remove(pageCount);
    }

    // --------------------------------------------------------------------------------------------------- to give back

    /// Gives a span back.
    public void freeSpan(long address, int pageCount) {
        shard(address).freeSpan(address, pageCount);
    }

    /// Gives the chunk of a slab back.
    ///
    /// @param uncharged bit `p` for page `p` that was discharged already, and holds no memory
    public void freeChunk(long address, int uncharged) {
        shard(address).freeChunk(address, uncharged);
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
        return LargeBlock.entryOrZero(address) == 0 ? 0 : shard(address).freeLarge(address);
    }

    /// Makes free pages of a large block that a cache owns, live or stocked. By the owner.
    ///
    /// @param isIdle whether the pages may go back to the kernel at the next visit
    public void endLarge(long address, boolean isIdle) {
        shard(address).endLarge(address, isIdle);
    }

    /// Grows or shrinks the large block at `address` where it is. Returns true when it has `pageCount` pages now,
    /// false when the pages behind it are not free, the budget refuses, or no such block begins there. By the owner
    /// where a cache owns it.
    public boolean resizeLarge(long address, int pageCount) {
        return LargeBlock.entryOrZero(address) != 0 && shard(address).resizeLarge(address, pageCount);
    }

    /// Whether a [#purge] may have anything to do: a span came back since the last, or that has left something.
    public boolean isPurgeDue(long keepBytes) {
        boolean isDue = keepBytes < keptAtPurge;
        for (SpanShard shard : shards) {
            isDue |= shard.isPurgeDue();
        }
        return isDue;
    }

    /// Gives free pages back to the kernel: those that were dirty at the last call already, or `all`; but keeps
    /// `keepBytes` of them, the lowest. Then releases the extents that have no span and nothing dirty left, one
    /// excepted. Returns how many bytes went back. Only one thread at a time may call it.
    public long purge(long keepBytes, boolean all) {
        Arrays.fill(homes, null);
        return purge(keepBytes, all, Long.MAX_VALUE);
    }

    /// Gives free pages back to the kernel as [#purge] does, whatever their age, until `enoughBytes` went.
    public long purgeEnough(long enoughBytes) {
        return purge(0, true, enoughBytes);
    }

    private long purge(long keepBytes, boolean all, long enoughBytes) {
        keptAtPurge = keepBytes;
        long purgedBytes = 0;
        long keptBytes = 0;
        for (SpanShard shard : shards) {
            long left = enoughBytes == Long.MAX_VALUE ? enoughBytes : enoughBytes - purgedBytes;
            purgedBytes += shard.purge(keepBytes - keptBytes, all, left, shard == first);
            keptBytes += shard.keptBytes();
        }
        return purgedBytes;
    }

    // -------------------------------------------------------------------------------------------------------- to look

    /// About how many pages large blocks have, live or stocked: without a lock.
    public long largePagesAbout() {
        long pages = 0;
        for (SpanShard shard : shards) {
            pages += shard.largePagesAbout();
        }
        return pages;
    }

    /// The first address at or after `address` that lies in an extent, below what was ever used of it; 0 if none.
    public long usedFrom(long address) {
        long lowest = 0;
        for (SpanShard shard : shards) {
            long used = shard.usedFrom(address);
            lowest = used != 0 && (lowest == 0 || used < lowest) ? used : lowest;
        }
        return lowest;
    }

    /// The end of what was ever used of the extent that has `address`; 0 when none has.
    public long usedEnd(long address) {
        long end = 0;
        for (SpanShard shard : shards) {
            end = Math.max(end, shard.usedEnd(address));
        }
        return end;
    }

    /// Which pages of the first extent that does not end at or before `address` are free, and which of those dirty, at
    /// this moment; null when there is none.
    public @Nullable ExtentPages pagesFrom(long address) {
        SpanShard shard = shardFrom(address);
        return shard == null ? null : shard.pagesFrom(address);
    }

    /// The shard of the first extent that does not end at or before `address`; null when there is none.
    private @Nullable SpanShard shardFrom(long address) {
        SpanShard lowest = null;
        long lowestBegin = 0;
        for (SpanShard shard : shards) {
            long begin = shard.extentBegin(address);
            if (begin != 0 && (lowest == null || begin < lowestBegin)) {
                lowest = shard;
                lowestBegin = begin;
            }
        }
        return lowest;
    }

    /// Calls `visitor` with the address and byte size of each extent.
    public void forEachExtent(RangeVisitor visitor) {
        for (SpanShard shard : shards) {
            long begin = shard.extentBegin(0);
            while (begin != 0) {
                long byteSize = shard.extentBytes(begin);
                if (byteSize != 0) {
                    visitor.visit(begin, byteSize);
                }
                begin = shard.extentBegin(begin + Math.max(1, byteSize));
            }
        }
    }

    /// Bytes of large blocks, live or stocked. Walks nothing.
    public long largeBytes() {
        return census().largeBytes();
    }

    /// Bytes of pages that the budget counts.
    public long chargedBytes() {
        return charge.bytes();
    }

    /// Bytes of free pages that may hold memory.
    public long dirtyBytes() {
        long bytes = 0;
        for (SpanShard shard : shards) {
            bytes += shard.dirtyBytes();
        }
        return bytes;
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

        /// Where so much of it is stocked.
        private Census with(Stocked stocked) {
            long stockedBytes = stocked.pages << PageGeometry.PAGE_SHIFT;
            long takenBytes = stocked.takenPages << PageGeometry.PAGE_SHIFT;
            return new Census(
                    extentBytes,
                    spanBytes - stockedBytes,
                    dirtyBytes + stockedBytes,
                    chargedBytes,
                    largeAllocatedBlocks + stocked.takenBlocks,
                    largeFreedBlocks + stocked.takenBlocks + stocked.blocks,
                    largeAllocatedBytes + takenBytes,
                    largeFreedBytes + takenBytes + stockedBytes);
        }
    }

    /// How many large blocks have come back, ever: from stocks too.
    public long largeFreed() {
        long freed = 0;
        for (SpanShard shard : shards) {
            freed += shard.largeFreed();
        }
        return freed;
    }

    /// As [#census(Stocked)], of a heap whose stocks are empty.
    public Census census() {
        return census(Stocked.NONE);
    }

    /// Walks nothing.
    public Census census(Stocked stocked) {
        Census sums = new Census(0, 0, 0, charge.bytes(), 0, 0, 0, 0);
        for (SpanShard shard : shards) {
            sums = shard.addTo(sums);
        }
        return sums.with(stocked);
    }

    /// The first address of the live large block that `address` lies inside, or 0; for messages.
    public long blockAround(long address) {
        long around = 0;
        for (SpanShard shard : shards) {
            around = Math.max(around, shard.blockAround(address));
        }
        return around;
    }

    /// The first address of the next live large block that begins on another page of the extent; 0 where none does on
    /// the next `pageCount` pages; for messages.
    ///
    /// @param step 1 for the pages above, -1 for those below
    public long blockNear(long address, int step, int pageCount) {
        long near = 0;
        for (SpanShard shard : shards) {
            near = Math.max(near, shard.blockNear(address, step, pageCount));
        }
        return near;
    }

    /// Releases every extent, whatever it holds. Returns 0, or minus errno of the first that was refused; it can be
    /// called again.
    public long close() {
        long failure = 0;
        for (SpanShard shard : shards) {
            long result = shard.close();
            failure = failure == 0 ? result : failure;
        }
        if (failure == 0) {
            charge.removeAll();
            failure = source.close();
        }
        return failure;
    }

    /// Checks the invariants of the class header; throws [AssertionError] on the first that does not hold.
    ///
    /// @param unchargedPages how many pages of slabs went back to the kernel
    /// @param stockedBytes the bytes of large blocks in stocks
    public void verify(long unchargedPages, long stockedBytes) {
        long charged = -unchargedPages;
        long stocked = 0;
        for (SpanShard shard : shards) {
            SpanShard.Pages pages = shard.verify();
            charged += pages.charged();
            stocked += pages.stocked();
        }
        check(stocked << PageGeometry.PAGE_SHIFT == stockedBytes, "stocked blocks are not those of the stocks");
        check(
                charge.bytes() == charged << PageGeometry.PAGE_SHIFT,
                "the budget's charge is not what spans and dirty pages are");
    }

    private static void check(boolean condition, String message) {
        if (!condition) {
            throw new AssertionError("spans: " + message);
        }
    }
}
