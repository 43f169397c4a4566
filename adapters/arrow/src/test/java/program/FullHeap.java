package program;

import java.util.ArrayList;
import java.util.List;
import malloc4j.Heap;
import malloc4j.HeapOptions;
import malloc4j.arrow.Malloc4jAllocationManager;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.OutOfMemoryException;
import org.apache.arrow.memory.RootAllocator;

/// A program whose heap gets full three times, and which then closes everything. Run with Arrow's debug mode, in which
/// an allocator looks at each of its ledgers when it is closed.
public final class FullHeap {
    private FullHeap() {}

    public static void main(String[] arguments) {
        HeapOptions options = HeapOptions.builder().hardLimitBytes(8 << 20).build();
        try (Heap heap = Heap.create(options);
                RootAllocator root = new RootAllocator(RootAllocator.configBuilder()
                        .allocationManagerFactory(Malloc4jAllocationManager.factory(heap))
                        .build());
                BufferAllocator child = root.newChildAllocator("child", 1 << 20, Long.MAX_VALUE)) {
            for (int turn = 0; turn < 3; turn++) {
                fillAndRelease(child, 100_000L << turn);
                root.verify();
            }
        }
        System.out.println("closed");
    }

    private static void fillAndRelease(BufferAllocator allocator, long byteSize) {
        List<ArrowBuf> buffers = new ArrayList<>();
        try {
            while (buffers.size() < 1_000) {
                buffers.add(allocator.buffer(byteSize));
            }
        } catch (OutOfMemoryException full) {
            System.out.println("full");
        }
        buffers.forEach(ArrowBuf::close);
    }
}
