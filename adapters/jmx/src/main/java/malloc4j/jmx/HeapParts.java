package malloc4j.jmx;

import java.util.List;
import java.util.Map;
import malloc4j.observe.HeapSnapshot;

/// A [HeapSnapshot] of a size that suits JMX: counts in place of extents and blocks.
///
/// @param heap the heap's name
/// @param heapId its number
/// @param mappedBytes of all extents and huge blocks: the sum of `parts`
/// @param extents how many there are
/// @param liveBlocks of all sizes, with those that the heap keeps for confined arenas
/// @param sizeClasses those that have slabs, smallest first
/// @param caches those that have slabs or a thread, by number
/// @param arenas confined arenas and what they keep
/// @param openOnIt what stands on the heap, such as pools and child heaps: how many of each kind
/// @param budgets the limits that count this heap: its own first, then those of the heaps above
/// @param parts what the memory is
/// @since 0.1.0
public record HeapParts(
        String heap,
        int heapId,
        long mappedBytes,
        int extents,
        long liveBlocks,
        List<HeapSnapshot.SizeClass> sizeClasses,
        List<HeapSnapshot.Cache> caches,
        HeapSnapshot.Arenas arenas,
        Map<String, Long> openOnIt,
        List<HeapSnapshot.Budget> budgets,
        HeapSnapshot.Parts parts) {
    static HeapParts of(HeapSnapshot snapshot) {
        return new HeapParts(
                snapshot.heap(),
                snapshot.heapId(),
                snapshot.mappedBytes(),
                snapshot.extents().size(),
                snapshot.liveBlocks(),
                snapshot.sizeClasses(),
                snapshot.caches(),
                snapshot.arenas(),
                snapshot.openOnIt(),
                snapshot.budgets(),
                snapshot.parts());
    }
}
