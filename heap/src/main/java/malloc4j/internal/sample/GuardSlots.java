package malloc4j.internal.sample;

import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import malloc4j.internal.memory.Bits;
import malloc4j.internal.memory.FaultingRanges;
import malloc4j.internal.os.Errno;
import malloc4j.internal.os.Linux;
import malloc4j.internal.os.MemoryCalls;
import malloc4j.internal.os.Mutex;
import malloc4j.internal.region.Budget;
import malloc4j.internal.region.Ground;
import malloc4j.internal.region.HeapRecord;
import malloc4j.internal.region.MappingBudget;
import malloc4j.internal.region.PageGeometry;
import malloc4j.internal.slab.SizeClasses;
import org.jspecify.annotations.Nullable;

/// Places where a block lies between pages that nobody may touch: a touch from Java raises an [InternalError] that can
/// be caught.
///
/// ```
///   one mapping of an empty memory file, shared, readable and writable: every page is behind the file's end
///  +-------+-----------------------+-------+-----------------------+-------+--
///  | guard | slot 0, 32 KiB        | guard | slot 1                | guard |
///  +-------+-----------------------+-------+-----------------------+-------+--
///
///   a slot with a block, at its end or at its begin, by chance:
///  | guard | guard | pages: canary, block, canary | guard |        | guard | block, canary | guard | guard |
///                                        up to 15 bytes
///
///   a slot whose block was freed: all guard again, until the slot is used anew, each with the same chance
/// ```
///
/// A guard raises `SIGBUS`, which HotSpot turns into the error; native code that touches one ends the JVM. Slots lie
/// outside of the zone, so that a warm free of their blocks misses as one of any foreign address does.
///
/// Each block's pages are charged to the heap's budget, and count as a mapping and the half that they split off. What
/// they leave beside the block is filled with a pattern, which is looked at when the block is freed.
///
/// Invariants, checked by [#verify]: the first `freeCount` numbers of `free` are different ones, of slots without a
/// live block.
///
/// Concurrency: any thread. The lock is held for no system call but those of [#open] and [#close].
public final class GuardSlots {
    private static final int MAX_SLOTS = 1 << 12;
    private static final int MAX_DEBUG_SLOTS = 1 << 14;
    private static final int KEPT_SHARE_SHIFT = 2; // a quarter is kept free where every block wants a slot
    private static final int READ_WRITE = Linux.PROT_READ | Linux.PROT_WRITE;
    private static final int GUARD_FLAGS = Linux.MAP_SHARED | Linux.MAP_NORESERVE; // the same, or pages do not join
    private static final long REFUSED = -1;

    private final MemoryCalls calls;
    private final MappingBudget mappings;
    private final Budget budget;
    private final SplittableRandom random;
    private final Ground ground;
    private final int slotCount;
    private final int keptCount; // of free slots: so that what was freed stays a guard for a while
    private final Mutex lock = new Mutex();
    private final long guardBytes = PageGeometry.PAGE_BYTES;
    private final long slotBytes = Bits.alignUp(SizeClasses.MAX_SMALL_BYTES, PageGeometry.PAGE_BYTES);
    private @Nullable PageFaults faults; // as the next two, from open on: most heaps guard nothing
    private int[] free = {};
    private @Nullable Sample[] latest = {}; // of each slot the block that it has or had
    private int freeCount;
    private volatile boolean hasFree; // whether there are guards, and a free slot
    private int file = -1;
    private volatile @Nullable GuardFile told; // for another process, null where none is kept
    private volatile long base; // 0 before [#open], REFUSED where the kernel has refused
    private long refusal;
    private long allocatedBlocks;
    private long allocatedBytes;
    private long freedBlocks;
    private long freedBytes;
    private long pageBytes;
    private volatile HeapRecord record = HeapRecord.NONE;

    /// @param slotCount at most so many blocks at once
    /// @param guardsAll whether every block wants a slot
    GuardSlots(Ground ground, Budget budget, int slotCount, boolean guardsAll, long seed) {
        this.calls = ground.calls();
        this.mappings = ground.mappings();
        this.budget = budget;
        this.random = new SplittableRandom(seed);
        this.ground = ground;
        this.slotCount = slotCount;
        this.keptCount = guardsAll ? slotCount >> KEPT_SHARE_SHIFT : 0;
    }

    /// Has what is to be seen from outside told here from now on.
    void tell(HeapRecord where) {
        record = where;
    }

    /// Half of what the process may have in mappings, at most 4,096; where every block wants a slot, at most 16,384.
    public static int slotCount(Ground ground, boolean guardsAll) {
        int most = guardsAll ? MAX_DEBUG_SLOTS : MAX_SLOTS;
        return Math.min(most, ground.mappings().limit() / (2 * MappingBudget.MAPPINGS_EACH));
    }

    private long stride() {
        return slotBytes + guardBytes;
    }

    private long regionBytes() {
        return guardBytes + slotCount * stride();
    }

    private long slotAddress(int slot) {
        return base + guardBytes + slot * stride();
    }

    /// Takes a slot for a block, whose bytes are all zero. Returns its address, or minus errno: `EAGAIN` when there is
    /// no slot, or no mapping for it; `EDQUOT` when the budget refuses.
    ///
    /// @param byteSize 1 to [SizeClasses#MAX_SMALL_BYTES]
    /// @param byteAlignment a power of two, at most a page
    long take(long byteSize, long byteAlignment, Sample sample) {
        watch();
        lock.lock();
        int slot;
        boolean isAtEnd;
        try {
            if (base <= 0 || freeCount <= keptCount) {
                return -Errno.EAGAIN;
            }
            int chosen = random.nextInt(freeCount);
            slot = free[chosen];
            freeCount--;
            free[chosen] = free[freeCount];
            hasFree = freeCount > keptCount;
            isAtEnd = random.nextBoolean();
        } finally {
            lock.unlock();
        }
        long bytes = Bits.alignUp(byteSize, guardBytes);
        long result = map(slot, bytes, isAtEnd);
        if (result < 0) {
            giveBack(slot);
            return result;
        }
        long address = isAtEnd ? (result + bytes - byteSize) & -byteAlignment : result;
        RedZones.fillZone(result, address);
        RedZones.fillZone(address + byteSize, result + bytes);
        sample.slot = slot;
        sample.pages = result;
        sample.pageBytes = bytes;
        sample.isMapped = true;
        GuardFile telling = told;
        if (telling != null) {
            telling.allocated(sample, address, byteSize);
        }
        lock.lock();
        latest[slot] = sample;
        allocatedBlocks++;
        allocatedBytes += byteSize;
        pageBytes += bytes;
        record.putGuarded(pageBytes, allocatedBytes - freedBytes);
        lock.unlock();
        return address;
    }

    /// Whether there may be a slot.
    boolean hasFree() {
        return hasFree;
    }

    /// Returns the address of the first page, or minus errno.
    private long map(int slot, long bytes, boolean isAtEnd) {
        if (!mappings.tryAcquire(MappingBudget.MAPPINGS_EACH)) {
            return -Errno.EAGAIN;
        }
        if (!budget.charge(bytes)) {
            mappings.release(MappingBudget.MAPPINGS_EACH);
            return -Errno.EDQUOT;
        }
        long pages = slotAddress(slot) + (isAtEnd ? slotBytes - bytes : 0);
        int flags =
                Linux.MAP_PRIVATE | Linux.MAP_ANONYMOUS | Linux.MAP_FIXED | Linux.MAP_POPULATE; // no fault to be told
        long result = calls.mmap(pages, bytes, READ_WRITE, flags, -1, 0);
        if (Errno.isError(result)) {
            budget.discharge(bytes);
            mappings.release(MappingBudget.MAPPINGS_EACH);
            return -Errno.EAGAIN;
        }
        return result;
    }

    private void giveBack(int slot) {
        lock.lock();
        free[freeCount] = slot;
        freeCount++;
        hasFree = freeCount > keptCount;
        lock.unlock();
    }

    /// Maps the guards, if they are not there, so that blocks can be taken. What the kernel refuses, [#refusal] and
    /// [#faultsRefusal] tell.
    void open() {
        lock.lock();
        try {
            if (base == 0) {
                map();
            }
        } finally {
            lock.unlock();
        }
        watch();
    }

    /// Lets the kernel keep what the current thread faults on.
    private void watch() {
        PageFaults watching = faults;
        if (base > 0 && watching != null) {
            watching.watch();
        }
    }

    private void map() {
        PageFaults watching = new PageFaults(ground);
        int[] slots = new int[slotCount];
        Arrays.setAll(slots, slot -> slot);
        @Nullable Sample[] samples = new @Nullable Sample[slotCount];
        FaultingRanges.reserve();
        long opened = calls.memfdCreate("malloc4j-guard", Linux.MFD_CLOEXEC);
        long mapped = opened;
        if (!Errno.isError(opened)) {
            mapped = calls.mmap(0, regionBytes(), READ_WRITE, GUARD_FLAGS, (int) opened, 0);
            if (Errno.isError(mapped)) {
                calls.close((int) opened);
            }
        }
        if (Errno.isError(mapped)) {
            FaultingRanges.release();
            refusal = mapped;
            base = REFUSED;
            return;
        }
        file = (int) opened;
        faults = watching;
        free = slots;
        freeCount = slotCount;
        latest = samples;
        base = mapped; // at last: who sees it sees the others
        hasFree = slotCount > keptCount;
        FaultingRanges.addReserved(mapped, regionBytes());
    }

    /// Where the slots are, null where there are none.
    GuardFile.@Nullable Region region() {
        long start = base;
        return start > 0 ? new GuardFile.Region(start, regionBytes(), guardBytes, slotBytes, slotCount) : null;
    }

    /// Keeps a file of the blocks from now on.
    void keep(GuardFile file) {
        told = file;
    }

    /// What is, and was, between guards.
    ///
    /// @param pageBytes of pages that the budget counts
    public record Census(long allocatedBlocks, long allocatedBytes, long freedBlocks, long freedBytes, long pageBytes) {
        public long liveBlocks() {
            return allocatedBlocks - freedBlocks;
        }

        public long liveBytes() {
            return allocatedBytes - freedBytes;
        }
    }

    Census census() {
        lock.lock();
        try {
            return new Census(allocatedBlocks, allocatedBytes, freedBlocks, freedBytes, pageBytes);
        } finally {
            lock.unlock();
        }
    }

    /// Why there are no guards, minus errno; 0 when there are, or none were asked for.
    long refusal() {
        return refusal;
    }

    /// Why nobody tells the addresses of faults, minus errno; 0 where somebody does.
    long faultsRefusal() {
        PageFaults watching = faults;
        return watching == null ? 0 : watching.refusal();
    }

    /// Whether an address lies in a slot, or in a guard beside it.
    boolean contains(long address) {
        long start = base;
        return start > 0 && Long.compareUnsigned(address - start, regionBytes()) < 0;
    }

    /// The latest touch of what was a guard then, that the kernel tells of; null where it tells of none since `nanos`.
    PageFaults.@Nullable Fault latestFault(long nanos) {
        PageFaults watching = faults;
        return base > 0 && watching != null ? watching.latestIn(base, regionBytes(), nanos, this::wasGuard) : null;
    }

    /// Whether an address lay in a guard at a moment. Not where a block has, or had until then, its pages; and nobody
    /// knows where the slot was used anew since.
    private boolean wasGuard(long address, long nanos) {
        long slot = (address - base - guardBytes) / stride();
        if (address < base + guardBytes || slot >= slotCount) {
            return true; // before the first slot, or behind the last
        }
        Sample sample = latest[(int) slot];
        if (sample == null) {
            return true;
        }
        boolean isInPages = address >= sample.pages && address < sample.pages + sample.pageBytes;
        return isInPages ? sample.freed != null && nanos >= sample.freedNanos : nanos >= sample.allocatedNanos;
    }

    /// The block that the slot nearest to an address has, or had; null where it had none.
    @Nullable
    Sample nearest(long address) {
        Sample nearest = null;
        long least = Long.MAX_VALUE;
        int slot = Math.clamp((address - base - guardBytes) / stride(), 0, slotCount - 1);
        for (int each = Math.max(0, slot - 1); each <= Math.min(slotCount - 1, slot + 1); each++) {
            Sample sample = latest[each];
            if (sample != null && sample.address != 0) { // else it is being taken
                long distance = Math.abs(sample.offset(address));
                if (distance < least) {
                    nearest = sample;
                    least = distance;
                }
            }
        }
        return nearest;
    }

    /// The latest block of each slot that had one.
    void forEach(Consumer<Sample> visitor) {
        for (Sample sample : latest) {
            if (sample != null && sample.address != 0) {
                visitor.accept(sample);
            }
        }
    }

    /// Makes the pages of a block guards again. Returns the address of the first byte beside the block that was written
    /// to, 0 where none was.
    long release(Sample sample) {
        watch();
        GuardFile telling = told;
        if (telling != null) {
            telling.freed(sample); // before it is a guard
        }
        long damaged = RedZones.firstDamage(sample);
        int flags = GUARD_FLAGS | Linux.MAP_FIXED;
        long offset = sample.pages - base;
        long result = calls.mmap(sample.pages, sample.pageBytes, READ_WRITE, flags, file, offset);
        lock.lock();
        freedBlocks++;
        freedBytes += sample.byteSize;
        pageBytes -= Errno.isError(result) ? 0 : sample.pageBytes;
        record.putGuarded(pageBytes, allocatedBytes - freedBytes);
        lock.unlock();
        if (Errno.isError(result)) { // what is there stays, and with it the mapping: the slot is not used again
            calls.madvise(sample.pages, sample.pageBytes, Linux.MADV_DONTNEED);
            return damaged;
        }
        sample.isMapped = false;
        budget.discharge(sample.pageBytes);
        mappings.release(MappingBudget.MAPPINGS_EACH);
        giveBack(sample.slot);
        return damaged;
    }

    /// Gives all back. Nobody uses a block any more. Returns 0, or minus errno, and then it can be tried again.
    public long close() {
        lock.lock();
        try {
            if (base <= 0) {
                return 0;
            }
            long result = calls.munmap(base, regionBytes());
            if (result < 0) {
                return result;
            }
            FaultingRanges.remove(base, regionBytes());
            calls.close(file);
            if (faults != null) {
                faults.close();
            }
            if (told != null) {
                told.close();
                told = null;
            }
            for (Sample sample : latest) {
                if (sample != null && sample.isMapped) {
                    budget.discharge(sample.pageBytes);
                    mappings.release(MappingBudget.MAPPINGS_EACH);
                }
            }
            latest = new @Nullable Sample[0];
            base = 0;
            freeCount = 0;
            hasFree = false;
            return 0;
        } finally {
            lock.unlock();
        }
    }

    /// Checks the invariants of the class header while nobody takes or frees; throws [AssertionError] if they do not
    /// hold.
    void verify() {
        lock.lock();
        try {
            boolean[] seen = new boolean[free.length];
            for (int index = 0; index < freeCount; index++) {
                int slot = free[index];
                Sample sample = latest[slot];
                if (seen[slot] || (sample != null && sample.isMapped)) {
                    throw new AssertionError("guard slot " + slot + " is free " + (seen[slot] ? "twice" : "and live"));
                }
                seen[slot] = true;
            }
        } finally {
            lock.unlock();
        }
    }
}
