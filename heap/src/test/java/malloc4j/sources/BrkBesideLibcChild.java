package malloc4j.sources;

import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Proxy;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import malloc4j.Heap;
import malloc4j.HeapOptions;
import malloc4j.MemorySource;
import malloc4j.TestHeaps;
import malloc4j.faults.Maps;
import malloc4j.internal.memory.RawMemory;
import malloc4j.internal.os.SystemCalls;
import malloc4j.internal.os.TestKernel;
import org.jspecify.annotations.Nullable;

/// Heaps on the program break and the C library's malloc on the same break, at the same time, for as many
/// seconds as the argument says. Every byte of every block of both is filled and checked. Prints figures;
/// exits with 1 when a block has changed, or when the break was not what was tested.
public final class BrkBesideLibcChild {
    private static final int MIN_CLAIMS = 50;
    private static final int MIN_FALLS = 11;
    private static final int LIBC_THREADS = 2;
    private static final int HEAP_THREADS = 2;
    private static final int MAX_PILE = 600; // claims and moats of 70 MiB each: 42 of the 64 GiB that are kept track of
    private static final int PILE_BYTES = 200 << 10;

    private final SystemCalls calls = counting(TestKernel.calls());
    private final AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();
    private final AtomicLong claims = new AtomicLong();
    private final AtomicLong breakMoved = new AtomicLong();
    private final AtomicLong breakFell = new AtomicLong();
    private final AtomicLong libcBlocks = new AtomicLong();
    private final AtomicLong libcInBreak = new AtomicLong();
    private final AtomicLong heapBlocks = new AtomicLong();
    private final AtomicLong heapInBreak = new AtomicLong();
    private final AtomicLong heaps = new AtomicLong();
    private final AtomicLong checkedBytes = new AtomicLong();
    private final long breakStart = Maps.all().stream()
            .filter(mapping -> mapping.name().equals("[heap]"))
            .mapToLong(Maps.Mapping::start)
            .findFirst()
            .orElseGet(() -> TestKernel.calls().sbrk(0));
    private final long pileMillis;
    private final long deadline;
    private final long lastDeadline;

    private BrkBesideLibcChild(long seconds) {
        long now = System.nanoTime();
        pileMillis = seconds * 1_000 / MAX_PILE;
        deadline = now + seconds * 1_000_000_000L;
        lastDeadline = now + 6 * seconds * 1_000_000_000L; // on a machine that has other things to do
    }

    public static void main(String[] arguments) throws InterruptedException {
        new BrkBesideLibcChild(Long.parseLong(arguments[0])).run();
    }

    private interface Work {
        void run(SplittableRandom random);
    }

    private void run() throws InterruptedException {
        CMalloc.mallopt(CMalloc.M_MMAP_THRESHOLD, 32 << 20); // no block of theirs is a mapping
        CMalloc.mallopt(CMalloc.M_TRIM_THRESHOLD, 32 << 10);
        CMalloc.mallopt(CMalloc.M_TOP_PAD, 0);
        List<Thread> threads = new ArrayList<>();
        threads.add(start("libc", this::libcLivesOn));
        for (int index = 0; index < LIBC_THREADS; index++) {
            threads.add(start("libc-" + index, this::libcGrowsAndTrims));
        }
        for (int index = 0; index < HEAP_THREADS; index++) {
            threads.add(start("heap-" + index, this::heapsComeAndGo));
        }
        threads.add(start("pile", this::heapsPileUp));
        threads.add(start("watch", this::watchTheBreak));
        for (Thread thread : threads) {
            thread.join();
        }
        report();
    }

    private Thread start(String name, Work work) {
        return Thread.ofPlatform().name(name).start(() -> {
            try {
                work.run(new SplittableRandom(name.hashCode()));
            } catch (Throwable thrown) {
                failure.compareAndSet(null, thrown);
            }
        });
    }

    private boolean goesOn() {
        long now = System.nanoTime();
        return failure.get() == null && (now < deadline || (now < lastDeadline && !hasSeenEnough()));
    }

    private boolean hasSeenEnough() {
        return claims.get() >= MIN_CLAIMS && breakFell.get() >= MIN_FALLS;
    }

    /// One block, of either side, with its own byte in every place.
    private record Block(long address, int byteSize, byte value) {
        static Block fill(long address, int byteSize, SplittableRandom random) {
            byte value = (byte) random.nextInt(1, 256);
            RawMemory.fill(address, byteSize, value);
            return new Block(address, byteSize, value);
        }
    }

    private void check(String side, Block block) {
        long word = (block.value & 0xFFL) * 0x0101_0101_0101_0101L;
        long end = block.address + block.byteSize;
        long address = block.address;
        for (; address + 8 <= end; address += 8) {
            if (RawMemory.getLong(address) != word) {
                throw new AssertionError(changed(side, block, address));
            }
        }
        for (; address < end; address++) {
            if (RawMemory.getByte(address) != block.value) {
                throw new AssertionError(changed(side, block, address));
            }
        }
        checkedBytes.addAndGet(block.byteSize);
    }

    private static String changed(String side, Block block, long address) {
        return "a block of " + side + ", " + block.byteSize + " bytes at 0x" + Long.toHexString(block.address)
                + ", has changed at 0x" + Long.toHexString(address);
    }

    /// Moves the break up and down as often as can be: nearly each of these blocks is taken from the top of the C
    /// library's heap, and given back there.
    private void libcGrowsAndTrims(SplittableRandom random) {
        List<Block> live = new ArrayList<>();
        while (goesOn()) {
            int blocks = random.nextInt(1, random.nextInt(50) == 0 ? 1_000 : 50); // up to 80 MiB
            while (live.size() < blocks) {
                live.add(allocateOfLibc(random.nextInt(64 << 10, 100 << 10), random));
            }
            while (!live.isEmpty()) {
                freeOfLibc(live, live.size() - 1);
            }
        }
    }

    /// Keeps some MiB of blocks of all sizes, each for a while.
    private void libcLivesOn(SplittableRandom random) {
        List<Block> live = new ArrayList<>();
        while (goesOn()) {
            live.add(allocateOfLibc(random.nextInt(1 << 10, 100 << 10), random));
            if (live.size() > 200) {
                freeOfLibc(live, random.nextInt(live.size()));
            }
        }
        while (!live.isEmpty()) {
            freeOfLibc(live, live.size() - 1);
        }
    }

    private Block allocateOfLibc(int byteSize, SplittableRandom random) {
        long address = CMalloc.malloc(byteSize);
        if (address == 0) {
            throw new AssertionError("the C library has no memory");
        }
        libcBlocks.incrementAndGet();
        libcInBreak.addAndGet(isInBreak(address) ? 1 : 0);
        return Block.fill(address, byteSize, random);
    }

    private void freeOfLibc(List<Block> live, int index) {
        Block block = live.get(index);
        Block last = live.removeLast();
        if (index < live.size()) {
            live.set(index, last);
        }
        check("the C library", block);
        CMalloc.free(block.address);
    }

    /// Heaps that are made, grow, shrink, and are closed.
    private void heapsComeAndGo(SplittableRandom random) {
        while (goesOn()) {
            try (Heap heap = heap((long) random.nextInt(1, 9) << 21)) {
                heaps.incrementAndGet();
                int rounds = random.nextInt(1, 4);
                for (int round = 0; round < rounds && goesOn(); round++) {
                    ArrayDeque<Block> live = new ArrayDeque<>();
                    int blocks = random.nextInt(10, 1_500);
                    for (int count = 0; count < blocks; count++) {
                        live.add(allocate(heap, random.nextInt(10) == 0 ? 400 << 10 : 20 << 10, random));
                        if (random.nextInt(3) == 0) {
                            freeOfHeap(heap, live.removeFirst());
                        }
                    }
                    live.forEach(block -> freeOfHeap(heap, block));
                    heap.trim(0);
                }
                heap.verify();
            }
        }
    }

    /// More and more heaps with a claim or less each, so that claims are made again and again; then all of
    /// them are closed.
    private void heapsPileUp(SplittableRandom random) {
        List<Heap> pile = new ArrayList<>();
        List<Block> blocks = new ArrayList<>();
        while (goesOn()) {
            Heap heap = heap((long) random.nextInt(1, 4) << 21);
            heaps.incrementAndGet();
            pile.add(heap);
            for (int bytes = 0; bytes < PILE_BYTES; bytes += blocks.getLast().byteSize) {
                blocks.add(allocate(heap, 50 << 10, random));
            }
            check("the pile of heaps", blocks.get(random.nextInt(blocks.size())));
            if (pile.size() == MAX_PILE) {
                blocks.forEach(block -> check("the pile of heaps", block));
                blocks.clear();
                pile.forEach(Heap::close);
                pile.clear();
            }
            pause();
        }
        blocks.forEach(block -> check("the pile of heaps", block));
        pile.forEach(Heap::close);
    }

    private void watchTheBreak(SplittableRandom random) {
        long before = TestKernel.calls().sbrk(0);
        while (goesOn()) {
            long now = TestKernel.calls().sbrk(0);
            if (now < before) {
                breakFell.incrementAndGet();
            }
            if (now != before) {
                breakMoved.incrementAndGet();
            }
            before = now;
            Thread.onSpinWait();
        }
    }

    private void pause() {
        try {
            Thread.sleep(pileMillis);
        } catch (InterruptedException interrupted) {
            throw new AssertionError(interrupted);
        }
    }

    private Heap heap(long brkClaimBytes) {
        HeapOptions options = HeapOptions.builder()
                .name("brk")
                .source(MemorySource.BRK)
                .brkClaimBytes(brkClaimBytes)
                .build();
        return TestHeaps.create(calls, options);
    }

    private Block allocate(Heap heap, int maxBytes, SplittableRandom random) {
        int byteSize = random.nextInt(1, maxBytes);
        long address = heap.malloc(byteSize);
        heapBlocks.incrementAndGet();
        heapInBreak.addAndGet(isInBreak(address) ? 1 : 0);
        return Block.fill(address, byteSize, random);
    }

    private void freeOfHeap(Heap heap, Block block) {
        check("a heap", block);
        heap.free(block.address);
    }

    private boolean isInBreak(long address) {
        return address >= breakStart && address < TestKernel.calls().sbrk(0);
    }

    /// Counts the heaps' own steps of the break.
    private SystemCalls counting(SystemCalls target) {
        InvocationHandler handler = (proxy, method, arguments) -> {
            if (method.getName().equals("sbrk") && (long) arguments[0] > 0) {
                claims.incrementAndGet();
            }
            return method.invoke(target, arguments);
        };
        return (SystemCalls)
                Proxy.newProxyInstance(SystemCalls.class.getClassLoader(), new Class<?>[] {SystemCalls.class}, handler);
    }

    private void report() {
        Throwable thrown = failure.get();
        if (thrown != null) {
            throw new AssertionError("failed", thrown);
        }
        System.out.printf(
                Locale.ROOT,
                "brk beside libc: %d heaps, %d claims, %d heap blocks (%d in the break), %d libc blocks (%d in the break), "
                        + "break seen to move %d times, down %d times, %d MiB checked%n",
                heaps.get(),
                claims.get(),
                heapBlocks.get(),
                heapInBreak.get(),
                libcBlocks.get(),
                libcInBreak.get(),
                breakMoved.get(),
                breakFell.get(),
                checkedBytes.get() >>> 20);
        require(claims.get() >= MIN_CLAIMS, "claims were made while the C library was at work");
        require(heapInBreak.get() > heapBlocks.get() / 2, "most blocks of heaps lie in the break");
        require(libcInBreak.get() > libcBlocks.get() / 10, "blocks of the C library lie in the break");
        require(breakFell.get() >= MIN_FALLS, "the C library trimmed");
    }

    private static void require(boolean condition, String what) {
        if (!condition) {
            throw new AssertionError("not so: " + what);
        }
    }
}
