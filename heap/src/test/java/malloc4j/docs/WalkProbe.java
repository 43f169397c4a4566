package malloc4j.docs;

import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import malloc4j.Heap;
import malloc4j.HeapOptions;
import malloc4j.MemorySource;
import malloc4j.internal.cache.Reclaimer;
import malloc4j.internal.os.LinuxCalls;
import malloc4j.internal.os.RecordingCalls;
import malloc4j.internal.os.SystemCalls;
import malloc4j.internal.region.ChunkMap;
import malloc4j.internal.region.Ground;
import malloc4j.internal.region.PageGeometry;

/// Walks the walks of docs/architecture.md in a JVM of its own, where each is the first of its kind, and prints the
/// system calls of each under its name. [WalksTest] starts it.
final class WalkProbe {
    private static final HeapOptions BY_HAND = HeapOptions.defaults().toBuilder()
            .purgeDelay(Duration.ofSeconds(-1))
            .build(); // no purger in between

    private final RecordingCalls calls = new RecordingCalls(LinuxCalls.instance());

    private WalkProbe() {}

    public static void main(String[] arguments) throws Exception {
        System.out.println("## machine\n" + PageGeometry.PAGE_BYTES + "\n"
                + ChunkMap.main().byteSize());
        WalkProbe probe = new WalkProbe();
        probe.zone();
        probe.small();
        probe.large();
        probe.huge();
        probe.purge();
        probe.programBreak();
    }

    private void zone() throws ReflectiveOperationException {
        Method reserve = ChunkMap.class.getDeclaredMethod("reserve", Ground.class, long.class);
        reserve.setAccessible(true);
        reserve.invoke(null, Ground.process().with(calls), ChunkMap.main().byteSize());
        print("zone");
    }

    private void small() throws Exception {
        Heap heap = heap(BY_HAND);
        long cold = heap.malloc(24);
        print("cold-malloc");
        long warm = heap.malloc(24);
        heap.free(warm);
        print("warm-malloc");
        Thread other = new Thread(() -> heap.free(cold));
        other.start();
        other.join();
        print("remote-free");
        long block = heap.malloc(100);
        block = heap.realloc(block, 3_000);
        print("small-realloc");
        heap.free(block);
    }

    private void large() throws Exception {
        Heap heap = heap(BY_HAND);
        heap.free(heap.malloc(256 << 10));
        calls.clear();
        heap.free(heap.malloc(256 << 10));
        print("large-pair");
        long block = heap.malloc(100 << 10);
        calls.clear();
        block = heap.realloc(block, 1 << 20);
        print("large-realloc");
        heap.free(block);
    }

    private void huge() throws Exception {
        Heap heap = heap(BY_HAND);
        long block = heap.malloc(64L << 20);
        block = heap.realloc(block, 128L << 20);
        heap.free(block);
        print("huge-realloc");
    }

    private void purge() throws Exception {
        Heap heap = heap(BY_HAND);
        Reclaimer reclaimer = (Reclaimer) field(heap, "reclaimer");
        long[] blocks = new long[32]; // two slabs of 16 blocks, a page each
        CountDownLatch allocated = new CountDownLatch(1);
        CountDownLatch mayEnd = new CountDownLatch(1);
        Thread program = new Thread(() -> {
            for (int index = 0; index < blocks.length; index++) {
                blocks[index] = heap.malloc(4096);
            }
            allocated.countDown();
            awaitQuietly(mayEnd);
        });
        program.start();
        allocated.await();
        long large = heap.malloc(6 << 20); // in an extent of its own, by a thread with a cache of its own
        mayEnd.countDown();
        program.join();
        calls.clear();
        for (int index = 0; index < blocks.length; index++) {
            if (index != 20) {
                heap.free(blocks[index]);
            }
        }
        heap.free(large);
        for (int visit = 1; visit <= 6; visit++) {
            if (visit == 4) {
                heap.free(blocks[20]);
            }
            reclaimer.visit(0, false);
            print("purge-visit-" + visit);
        }
        heap.close();
        print("purge-close");
    }

    private static void awaitQuietly(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    private void programBreak() throws Exception {
        Heap heap = heap(BY_HAND.toBuilder()
                .source(MemorySource.BRK)
                .brkClaimBytes(4 << 20)
                .build());
        long block = heap.malloc(24);
        print("break");
        heap.free(block);
    }

    private Heap heap(HeapOptions options) throws ReflectiveOperationException {
        Method create = Heap.class.getDeclaredMethod("create", SystemCalls.class, HeapOptions.class);
        create.setAccessible(true);
        return (Heap) create.invoke(null, calls, options);
    }

    private static Object field(Object object, String name) throws ReflectiveOperationException {
        Field field = object.getClass().getDeclaredField(name);
        field.setAccessible(true);
        return field.get(object);
    }

    private void print(String walk) {
        System.out.println("## " + walk);
        calls.transcript().forEach(call -> System.out.println(call.text() + (call.result() < 0 ? " failed" : "")));
        calls.clear();
    }
}
