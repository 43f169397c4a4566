package malloc4j.internal.region;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicLong;
import malloc4j.internal.memory.Bits;
import malloc4j.internal.os.Errno;
import malloc4j.internal.os.Linux;
import malloc4j.internal.os.MemoryCalls;
import malloc4j.observe.Probe;

/// Blocks above a heap's mmap threshold: each is a mapping of its own, which the kernel zeroes, grows by `mremap`
/// without copying, and takes back whole at `free`.
///
/// Invariants: the table holds the mapped size, a multiple of the page, of each live block by its address, and
/// nothing else; the budget is charged the sum of the sizes.
///
/// Concurrency: the table is concurrent; whoever removes an entry owns the block, so of two frees one finds it
/// gone.
public final class HugeBlocks {
    private static final int READ_WRITE = Linux.PROT_READ | Linux.PROT_WRITE;
    private static final int LEFTOVERS_EACH = 4; // at each free: they become fewer, and no free takes long
    private static final int PRIVATE = Linux.MAP_PRIVATE | Linux.MAP_ANONYMOUS;

    private final MemoryCalls calls;
    private final MappingBudget mappings;
    private final Budget budget;
    private final boolean hugePages;
    private final HeapEvents events;
    private final Map<Long, Long> bytesByAddress = new ConcurrentHashMap<>();
    private final Queue<Range> leftovers = new ConcurrentLinkedQueue<>();
    private final AtomicLong allocatedBlocks = new AtomicLong();
    private final AtomicLong freedBlocks = new AtomicLong();
    private final AtomicLong allocatedBytes = new AtomicLong();
    private final AtomicLong freedBytes = new AtomicLong();

    /// Addresses without memory that the kernel has not taken back yet: beside an aligned block, or of one that was
    /// freed while a split would have been one mapping too many.
    ///
    /// @param mappingCount what the mapping budget counts for it
    private record Range(long address, long byteSize, int mappingCount) {}

    /// @param hugePages whether to advise `MADV_HUGEPAGE`
    /// @param events where maps and unmaps are noted
    public HugeBlocks(Ground ground, Budget budget, boolean hugePages, HeapEvents events) {
        this.events = events;
        this.calls = ground.calls();
        this.mappings = ground.mappings();
        this.budget = budget;
        this.hugePages = hugePages;
    }

    /// Maps a block. `byteAlignment` is a power of two. Returns its address, or minus errno: `EDQUOT` when the
    /// budget refuses, `ENOSPC` at the ceiling of mappings.
    public long allocateBlock(long byteSize, long byteAlignment) {
        long bytes = Bits.alignUp(byteSize, PageGeometry.PAGE_BYTES);
        if (!mappings.tryAcquireHuge()) {
            return -Errno.ENOSPC;
        }
        if (!budget.charge(bytes)) {
            mappings.release();
            return -Errno.EDQUOT;
        }
        long address = map(bytes, byteAlignment);
        if (Errno.isError(address)) {
            budget.discharge(bytes);
            mappings.release();
            return address;
        }
        if (hugePages) {
            calls.madvise(address, bytes, Linux.MADV_HUGEPAGE); // advice only: a kernel without THP refuses it
        }
        bytesByAddress.put(address, bytes);
        events.note(Probe.Kind.MAP, address, bytes, 0);
        allocatedBlocks.getAndIncrement();
        allocatedBytes.getAndAdd(bytes);
        return address;
    }

    private long map(long bytes, long byteAlignment) {
        long slack = byteAlignment > PageGeometry.PAGE_BYTES ? byteAlignment - PageGeometry.PAGE_BYTES : 0;
        if (slack == 0) {
            return calls.mmap(0, bytes, READ_WRITE, PRIVATE, -1, 0);
        }
        long mapped = calls.mmap(0, bytes + slack, Linux.PROT_NONE, PRIVATE, -1, 0); // the slack may exceed all memory
        if (Errno.isError(mapped)) {
            return mapped;
        }
        long address = Bits.alignUp(mapped, byteAlignment);
        long end = mapped + bytes + slack;
        long result = calls.mprotect(address, bytes, READ_WRITE);
        if (result < 0) {
            giveBack(new Range(mapped, bytes + slack, 0));
            return result;
        }
        giveBack(new Range(mapped, address - mapped, 0));
        giveBack(new Range(address + bytes, end - address - bytes, 0));
        return address;
    }

    /// Returns whether the range is gone, or noted to be tried again.
    private boolean giveBack(Range range) {
        if (range.byteSize() > 0 && calls.munmap(range.address(), range.byteSize()) < 0) {
            leftovers.add(range);
            return false;
        }
        mappings.release(range.mappingCount());
        return true;
    }

    /// Tries again what could not be given back, up to `count` ranges, as long as that works.
    private void giveBackLeftovers(int count) {
        for (int left = count; left > 0 && mappings.mayUnmap(); left--) {
            Range range = leftovers.poll();
            if (range == null || !giveBack(range)) {
                return;
            }
        }
    }

    /// Gives every range back, from the lowest up: neighbours go one after the other, and hardly any splits a mapping.
    private void giveBackAll() {
        List<Range> ranges = new ArrayList<>(leftovers);
        ranges.sort(Comparator.comparingLong(Range::address));
        leftovers.clear();
        ranges.forEach(this::giveBack);
    }

    /// The mapped size of a live block in bytes, or 0 when `address` is not one.
    public long byteSize(long address) {
        Long bytes = bytesByAddress.get(address);
        return bytes == null ? 0 : bytes;
    }

    /// The first address of the live block that `address` lies inside, or 0; for messages.
    public long blockAround(long address) {
        for (Map.Entry<Long, Long> block : bytesByAddress.entrySet()) {
            if (Long.compareUnsigned(address - block.getKey(), block.getValue()) < 0) {
                return block.getKey();
            }
        }
        return 0;
    }

    /// Unmaps a block. Returns its size, 0 when `address` is not a live block, or minus errno, and then it lives on.
    ///
    /// Where the kernel refuses because one mapping would become two and there are too many, the memory goes and the
    /// addresses stay until later.
    public long freeBlock(long address) {
        Long bytes = bytesByAddress.remove(address);
        if (bytes == null) {
            return 0;
        }
        long result = mappings.mayUnmap() ? calls.munmap(address, bytes) : -Errno.ENOMEM;
        if (result == 0) {
            mappings.release();
            giveBackLeftovers(LEFTOVERS_EACH);
        } else if (Discard.pages(calls, address, bytes) == 0) {
            leftovers.add(new Range(address, bytes, MappingBudget.MAPPINGS_EACH));
        } else {
            bytesByAddress.put(address, bytes);
            return result;
        }
        budget.discharge(bytes);
        events.note(Probe.Kind.UNMAP, address, bytes, 0);
        freedBlocks.getAndIncrement();
        freedBytes.getAndAdd(bytes);
        return bytes;
    }

    /// Changes a live block's size by `mremap`, moving it where it must and may. Returns the address now; 0 when the
    /// kernel refuses, for one when a part of the block is locked, so that it must be copied, or when `address` is
    /// not a live block; or minus `EDQUOT`. Without success the block is as it was.
    public long resizeBlock(long address, long byteSize, boolean mayMove) {
        long bytes = Bits.alignUp(byteSize, PageGeometry.PAGE_BYTES);
        Long before = bytesByAddress.remove(address);
        if (before == null) {
            return 0;
        }
        if (bytes != before && !mappings.mayUnmap()) {
            bytesByAddress.put(address, before);
            return 0;
        }
        if (bytes > before && !budget.charge(bytes - before)) {
            bytesByAddress.put(address, before);
            return -Errno.EDQUOT;
        }
        long moved =
                bytes == before ? address : calls.mremap(address, before, bytes, mayMove ? Linux.MREMAP_MAYMOVE : 0, 0);
        if (Errno.isError(moved)) {
            if (bytes > before) {
                budget.discharge(bytes - before);
            }
            bytesByAddress.put(address, before);
            return 0;
        }
        mappings.noteChange();
        if (bytes < before) {
            budget.discharge(before - bytes);
        }
        bytesByAddress.put(moved, bytes);
        (bytes > before ? allocatedBytes : freedBytes).getAndAdd(Math.abs(bytes - before));
        return moved;
    }

    /// Calls `visitor` with the address and the mapped size of each live block.
    public void forEachBlock(RangeVisitor visitor) {
        bytesByAddress.forEach(visitor::visit);
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
        long freed = freedBlocks.get();
        long bytes = freedBytes.get(); // before the others, so that no difference is below 0
        return new Census(allocatedBlocks.get(), freed, allocatedBytes.get(), bytes);
    }

    /// Unmaps every block. Returns 0, or minus errno of the first that the kernel refused; it can be called again.
    public long close() {
        long failure = 0;
        // A copy: a live view would come by what freeBlock puts back again, for ever while the kernel refuses.
        for (Long address : List.copyOf(bytesByAddress.keySet())) {
            long result = freeBlock(address);
            failure = result < 0 && failure == 0 ? result : failure;
        }
        giveBackAll();
        return failure == 0 && !leftovers.isEmpty() ? -Errno.ENOMEM : failure;
    }
}
