package malloc4j.cli.workload;

import java.util.Arrays;
import java.util.Optional;
import malloc4j.Heap;
import malloc4j.HeapOptions;
import malloc4j.peers.Allocator;
import malloc4j.peers.HeapsAllocator;

/// `heaps:N`: replaces a random one of 16,384 blocks of 16 to 1,024 bytes, each in one of N heaps of malloc4j, and
/// writes its first word.
final class ScaledHeaps extends PerThreadWorkload {
    private static final int BLOCKS = 1 << 14;

    private final int heapCount;
    private final int[] sizes = Sizes.uniform(1 << 12, 16, 1_024);

    ScaledHeaps(int heapCount) {
        super(1, BLOCKS);
        this.heapCount = heapCount;
    }

    @Override
    public Optional<Allocator> allocator() {
        Heap[] heaps = new Heap[heapCount];
        Arrays.setAll(heaps, ignored -> Heap.create(HeapOptions.defaults()));
        return Optional.of(new HeapsAllocator(heaps));
    }

    @Override
    long pass(Hand hand, int firstId) {
        long operations = sizes.length;
        for (int byteSize : sizes) {
            int id = firstId + hand.nextInt(BLOCKS);
            operations += hand.freeIfLive(id);
            hand.touchFirst(hand.malloc(id, byteSize), byteSize);
        }
        return operations;
    }
}
