package malloc4j.cli.learn;

import java.util.concurrent.CountDownLatch;
import malloc4j.observe.Area;
import malloc4j.observe.AreaKind;
import malloc4j.process.AddressSpace;

/// A JVM that starts so many threads, has each call the C library's malloc while the others live, and prints how many
/// heaps of glibc's further arenas it has then.
final class ArenaCount {
    static final int WINDOW_SHIFT = 26; // 64 MiB, HEAP_MAX_SIZE of glibc's arena.c
    private static final long BLOCK_BYTES = 10_000; // more than a thread's cache has

    private ArenaCount() {}

    public static void main(String[] arguments) throws InterruptedException {
        int threads = Integer.parseInt(arguments[0]);
        CountDownLatch allocated = new CountDownLatch(threads);
        CountDownLatch end = new CountDownLatch(1);
        for (int i = 0; i < threads; i++) {
            Thread.ofPlatform().daemon().start(() -> {
                long block = CLibrary.malloc(BLOCK_BYTES);
                allocated.countDown();
                try {
                    end.await();
                } catch (InterruptedException nobodyDoes) {
                    Thread.currentThread().interrupt();
                }
                CLibrary.free(block);
            });
        }
        allocated.await();
        System.out.println(AddressSpace.ofThisProcess().areas().stream()
                .filter(area -> area.kind() == AreaKind.C_ARENA)
                .mapToLong(Area::address)
                .map(address -> address >>> WINDOW_SHIFT)
                .distinct()
                .count());
        end.countDown();
    }
}
