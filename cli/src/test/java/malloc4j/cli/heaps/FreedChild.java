package malloc4j.cli.heaps;

import java.io.IOException;
import malloc4j.Heap;

/// A program that has written to 64 MiB and freed them, and runs for as long as its standard input is open.
final class FreedChild {
    private static final int BLOCK_BYTES = 1 << 20;
    private static final int BLOCKS = 64;

    private FreedChild() {}

    public static void main(String[] arguments) throws IOException {
        Heap heap = Heap.common();
        long[] blocks = new long[BLOCKS];
        for (int index = 0; index < BLOCKS; index++) {
            blocks[index] = heap.malloc(BLOCK_BYTES);
            heap.segment(blocks[index]).fill((byte) 1);
        }
        for (long block : blocks) {
            heap.free(block);
        }
        System.out.println("ready");
        int unused = System.in.read();
    }
}
