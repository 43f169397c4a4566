package malloc4j.internal.route;

import java.util.concurrent.atomic.AtomicLong;
import malloc4j.internal.cache.CacheRegistry;
import malloc4j.internal.cache.CacheTable;
import malloc4j.internal.cache.Sampling;
import malloc4j.internal.memory.FaultingRanges;
import malloc4j.internal.memory.RawMemory;
import malloc4j.internal.memory.StackProbe;
import malloc4j.internal.os.Errno;
import malloc4j.internal.region.ChunkMap;
import malloc4j.internal.region.HeapEvents;
import malloc4j.internal.region.HugeBlocks;
import malloc4j.internal.region.PageGeometry;
import malloc4j.internal.sample.Sampler;
import malloc4j.internal.slab.SizeClasses;
import malloc4j.internal.slab.Slab;
import malloc4j.internal.span.LargeBlock;
import malloc4j.internal.span.Spans;
import malloc4j.observe.MisuseReport.Finding;
import malloc4j.observe.Probe;

/// The one way of a heap's blocks: allocates, frees, sizes, resizes and explains them, over three homes.
///
/// ```
///   byteSize        0 ............ 32 KiB ............ threshold ............
///   home            SlabHome       LargeHome           HugeHome
///   found by        tag above 0    any other record    no record
/// ```
///
/// Which home serves a request, and which one has a block, is decided here and nowhere else.
///
/// Results are an address, or minus errno; for a block that is given, 0 when no live block of this heap begins at the
/// address, and then nothing has changed. A call that throws leaves nothing behind: what it had taken is free again.
///
/// Each slow way makes sure first that it has the stack for all that it may call ([StackProbe]).
public final class Route {
    /// The largest size, 2^46: half of what Linux gives a process on x86-64.
    public static final long MAX_BYTE_SIZE = 1L << 46;

    static final Tenants.Kind ARENA = Tenants.Kind.UNSCOPED_ARENA; // of any kind

    private static final long MAX_BYTES_ELSEWHERE = 1L << 32;

    private final CacheRegistry caches;
    private final CacheTable table;
    private final SlabHome small;
    private final LargeHome large;
    private final HugeHome huge;
    private final SampledHome sampled;
    private final Sampler sampler;
    private final Room room;
    private final Room ownRoom;
    private final HeapEvents events;
    private final AtomicLong refusals = new AtomicLong();
    private final Owners owners = new Owners();

    /// Who is asked when a request was refused.
    public interface Room {
        /// Makes room, if it can. Returns whether it is worth asking once more.
        ///
        /// @param result why the request was refused: minus errno
        /// @param byteSize its size
        /// @param attempt how often it has been tried again
        boolean make(long result, long byteSize, int attempt);
    }

    /// @param threshold from which size on blocks are mappings of their own, `Long.MAX_VALUE` for never
    /// @param room who is asked without a lock held
    /// @param ownRoom who is asked with one held: nobody of the program's
    public Route(
            CacheRegistry caches,
            Spans spans,
            HugeBlocks hugeBlocks,
            Sampler sampler,
            int heapId,
            long threshold,
            Room room,
            Room ownRoom) {
        this.caches = caches;
        this.table = caches.table();
        this.room = room;
        this.events = spans.events();
        this.ownRoom = ownRoom;
        this.small = new SlabHome(caches);
        this.huge = new HugeHome(hugeBlocks, threshold);
        this.large = new LargeHome(caches, spans, huge, heapId);
        this.sampler = sampler;
        this.sampled = new SampledHome(sampler, small, large, huge);
    }

    private Home homeFor(long byteSize, long byteAlignment) {
        if (small.serves(byteSize, byteAlignment)) {
            return small;
        }
        return huge.serves(byteSize, byteAlignment) ? huge : large;
    }

    private Home homeOf(long record, long address) {
        if (sampled.has(address)) {
            return sampled;
        }
        if (record == 0) {
            return huge;
        }
        return Slab.tag(record) > 0 ? small : large;
    }

    /// Whether a block of that size is a mapping of its own.
    public boolean isHuge(long byteSize) {
        return huge.serves(byteSize, SizeClasses.QUANTUM_BYTES);
    }

    /// Sets from which size on a block is a mapping of its own. Returns false where there are none in this heap.
    public boolean setThreshold(long byteSize) {
        if (huge.threshold() == Long.MAX_VALUE) {
            return false;
        }
        huge.threshold(Math.max(byteSize, SizeClasses.MAX_SMALL_BYTES + 1));
        return true;
    }

    /// Allocates a block; where that is refused, again as long as [Room] says that it is worth it. Returns the address
    /// or minus errno: `EINVAL` for a negative size, `EOVERFLOW` for one that cannot be had.
    ///
    /// @param byteAlignment a power of two
    public long allocate(long byteSize, long byteAlignment) {
        StackProbe.requireForCall();
        if (byteSize < 0 || byteSize > MAX_BYTE_SIZE) {
            return byteSize < 0 ? -Errno.EINVAL : noteRefused(-Errno.EOVERFLOW, byteSize);
        }
        long address = allocateOnce(byteSize, byteAlignment);
        for (int attempt = 0; Errno.isError(address) && room.make(address, byteSize, attempt); attempt++) {
            address = allocateOnce(byteSize, byteAlignment);
        }
        return noteRefused(address, byteSize);
    }

    /// Counts a request whose last answer is an error.
    private long noteRefused(long result, long byteSize) {
        if (Errno.isError(result) && result != -Errno.EBADF) {
            refusals.getAndIncrement();
            events.note(Probe.Kind.REFUSAL, 0, byteSize, (int) -result);
        }
        return result;
    }

    /// How many requests were refused, ever, for want of memory or for their size.
    public long refusals() {
        return refusals.get();
    }

    private long allocateOnce(long byteSize, long byteAlignment) {
        Home home = homeFor(byteSize, byteAlignment);
        long due = home == huge ? sampler.dueFor(byteSize) : 0;
        long address = due != 0 ? due : allocateIn(home, byteSize, byteAlignment, false);
        return Sampling.isDue(address) ? allocateDue(home, byteSize, byteAlignment, address) : address;
    }

    /// Allocates a block that is due to be a sample, or guarded; where that cannot be, or what the Java heap has no
    /// room for, as any other.
    ///
    /// @param due as [Sampling#due] gives it
    private long allocateDue(Home home, long byteSize, long byteAlignment, long due) {
        long address = sampled.allocate(home, byteSize, byteAlignment, due);
        if (address > 0) {
            return address;
        }
        return home == small
                ? small.allocateUnsampled(byteSize, byteAlignment)
                : allocateIn(home, byteSize, byteAlignment, true);
    }

    /// Allocates a block that is due to be a sample, as a cache has answered. Returns its address, or minus errno; that
    /// is no refusal yet.
    ///
    /// @param due as [Sampling#due] gives it
    public long allocateSample(long byteSize, long due) {
        Home home = homeFor(byteSize, SizeClasses.QUANTUM_BYTES);
        return allocateDue(home, byteSize, SizeClasses.QUANTUM_BYTES, due);
    }

    /// Allocates in a home, where the request belongs; a large one that is refused there by the kernel or for want of
    /// addresses, in the other home of large blocks: extents may have room where the process's addresses are used up,
    /// and the other way round. Not above 4 GiB: what a kernel refuses that promises more than it has is refused, and
    /// no extent is made for it, whose bit maps alone would be megabytes of the Java heap.
    private long allocateIn(Home home, long byteSize, long byteAlignment, boolean owned) {
        long address = allocateOnceIn(home, byteSize, byteAlignment, owned);
        boolean isFinal = home == small || huge.threshold() == Long.MAX_VALUE || address == -Errno.EDQUOT;
        boolean isTooLarge = byteAlignment > HugeHome.MAX_SPAN_ALIGNMENT || byteSize > MAX_BYTES_ELSEWHERE;
        if (!Errno.isError(address) || isFinal || isTooLarge) {
            return address;
        }
        long other = allocateOnceIn(home == huge ? large : huge, byteSize, byteAlignment, owned);
        return Errno.isError(other) ? address : other;
    }

    private static long allocateOnceIn(Home home, long byteSize, long byteAlignment, boolean owned) {
        return owned ? home.allocateOwned(byteSize, byteAlignment) : home.allocate(byteSize, byteAlignment);
    }

    /// As [#allocate], all bytes zero. Pages that the kernel has just zeroed are not zeroed again.
    public long allocateZeroed(long byteSize, long byteAlignment) {
        long address = allocate(byteSize, byteAlignment);
        return address <= 0 || isZeroed(address) ? address : zeroed(address, byteSize);
    }

    /// Whether every byte of a block is zero that was just allocated, and not written since.
    public boolean isZeroed(long address) {
        return homeOf(ChunkMap.record(address), address).isZeroed(address);
    }

    /// Zeroes a block that was just allocated, and returns its address; frees it again when its pages have vanished.
    public long zeroed(long address, long byteSize) {
        try {
            RawMemory.fill(address, byteSize, (byte) 0);
            FaultingRanges.await(address, byteSize);
        } catch (Throwable vanished) {
            long unused = free(address);
            throw vanished;
        }
        return address;
    }

    /// As [#allocate], for what hands out parts of the block itself: only [#freeOwned] frees it, every other call
    /// refuses it. Such a block is in no slab, where a warm free would ask nobody. Asks nobody but the heap itself for
    /// room: the caller may hold a lock.
    ///
    /// @param owner named in messages
    public long allocateOwned(long byteSize, long byteAlignment, Tenants.Kind owner) {
        StackProbe.requireForCall();
        if (byteSize < 0 || byteSize > MAX_BYTE_SIZE) {
            return byteSize < 0 ? -Errno.EINVAL : noteRefused(-Errno.EOVERFLOW, byteSize);
        }
        return noteRefused(allocatePages(byteSize, byteAlignment, owner, ownRoom), byteSize);
    }

    /// @param owner whose the block is to be; of an arena it is marked itself, where it is no mapping of its own
    private long allocatePages(long byteSize, long byteAlignment, Tenants.Kind owner, Room asked) {
        owners.reserve();
        boolean isNoted = false;
        try {
            long address = allocatePages(byteSize, byteAlignment, owner != ARENA, asked);
            if (address > 0 && (owner != ARENA || ChunkMap.record(address) == 0)) {
                owners.put(address, owner);
                isNoted = true;
            } else if (address > 0) {
                LargeBlock.hold(LargeBlock.entry(address));
            }
            return address;
        } finally {
            if (!isNoted) {
                owners.release();
            }
        }
    }

    private long allocatePages(long byteSize, long byteAlignment, boolean owned, Room asked) {
        Home home = huge.serves(byteSize, byteAlignment) ? huge : large;
        long address = allocateIn(home, byteSize, byteAlignment, owned);
        if (Sampling.isDue(address)) { // what stands on a heap is no sample
            address = allocateIn(home, byteSize, byteAlignment, true);
        }
        for (int attempt = 0; Errno.isError(address) && asked.make(address, byteSize, attempt); attempt++) {
            address = allocateIn(home, byteSize, byteAlignment, owned);
        }
        return address;
    }

    /// Frees a block of [#allocateOwned]; answers as [#free].
    public long freeOwned(long address) {
        StackProbe.requireForWhole(); // what is forgotten here must be freed
        Tenants.Kind owner = owners.remove(address);
        if (owner == null) {
            return 0;
        }
        long result = -Errno.ENOMEM;
        try {
            result = freeSlow(address);
        } finally {
            if (Errno.isError(result)) {
                owners.put(address, owner);
            } else {
                owners.release();
            }
        }
        return result;
    }

    /// As [#allocateOwned], for arenas, and without a lock held: pages from the thread's stock, or a mapping.
    /// Only [#freeHeld] frees such a block. [#isZeroed] tells more of it.
    ///
    /// @param byteSize 1 or more
    public long allocateHeld(long byteSize, long byteAlignment) {
        StackProbe.requireForCall();
        boolean mayBeStocked = byteAlignment <= PageGeometry.PAGE_BYTES && !huge.serves(byteSize, byteAlignment);
        long stocked = mayBeStocked ? table.takeStocked(byteSize) : 0;
        if (stocked > 0) {
            Spans.noteWritten(stocked);
            LargeBlock.hold(LargeBlock.entry(stocked));
            return stocked;
        }
        if (byteSize > MAX_BYTE_SIZE) {
            return noteRefused(-Errno.EOVERFLOW, byteSize);
        }
        return noteRefused(allocatePages(byteSize, byteAlignment, ARENA, room), byteSize);
    }

    /// Frees a block of [#allocateHeld]; answers as [#free].
    public long freeHeld(long address) {
        long entry = LargeBlock.entryOrZero(address);
        if (entry == 0) {
            return freeOwned(address);
        }
        if (!LargeBlock.isHeld(entry)) {
            return 0;
        }
        LargeBlock.unhold(entry);
        return freeSlow(address);
    }

    private boolean isOwned(Home home, long address) {
        return home != small && owners.get(address) != null;
    }

    /// Frees a block. Returns a positive number, 0, or minus errno, and then the block lives on.
    public long free(long address) {
        return table.freeBlock(address) ? 1 : freeSlow(address);
    }

    /// As [#free], for a block that [CacheTable#freeBlock] has refused.
    public long freeSlow(long address) {
        if (table.putStocked(address) || table.freeElsewhere(address) || caches.freeUncached(address)) {
            return 1;
        }
        StackProbe.requireForCall();
        long record = ChunkMap.record(address);
        Home home = homeOf(record, address);
        return isOwned(home, address) ? 0 : home.free(record, address);
    }

    /// How many bytes of a block may be used, or 0.
    public long byteSize(long address) {
        StackProbe.requireForCall();
        long record = ChunkMap.record(address);
        return byteSize(homeOf(record, address), record, address);
    }

    private long byteSize(Home home, long record, long address) {
        return isOwned(home, address) ? 0 : home.byteSize(record, address);
    }

    /// Changes a block's size, copying it where it must. Returns the address now, 0, or minus errno, and then the
    /// block is as it was.
    public long resize(long address, long byteSize) {
        long record = ChunkMap.record(address);
        Home home = homeOf(record, address);
        if (home != small) { // a small block that stays, or finds its new place at hand, needs no more than a malloc
            StackProbe.requireForCall();
        }
        long usable = byteSize(home, record, address);
        if (usable == 0 || (home == sampled && sampler.isDamaged(address))) {
            return 0;
        }
        if (byteSize < 0 || byteSize > MAX_BYTE_SIZE) {
            return byteSize < 0 ? -Errno.EINVAL : noteRefused(-Errno.EOVERFLOW, byteSize);
        }
        long result = resizeOnce(home, record, address, usable, byteSize);
        if (Errno.isError(result) && byteSize <= usable) {
            return address;
        }
        for (int attempt = 0; Errno.isError(result) && room.make(result, byteSize, attempt); attempt++) {
            result = resizeOnce(home, record, address, usable, byteSize);
        }
        return noteRefused(result, byteSize);
    }

    private long resizeOnce(Home home, long record, long address, long usable, long byteSize) {
        if (home.keeps(usable, byteSize)) {
            long resized = home.resize(record, address, byteSize, true);
            if (resized > 0) {
                return resized;
            }
        }
        long moved = table.allocateBlock(byteSize);
        if (moved < 0) {
            StackProbe.requireForCall();
            moved = allocateOnce(byteSize, SizeClasses.QUANTUM_BYTES);
        }
        return Errno.isError(moved) ? moved : move(address, moved, Math.min(usable, byteSize));
    }

    private long move(long address, long moved, long byteSize) {
        try {
            RawMemory.copy(address, moved, byteSize);
            FaultingRanges.await(moved, byteSize);
            FaultingRanges.await(address, byteSize);
        } catch (Throwable vanished) {
            long unused = free(moved);
            throw vanished;
        }
        long freed = free(address);
        if (freed > 0) {
            return moved;
        }
        long unused = free(moved); // the kernel did not take the old block, or another thread has freed it
        return freed;
    }

    /// Changes a block's size where it is; what it no longer needs is free, in whole pages. Returns its address when
    /// it has room for `byteSize` bytes now; otherwise 0, or minus errno, and then it is as it was.
    ///
    /// @param address a live block
    /// @param byteSize 0 to [#MAX_BYTE_SIZE]
    public long resizeInPlace(long address, long byteSize) {
        StackProbe.requireForCall();
        long record = ChunkMap.record(address);
        return homeOf(record, address).resize(record, address, byteSize, false);
    }

    /// Checks who has which blocks; throws [AssertionError] where that is wrong.
    public void verify() {
        owners.verify();
        sampler.verify();
    }

    /// What is wrong with an address that is no live block of this heap.
    public Misuse explain(long address) {
        StackProbe.requireForCall();
        Tenants.Kind owner = owners.get(address);
        if (owner != null) {
            return Misuse.of(Finding.OWNED, "the block belongs to " + owner.one());
        }
        long record = ChunkMap.record(address);
        Home home = sampled.isAround(address) ? sampled : homeOf(record, address);
        return home.explain(record, address);
    }
}
