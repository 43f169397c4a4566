package malloc4j.arrow;

import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
import malloc4j.Heap;
import malloc4j.observe.HeapStatistics;
import org.apache.arrow.memory.BufferAllocator;

/// What Arrow's allocators count, beside what the heap has that their buffers lie on: for the question why a process
/// has more memory than Arrow knows of.
///
/// ```
///   bufferBytes  what Arrow has asked for
///   liveBytes    the same in the heap's sizes of blocks, and what else lives on the heap
///   committed    with the free part of slabs and pages kept for reuse: what the heap's limit counts
///   resident     what of it the kernel holds memory for
/// ```
///
/// [#toString] is the report as text, of several lines.
///
/// @param allocators in the order in which they were given
/// @param heapName the heap's
/// @param liveBlocks blocks that are allocated and not freed: one for each buffer
/// @param liveBytes their usable sizes
/// @param committedBytes what the heap's limit counts, but for heaps below it
/// @param residentBytes what the kernel holds memory for
/// @param hardLimitBytes what the heap may commit at most, `Long.MAX_VALUE` for no limit; heaps above it have their own
/// @since 0.1.0
public record ArrowBudgets(
        List<AllocatorBudget> allocators,
        String heapName,
        long liveBlocks,
        long liveBytes,
        long committedBytes,
        long residentBytes,
        long hardLimitBytes) {

    public ArrowBudgets {
        allocators = List.copyOf(allocators);
    }

    /// Of allocators whose buffers are the heap's: a root, or several. The kernel looks at each page of the heap for
    /// it: some milliseconds a GiB. Figures are read one after the other, and fit each other while nobody allocates.
    ///
    /// @throws IllegalStateException if the heap is closed
    public static ArrowBudgets of(Heap heap, BufferAllocator... allocators) {
        List<AllocatorBudget> budgets =
                Stream.of(allocators).map(AllocatorBudget::of).toList();
        HeapStatistics statistics = heap.statistics();
        return new ArrowBudgets(
                budgets,
                heap.options().name(),
                statistics.liveBlocks(),
                statistics.liveBytes(),
                statistics.committedBytes(),
                heap.residentBytes(),
                heap.hardLimitBytes());
    }

    /// What Arrow has asked for, in all: its buffers, and each `AllocationReservation` that is not used, from which
    /// Arrow does not tell them.
    public long bufferBytes() {
        return allocators.stream().mapToLong(AllocatorBudget::bufferBytes).sum();
    }

    /// What the heap has live beyond that: what it has rounded up, and whatever else lives on it, other roots' buffers
    /// for example. Below 0 where Arrow counts what is no block: reservations, and memory that others gave to it.
    public long roundingBytes() {
        return liveBytes - bufferBytes();
    }

    /// What the heap may still commit before its own limit; `Long.MAX_VALUE` where it has none.
    public long roomBytes() {
        return hardLimitBytes == Long.MAX_VALUE ? Long.MAX_VALUE : Math.max(0, hardLimitBytes - committedBytes);
    }

    @Override
    public String toString() {
        StringBuilder text = new StringBuilder();
        line(text, "Arrow's allocators", "allocated", "peak", "reserved", "limit");
        allocators.forEach(each -> append(text, each, 1));
        line(text, "heap '" + heapName + "'", "bytes", "", "", "limit");
        line(text, "  asked for by Arrow", bytes(bufferBytes()), "", "", "");
        line(text, "  rounding, and others", bytes(roundingBytes()), "", "", "");
        line(text, "  live, " + liveBlocks + (liveBlocks == 1 ? " block" : " blocks"), bytes(liveBytes), "", "", "");
        line(text, "  committed", bytes(committedBytes), "", "", limit(hardLimitBytes));
        line(text, "  resident", bytes(residentBytes), "", "", "");
        return text.toString();
    }

    private static void append(StringBuilder text, AllocatorBudget budget, int depth) {
        line(
                text,
                "  ".repeat(depth) + budget.name(),
                bytes(budget.allocatedBytes()),
                bytes(budget.peakBytes()),
                bytes(budget.reservedBytes()),
                limit(budget.limitBytes()));
        budget.children().forEach(child -> append(text, child, depth + 1));
    }

    private static void line(StringBuilder text, String... cells) {
        text.append(String.format(Locale.ROOT, "%-32s %12s %12s %12s %12s", (Object[]) cells)
                        .stripTrailing())
                .append('\n');
    }

    private static String limit(long byteSize) {
        return byteSize == Long.MAX_VALUE ? "none" : bytes(byteSize);
    }

    private static String bytes(long byteSize) {
        if (Math.abs(byteSize) < 1 << 20) {
            return String.format(Locale.ROOT, "%.1f KiB", byteSize / 1024.0);
        }
        return String.format(Locale.ROOT, "%.1f MiB", byteSize / (double) (1 << 20));
    }
}
