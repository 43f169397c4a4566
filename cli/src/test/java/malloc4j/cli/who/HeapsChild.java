package malloc4j.cli.who;

import java.io.IOException;
import java.nio.ByteBuffer;
import malloc4j.Heap;
import malloc4j.HeapOptions;

/// A program with 20 MiB in a heap called `cache`, 40 MiB of them in a huge block, and 8 MiB of direct buffers.
public final class HeapsChild {
    private HeapsChild() {}

    public static void main(String[] arguments) throws IOException {
        ByteBuffer buffer = ByteBuffer.allocateDirect(8 << 20);
        try (Heap cache = Heap.create(HeapOptions.builder().name("cache").build())) {
            long blockBytes = 1 << 10;
            for (int block = 0; block < 20 << 10; block++) {
                cache.segment(cache.malloc(blockBytes)).fill((byte) 1);
            }
            cache.segment(cache.malloc(40L << 20)).fill((byte) 1);
            System.out.println("ready");
            System.in.read();
        }
        System.out.println(buffer.get(0));
    }
}
