package malloc4j.cli.sites;

import java.io.IOException;
import malloc4j.Heap;

/// A program that allocates 1 MiB a round in blocks of 4 KiB: a quarter by `keep`, and the rest by `churn`, which frees
/// it. Each line that it reads it answers by the mean bytes between two samples, 0 while none are taken.
public final class AllocatingChild {
    private static final int BLOCK_BYTES = 4096;
    private static final int BLOCKS_KEPT = 64;
    private static final int BLOCKS_FREED = 192;
    private static final long MAX_KEPT_BYTES = Long.getLong("kept", 256 << 20);
    private static final int PAUSE_MILLIS = 10;

    private AllocatingChild() {}

    public static void main(String[] arguments) throws IOException, InterruptedException {
        Heap heap = Heap.common();
        Long sampleBytes = Long.getLong("sample");
        if (sampleBytes != null) {
            heap.startProfile(sampleBytes);
        }
        System.out.println("ready");
        long keptBytes = 0;
        while (true) {
            churn(heap);
            if (keptBytes < MAX_KEPT_BYTES) {
                keptBytes += keep(heap);
            }
            if (System.in.available() > 0 && System.in.read() == '\n') {
                System.out.println(heap.profile().sampleBytes());
            }
            Thread.sleep(PAUSE_MILLIS);
        }
    }

    private static long keep(Heap heap) {
        for (int i = 0; i < BLOCKS_KEPT; i++) {
            heap.malloc(BLOCK_BYTES);
        }
        return (long) BLOCKS_KEPT * BLOCK_BYTES;
    }

    private static void churn(Heap heap) {
        for (int i = 0; i < BLOCKS_FREED; i++) {
            heap.free(heap.malloc(BLOCK_BYTES));
        }
    }
}
