package malloc4j.process;

import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicLong;
import malloc4j.Heap;
import malloc4j.HeapOptions;
import malloc4j.observe.HeapSnapshot;

/// A process with heaps of every kind, for another one to look at. It prints of each what it tells of itself, a line
/// each, and then does what it is told: `run` has threads allocate and free at full speed for good.
final class BooksPeer {
    private static final int THREADS = 3;

    private BooksPeer() {}

    private static Heap heap(String name, String... options) {
        HeapOptions.Builder builder = HeapOptions.builder().name(name).option("purgeDelayMillis", "-1");
        for (int index = 0; index < options.length; index += 2) {
            builder.option(options[index], options[index + 1]);
        }
        return Heap.create(builder.build());
    }

    public static void main(String[] arguments) throws Exception {
        List<Heap> heaps = List.of(
                heap("first"),
                heap("the second, \u017c\u00f3\u0142w", "source", "brk", "brkClaimBytes", "4M"),
                heap("arenas"),
                heap("sampled", "profileBytes", "65536"),
                heap("guarded", "guardEvery", "4"),
                heap("debug", "debug", "redzone"),
                heap("trimmed"));
        for (Heap heap : heaps) {
            fill(heap, 4711 + heap.heapId());
            Thread other = new Thread(() -> fill(heap, heap.heapId()));
            other.start();
            other.join();
        }
        try (Arena arena = heaps.get(2).ofConfined()) {
            arena.allocate(100);
        }
        boolean unused = heaps.get(6).trim(0);
        for (Heap heap : heaps) {
            HeapSnapshot snapshot = heap.snapshot();
            System.out.println(heap.footprint().toJson());
            System.out.println(snapshot.sizeClasses());
            System.out.println(snapshot.hugeBlocks());
            System.out.println(snapshot.liveBlocks());
        }
        System.out.println("ready");
        if (System.in.read() == 'r') {
            run(heaps);
        }
        heaps.forEach(Heap::close);
    }

    /// Small, large and huge blocks, every third of which is freed, as are all of some sizes.
    private static void fill(Heap heap, long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        List<Long> blocks = new ArrayList<>();
        for (int count = 0; count < 6_000; count++) {
            int scale = random.nextInt(4, count % 50 == 0 ? 19 : 13);
            blocks.add(heap.calloc(1, 1 + random.nextInt(1 << scale)));
        }
        for (int count = 0; count < 4; count++) {
            blocks.add(heap.malloc((33L << 20) + (long) count * 12_345));
        }
        for (int index = 0; index < blocks.size(); index += 3) {
            heap.free(blocks.get(index));
        }
        for (int count = 0; count < 500; count++) {
            heap.free(heap.malloc(5_000));
        }
    }

    private static void run(List<Heap> heaps) throws InterruptedException {
        AtomicLong turns = new AtomicLong();
        for (int thread = 0; thread < THREADS; thread++) {
            long seed = thread;
            Thread running = new Thread(() -> churn(heaps, seed, turns));
            running.setDaemon(true);
            running.start();
        }
        while (turns.get() < THREADS) {
            Thread.sleep(1);
        }
        System.out.println("running");
        Thread.currentThread().join(); // until it is killed
    }

    private static void churn(List<Heap> heaps, long seed, AtomicLong turns) {
        SplittableRandom random = new SplittableRandom(seed);
        long[] blocks = new long[256];
        int[] owners = new int[blocks.length];
        while (true) {
            int place = random.nextInt(blocks.length);
            if (blocks[place] != 0) {
                heaps.get(owners[place]).free(blocks[place]);
            }
            owners[place] = random.nextInt(2);
            int roll = random.nextInt(1 << 14);
            long byteSize = roll == 0 ? 33L << 20 : 1 + random.nextInt(roll < 100 ? 1 << 19 : 1 << 10);
            blocks[place] = heaps.get(owners[place]).malloc(byteSize);
            if (roll == 1) {
                boolean unused = heaps.get(owners[place]).trim(0);
            }
            turns.incrementAndGet();
        }
    }
}
