package malloc4j.internal.region;

import java.util.Arrays;
import malloc4j.internal.memory.Bits;
import malloc4j.internal.os.Errno;
import malloc4j.internal.os.Linux;
import malloc4j.internal.os.MemoryCalls;
import malloc4j.internal.os.Mutex;
import malloc4j.observe.Probe;

/// Blocks above a heap's mmap threshold: each is a mapping of its own, which the kernel zeroes, grows by `mremap`
/// without copying, and takes back whole at `free`.
///
/// ```
/// table     address -> byteSize                    a live block
///           address -> byteSize | LEFTOVER         addresses without memory, which the kernel has not taken back yet:
///                                                  beside an aligned block, or of one that was freed while a split
///                                                  would have been one mapping too many; with COUNTED, the mapping
///                                                  budget counts it
/// ```
///
/// Room in the table is reserved before the kernel is asked for anything, and kept while an entry is out of it: from
/// the first system call of an operation to its end nothing is made on the Java heap.
///
/// Invariants, each checked by [#verify]:
/// 1. The table has each live block, and each leftover, by its first address; sizes are multiples of the page.
/// 2. `liveCount`, `liveBytes` and `leftoverCount` are the sums over the table.
///
/// Live blocks stand in the heap's [HeapRecord] too.
///
/// The budget is charged `liveBytes`. A block is charged when it is there, so that nobody is refused for memory that
/// the kernel refuses a moment later; only what a block is to grow by is charged before, since it may not come back to
/// where it was.
///
/// Concurrency: the lock is held over the table and its sums, and over no system call. Whoever takes an entry out owns
/// the block, so of two frees one finds it gone.
public final class HugeBlocks {
    private static final int READ_WRITE = Linux.PROT_READ | Linux.PROT_WRITE;
    private static final int PRIVATE = Linux.MAP_PRIVATE | Linux.MAP_ANONYMOUS;
    private static final int SEARCHED = 64; // slots at each free: leftovers become fewer, and no free takes long
    private static final long LEFTOVER = 1;
    private static final long COUNTED = 2;
    private static final long FLAGS = LEFTOVER | COUNTED;
    private static final int PARTS = 3; // that an aligned block may leave: before it, itself, behind it

    private final MemoryCalls calls;
    private final MappingBudget mappings;
    private final AddressShare addresses;
    private final Budget budget;
    private final boolean hugePages;
    private final HeapEvents events;
    private final Mutex lock = new Mutex();
    private final AddressTable table = new AddressTable();
    private int liveCount;
    private long liveBytes;
    private long allocatedBlocks;
    private long allocatedBytes;
    private volatile int leftoverCount;
    private int searchedSlot;

    /// @param hugePages whether to advise `MADV_HUGEPAGE`
    /// @param events where maps and unmaps are noted
    public HugeBlocks(Ground ground, Budget budget, boolean hugePages, HeapEvents events) {
        this.events = events;
        this.calls = ground.calls();
        this.mappings = ground.mappings();
        this.addresses = ground.addressShare();
        this.budget = budget;
        this.hugePages = hugePages;
    }

    /// Maps a block. `byteAlignment` is a power of two. Returns its address, or minus errno: `EDQUOT` when the
    /// budget refuses, `ENOSPC` at the ceiling of mappings or of addresses.
    public long allocateBlock(long byteSize, long byteAlignment) {
        long bytes = Bits.alignUp(byteSize, PageGeometry.PAGE_BYTES);
        if (!budget.hasRoom(bytes)) {
            return -Errno.EDQUOT;
        }
        reserve(PARTS);
        if (!tryAcquire(bytes)) {
            release(PARTS);
            return -Errno.ENOSPC;
        }
        long address = map(bytes, byteAlignment);
        if (Errno.isError(address)) {
            mappings.release();
            addresses.giveHuge(bytes);
            release(1);
            return Errno.passedOn(address, Errno.ENOMEM);
        }
        if (!budget.charge(bytes)) { // others were quicker
            unmap(address, bytes, LEFTOVER | COUNTED);
            addresses.giveHuge(bytes);
            return -Errno.EDQUOT;
        }
        if (hugePages) {
            calls.madvise(address, bytes, Linux.MADV_HUGEPAGE); // advice only: a kernel without THP refuses it
        }
        lock.lock();
        allocatedBlocks++;
        allocatedBytes += bytes;
        lock.unlock();
        putLive(address, bytes);
        events.note(Probe.Kind.MAP, address, bytes, 0);
        return address;
    }

    private boolean tryAcquire(long bytes) {
        if (!mappings.tryAcquireHuge()) {
            return false;
        }
        boolean hasAddresses = addresses.tryTakeHuge(bytes);
        if (!hasAddresses) {
            mappings.release();
        }
        return hasAddresses;
    }

    /// Uses up, or gives up, the room of what may be left beside the block.
    private long map(long bytes, long byteAlignment) {
        long slack = byteAlignment > PageGeometry.PAGE_BYTES ? byteAlignment - PageGeometry.PAGE_BYTES : 0;
        if (slack == 0) {
            release(PARTS - 1);
            return calls.mmap(0, bytes, READ_WRITE, PRIVATE, -1, 0);
        }
        long mapped = calls.mmap(0, bytes + slack, Linux.PROT_NONE, PRIVATE, -1, 0); // the slack may exceed all memory
        if (Errno.isError(mapped)) {
            release(PARTS - 1);
            return mapped;
        }
        long address = Bits.alignUp(mapped, byteAlignment);
        long end = mapped + bytes + slack;
        long result = calls.mprotect(address, bytes, READ_WRITE);
        if (result < 0) {
            release(PARTS - 2);
            unmap(mapped, bytes + slack, LEFTOVER);
            return result;
        }
        unmap(mapped, address - mapped, LEFTOVER);
        unmap(address + bytes, end - address - bytes, LEFTOVER);
        return address;
    }

    private void reserve(int entryCount) {
        lock.lock();
        try {
            table.reserve(entryCount);
        } finally {
            lock.unlock();
        }
    }

    private void release(int entryCount) {
        lock.lock();
        table.release(entryCount);
        lock.unlock();
    }

    private void putLive(long address, long byteSize) {
        lock.lock();
        table.put(address, byteSize);
        events.record().addHuge(address, byteSize);
        liveCount++;
        liveBytes += byteSize;
        lock.unlock();
    }

    /// Takes a live block out, and keeps its room. Returns its size, or 0 when `address` is not one.
    private long takeLive(long address) {
        lock.lock();
        try {
            long byteSize = table.get(address);
            if (byteSize == 0 || (byteSize & FLAGS) != 0) {
                return 0;
            }
            liveCount--;
            liveBytes -= byteSize;
            events.record().removeHuge(address);
            return table.remove(address);
        } finally {
            lock.unlock();
        }
    }

    /// Unmaps a range, or notes it to be tried again: uses up or gives up the room of one entry. Returns whether it is
    /// gone.
    private boolean unmap(long address, long byteSize, long flags) {
        boolean gone = byteSize == 0 || calls.munmap(address, byteSize) == 0;
        if (gone && (flags & COUNTED) != 0) {
            mappings.release();
        }
        if (gone) {
            release(1);
        } else {
            putLeftover(address, byteSize | flags);
        }
        return gone;
    }

    private void putLeftover(long address, long flagged) {
        lock.lock();
        table.put(address, flagged);
        int count = leftoverCount; // written under the lock
        leftoverCount = count + 1;
        lock.unlock();
    }

    /// Tries again what could not be given back, among the next slots, as long as that works.
    private void giveBackLeftovers() {
        for (int left = SEARCHED; left > 0 && leftoverCount > 0; left--) {
            long address = 0;
            lock.lock();
            searchedSlot = (searchedSlot + 1) & (table.length() - 1);
            if ((table.value(searchedSlot) & FLAGS) != 0) {
                address = table.key(searchedSlot);
            }
            lock.unlock();
            if (address != 0 && (!mappings.mayUnmap() || !giveBackLeftover(address))) {
                return;
            }
        }
    }

    /// Returns whether there is no leftover at `address` any more.
    private boolean giveBackLeftover(long address) {
        long flagged;
        lock.lock();
        try {
            flagged = table.get(address);
            if ((flagged & FLAGS) == 0) {
                return true;
            }
            table.remove(address);
            int count = leftoverCount;
            leftoverCount = count - 1;
        } finally {
            lock.unlock();
        }
        return unmap(address, flagged & ~FLAGS, flagged & FLAGS);
    }

    /// The mapped size of a live block in bytes, or 0 when `address` is not one.
    public long byteSize(long address) {
        lock.lock();
        try {
            long flagged = table.get(address);
            return (flagged & FLAGS) == 0 ? flagged : 0;
        } finally {
            lock.unlock();
        }
    }

    /// The first address of the live block that `address` lies inside, or 0; for messages.
    public long blockAround(long address) {
        lock.lock();
        try {
            for (int slot = 0; slot < table.length(); slot++) {
                long byteSize = table.key(slot) == 0 ? 0 : table.value(slot);
                if ((byteSize & FLAGS) == 0 && Long.compareUnsigned(address - table.key(slot), byteSize) < 0) {
                    return table.key(slot);
                }
            }
            return 0;
        } finally {
            lock.unlock();
        }
    }

    /// Unmaps a block. Returns its size, 0 when `address` is not a live block, or minus errno, and then it lives on.
    ///
    /// Where the kernel refuses because one mapping would become two and there are too many, the memory goes and the
    /// addresses stay until later.
    public long freeBlock(long address) {
        long bytes = takeLive(address);
        if (bytes == 0) {
            return 0;
        }
        long result = mappings.mayUnmap() ? calls.munmap(address, bytes) : -Errno.ENOMEM;
        if (result == 0) {
            release(1);
            mappings.release();
            giveBackLeftovers();
        } else if (Discard.pages(calls, address, bytes) == 0) {
            putLeftover(address, bytes | LEFTOVER | COUNTED);
        } else {
            putLive(address, bytes);
            return result;
        }
        budget.discharge(bytes);
        addresses.giveHuge(bytes);
        events.note(Probe.Kind.UNMAP, address, bytes, 0);
        return bytes;
    }

    /// Changes a live block's size by `mremap`, moving it where it must and may. Returns the address now; 0 when the
    /// kernel refuses, for one when a part of the block is locked, so that it must be copied, or when `address` is
    /// not a live block; or minus `EDQUOT`. Without success the block is as it was.
    public long resizeBlock(long address, long byteSize, boolean mayMove) {
        long bytes = Bits.alignUp(byteSize, PageGeometry.PAGE_BYTES);
        long before = takeLive(address);
        if (before == 0) {
            return 0;
        }
        long moved = resizeTaken(address, before, bytes, mayMove);
        if (moved > 0 && bytes > before) {
            lock.lock();
            allocatedBytes += bytes - before;
            lock.unlock();
        }
        if (moved > 0) {
            putLive(moved, bytes);
        } else {
            putLive(address, before);
        }
        return moved;
    }

    private long resizeTaken(long address, long before, long bytes, boolean mayMove) {
        if (bytes == before) {
            return address;
        }
        if (!mappings.mayUnmap()) {
            return 0;
        }
        if (bytes > before && !budget.charge(bytes - before)) {
            return -Errno.EDQUOT;
        }
        if (bytes > before && !addresses.tryTakeHuge(bytes - before)) {
            budget.discharge(bytes - before);
            return 0;
        }
        long moved = calls.mremap(address, before, bytes, mayMove ? Linux.MREMAP_MAYMOVE : 0, 0);
        if (Errno.isError(moved)) {
            if (bytes > before) {
                budget.discharge(bytes - before);
                addresses.giveHuge(bytes - before);
            }
            return 0;
        }
        mappings.noteChange();
        if (bytes < before) {
            budget.discharge(before - bytes);
            addresses.giveHuge(before - bytes);
        }
        return moved;
    }

    /// Calls `visitor` with the address and the mapped size of each live block, in address order: of those that are
    /// live at the beginning.
    public void forEachBlock(RangeVisitor visitor) {
        for (long address : addresses()) {
            long byteSize = byteSize(address);
            if (byteSize > 0) {
                visitor.visit(address, byteSize);
            }
        }
    }

    /// Every address in the table, in order.
    private long[] addresses() {
        lock.lock();
        try {
            long[] addresses = new long[table.count()];
            int next = 0;
            for (int slot = 0; slot < table.length(); slot++) {
                if (table.key(slot) != 0) {
                    addresses[next++] = table.key(slot);
                }
            }
            Arrays.sort(addresses);
            return addresses;
        } finally {
            lock.unlock();
        }
    }

    /// What there was, ever.
    ///
    /// @param allocatedBlocks how many blocks were allocated
    /// @param freedBlocks how many were freed
    /// @param allocatedBytes bytes that were allocated, or added to a block
    /// @param freedBytes bytes that were freed, or taken off a block
    public record Census(long allocatedBlocks, long freedBlocks, long allocatedBytes, long freedBytes) {
        /// How many blocks are live.
        public int blocks() {
            return (int) (allocatedBlocks - freedBlocks);
        }

        /// Their bytes.
        public long bytes() {
            return allocatedBytes - freedBytes;
        }
    }

    /// Walks nothing.
    public Census census() {
        lock.lock();
        try {
            return new Census(allocatedBlocks, allocatedBlocks - liveCount, allocatedBytes, allocatedBytes - liveBytes);
        } finally {
            lock.unlock();
        }
    }

    /// Unmaps every block, from the lowest up: neighbours go one after the other, and hardly any splits a mapping.
    /// Returns 0, or minus errno of the first that the kernel refused; it can be called again.
    public long close() {
        long failure = 0;
        for (long address : addresses()) {
            long result = freeBlock(address);
            failure = result < 0 && failure == 0 ? result : failure;
        }
        if (leftoverCount > 0) {
            for (long address : addresses()) {
                boolean unused = giveBackLeftover(address);
            }
        }
        return failure == 0 && leftoverCount > 0 ? -Errno.ENOMEM : failure;
    }

    /// Checks the invariants of the class header; throws [AssertionError] on the first that does not hold.
    public void verify() {
        lock.lock();
        try {
            table.verify();
            int live = 0;
            int leftovers = 0;
            long bytes = 0;
            for (int slot = 0; slot < table.length(); slot++) {
                long flagged = table.key(slot) == 0 ? 0 : table.value(slot);
                if ((flagged & FLAGS) != 0) {
                    leftovers++;
                } else if (flagged != 0) {
                    live++;
                    bytes += flagged;
                }
                check(
                        Bits.alignDown(flagged & ~FLAGS, PageGeometry.PAGE_BYTES) == (flagged & ~FLAGS),
                        "a part of a page");
            }
            check(live == liveCount && bytes == liveBytes, "the sums are not those of the live blocks");
            check(leftovers == leftoverCount, "leftoverCount is wrong");
        } finally {
            lock.unlock();
        }
    }

    private static void check(boolean condition, String message) {
        if (!condition) {
            throw new AssertionError("huge blocks: " + message);
        }
    }
}
