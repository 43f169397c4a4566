package malloc4j.internal.region;

import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import malloc4j.internal.memory.Bits;
import malloc4j.internal.os.Errno;
import malloc4j.internal.os.Linux;
import malloc4j.internal.os.SystemCalls;

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
    private static final int PRIVATE = Linux.MAP_PRIVATE | Linux.MAP_ANONYMOUS;

    private final SystemCalls calls;
    private final Budget budget;
    private final boolean hugePages;
    private final Map<Long, Long> bytesByAddress = new ConcurrentHashMap<>();
    private final Queue<Range> leftovers = new ConcurrentLinkedQueue<>();

    /// Addresses beside an aligned block that nobody has touched and the kernel has not taken back yet.
    private record Range(long address, long byteSize) {}

    /// @param hugePages whether to advise `MADV_HUGEPAGE`
    public HugeBlocks(SystemCalls calls, Budget budget, boolean hugePages) {
        this.calls = calls;
        this.budget = budget;
        this.hugePages = hugePages;
    }

    /// Maps a block. `byteAlignment` is a power of two. Returns its address, or minus errno: `EDQUOT` when the
    /// budget refuses, `ENOSPC` at the ceiling of mappings.
    public long allocateBlock(long byteSize, long byteAlignment) {
        long bytes = Bits.alignUp(byteSize, PageMap.PAGE_BYTES);
        if (!MappingBudget.tryAcquire()) {
            return -Errno.ENOSPC;
        }
        if (!budget.charge(bytes)) {
            MappingBudget.release();
            return -Errno.EDQUOT;
        }
        long address = map(bytes, byteAlignment);
        if (Errno.isError(address)) {
            budget.discharge(bytes);
            MappingBudget.release();
            return address;
        }
        if (hugePages) {
            calls.madvise(address, bytes, Linux.MADV_HUGEPAGE); // advice only: a kernel without THP refuses it
        }
        bytesByAddress.put(address, bytes);
        return address;
    }

    private long map(long bytes, long byteAlignment) {
        long slack = byteAlignment > PageMap.PAGE_BYTES ? byteAlignment - PageMap.PAGE_BYTES : 0;
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
            giveBack(new Range(mapped, bytes + slack));
            return result;
        }
        giveBack(new Range(mapped, address - mapped));
        giveBack(new Range(address + bytes, end - address - bytes));
        return address;
    }

    private void giveBack(Range range) {
        if (range.byteSize() > 0 && calls.munmap(range.address(), range.byteSize()) < 0) {
            leftovers.add(range);
        }
    }

    /// Tries again what [#map] could not give back.
    private void giveBackLeftovers() {
        for (int count = leftovers.size(); count > 0; count--) {
            Range range = leftovers.poll();
            if (range != null) {
                giveBack(range);
            }
        }
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

    /// Unmaps a block. Returns its size, 0 when `address` is not a live block, or minus errno, and then it lives
    /// on.
    public long freeBlock(long address) {
        Long bytes = bytesByAddress.remove(address);
        if (bytes == null) {
            return 0;
        }
        long result = calls.munmap(address, bytes);
        if (result < 0) {
            bytesByAddress.put(address, bytes);
            return result;
        }
        giveBackLeftovers();
        budget.discharge(bytes);
        MappingBudget.release();
        return bytes;
    }

    /// Changes a live block's size by `mremap`, moving it where it must and may. Returns the address now, 0 when
    /// `address` is not a live block, or minus errno, and then the block is as it was.
    public long resizeBlock(long address, long byteSize, boolean mayMove) {
        long bytes = Bits.alignUp(byteSize, PageMap.PAGE_BYTES);
        Long before = bytesByAddress.remove(address);
        if (before == null) {
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
            return moved;
        }
        if (bytes < before) {
            budget.discharge(before - bytes);
        }
        bytesByAddress.put(moved, bytes);
        return moved;
    }

    /// Calls `visitor` with the address and the mapped size of each live block.
    public void forEachBlock(RangeVisitor visitor) {
        bytesByAddress.forEach(visitor::visit);
    }

    public int blockCount() {
        return bytesByAddress.size();
    }

    /// The sum of the live blocks' sizes.
    public long byteCount() {
        return bytesByAddress.values().stream().mapToLong(Long::longValue).sum();
    }

    /// Unmaps every block. Returns 0, or minus errno of the first that the kernel refused; it can be called again.
    public long close() {
        long failure = 0;
        // A copy: a live view would come by what freeBlock puts back again, for ever while the kernel refuses.
        for (Long address : List.copyOf(bytesByAddress.keySet())) {
            long result = freeBlock(address);
            failure = result < 0 && failure == 0 ? result : failure;
        }
        giveBackLeftovers();
        return failure == 0 && !leftovers.isEmpty() ? -Errno.ENOMEM : failure;
    }
}
