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
    /// @param hugeBlocks address and size of each in turn
    public record FoundHeap(int number, String name, long[] hugeBlocks) {}

    void writeTo(ObjectOutputStream out) throws IOException {
        out.writeInt(heaps.size());
        for (FoundHeap heap : heaps) {
            out.writeInt(heap.number());
            out.writeObject(heap.name());
            out.writeInt(heap.hugeBlocks().length);
            for (long word : heap.hugeBlocks()) {
                out.writeLong(word);
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
            long[] words = new long[Math.clamp(in.readInt(), 0, 2 * MAX_COUNT)];
            for (int word = 0; word < words.length; word++) {
                words[word] = in.readLong();
            }
            heaps.add(new FoundHeap(number, name, words));
        }
        return new FoundMemory(heaps);
    }
}
