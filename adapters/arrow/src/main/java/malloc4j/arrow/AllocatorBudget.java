package malloc4j.arrow;

import java.util.Comparator;
import java.util.List;
import org.apache.arrow.memory.BufferAllocator;

/// What an allocator of Arrow's counts, and those below it. Arrow counts what is asked for, after its own rounding,
/// which by default is to powers of two below 16 MiB.
///
/// ```
///   allocatedBytes  =  buffers of its own  +  for each child the larger of its allocatedBytes and reservedBytes
/// ```
///
/// @param name the allocator's
/// @param allocatedBytes what its buffers and its children have, and `AllocationReservation`s
/// @param peakBytes the most that was
/// @param reservedBytes what its parent has set aside for it, used or not
/// @param limitBytes what it may allocate at most
/// @param bufferBytes the buffers of it and of all below it: `allocatedBytes` without what is set aside for children
///     and not used
/// @param children by name
/// @since 0.1.0
public record AllocatorBudget(
        String name,
        long allocatedBytes,
        long peakBytes,
        long reservedBytes,
        long limitBytes,
        long bufferBytes,
        List<AllocatorBudget> children) {

    public AllocatorBudget {
        children = List.copyOf(children);
    }

    /// Of an allocator and all below it, each looked at once: exact while nobody allocates or releases.
    public static AllocatorBudget of(BufferAllocator allocator) {
        List<AllocatorBudget> children = allocator.getChildAllocators().stream()
                .map(AllocatorBudget::of)
                .sorted(Comparator.comparing(AllocatorBudget::name))
                .toList();
        long allocated = allocator.getAllocatedMemory();
        long unused = children.stream().mapToLong(AllocatorBudget::unusedBytes).sum();
        return new AllocatorBudget(
                allocator.getName(),
                allocated,
                allocator.getPeakMemoryAllocation(),
                allocator.getInitReservation(),
                allocator.getLimit(),
                Math.max(0, allocated - unused),
                children);
    }

    /// What the allocator above counts for this one beyond its buffers.
    private long unusedBytes() {
        return Math.max(allocatedBytes, reservedBytes) - bufferBytes;
    }
}
