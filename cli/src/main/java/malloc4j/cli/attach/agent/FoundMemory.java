package malloc4j.cli.attach.agent;

import java.io.IOException;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.util.ArrayList;
import java.util.List;

/// What the open heaps of a process have that cannot be seen from outside.
///
/// @param heaps each open heap
public record FoundMemory(List<FoundHeap> heaps) {
    private static final int MAX_COUNT = 1 << 20;

    /// One heap.
    ///
    /// @param number by which its records name it
    public record FoundHeap(int number, String name, List<HugeBlock> hugeBlocks) {}

    /// A block with a mapping of its own.
    public record HugeBlock(long address, long byteSize) {}

    void writeTo(ObjectOutputStream out) throws IOException {
        out.writeInt(heaps.size());
        for (FoundHeap heap : heaps) {
            out.writeInt(heap.number());
            out.writeObject(heap.name());
            out.writeInt(heap.hugeBlocks().size());
            for (HugeBlock block : heap.hugeBlocks()) {
                out.writeLong(block.address());
                out.writeLong(block.byteSize());
            }
        }
    }

    /// Reads what [#writeTo] has written.
    public static FoundMemory readFrom(ObjectInputStream in) throws IOException, ClassNotFoundException {
        int count = Math.min(in.readInt(), MAX_COUNT);
        List<FoundHeap> heaps = new ArrayList<>();
        for (int index = 0; index < count; index++) {
            int number = in.readInt();
            String name = (String) in.readObject();
            int blockCount = Math.min(in.readInt(), MAX_COUNT);
            List<HugeBlock> blocks = new ArrayList<>();
            for (int block = 0; block < blockCount; block++) {
                blocks.add(new HugeBlock(in.readLong(), in.readLong()));
            }
            heaps.add(new FoundHeap(number, name, blocks));
        }
        return new FoundMemory(heaps);
    }
}
