package malloc4j.faults;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import malloc4j.Heap;
import malloc4j.HeapOptions;
import malloc4j.MemorySource;
import malloc4j.OutOfNativeMemoryError;
import malloc4j.internal.memory.RawMemory;
import malloc4j.internal.os.Linux;
import malloc4j.internal.region.ChunkMap;
import malloc4j.internal.region.Ground;
import malloc4j.internal.region.MmapSource;

/// What [LimitsTest] runs in a process of its own: each scenario meets one limit of the kernel, and prints what it saw.
public final class LimitsChild {
    private static final long MIB = 1L << 20;

    private LimitsChild() {}

    public static void main(String[] arguments) throws Exception {
        switch (arguments[0]) {
            case "RLIMIT_AS" -> addressSpace();
            case "RLIMIT_DATA" -> data(24 * MIB, 3 * MIB, 32 * MIB);
            case "small zone" -> smallZone();
            case "max_map_count" -> mappings();
            case "extents" -> extents();
            case "threads" -> threads();
            case "break" -> programBreak();
            case "reserve" -> reserve();
            case "other way" -> otherWay();
            default -> throw new IllegalArgumentException(arguments[0]);
        }
    }

    /// With hardly an address left, what the zone has room for is served from there, and more than that refused.
    private static void addressSpace() {
        Heap heap = heap(MIB);
        refused(heap, Heap.MAX_BYTE_SIZE); // everything has run once
        List<Long> blocks = new ArrayList<>();
        Limits.setSoft(Linux.RLIMIT_AS, Maps.statusBytes("VmSize") + 20 * MIB);
        for (int count = 0; count < 20; count++) {
            allocate(heap, 8 * MIB, blocks);
        }
        OutOfNativeMemoryError error = refused(heap, 2 * ChunkMap.main().byteSize());
        check(error.limit() == OutOfNativeMemoryError.Limit.KERNEL, "limit is " + error.limit());
        String text = "RLIMIT_AS is " + Limits.soft(Linux.RLIMIT_AS) + " bytes";
        check(String.valueOf(error.getMessage()).contains(text), String.valueOf(error.getMessage()));
        Limits.setSoft(Linux.RLIMIT_AS, Linux.RLIM_INFINITY);
        checkAll(blocks, 8 * MIB);
        blocks.forEach(heap::free);
        end(heap);
        System.out.println("refused after " + blocks.size() + " blocks");
    }

    /// Lowers the limit to a little more than what is in use, allocates until that is met, and raises it again.
    private static void data(long roomBytes, long blockBytes, long mmapThresholdBytes) {
        int resource = Linux.RLIMIT_DATA;
        Heap heap = heap(mmapThresholdBytes);
        List<Long> blocks = new ArrayList<>();
        heap.free(heap.malloc(blockBytes)); // everything has run once
        refused(heap, Heap.MAX_BYTE_SIZE); // an error too
        long small = heap.malloc(1_000);
        Patterns.fill(small, 1_000, 1);

        Limits.setSoft(resource, Maps.statusBytes("VmData") + roomBytes);
        OutOfNativeMemoryError error = allocateUntilRefused(heap, blockBytes, blocks);
        check(error.limit() == OutOfNativeMemoryError.Limit.KERNEL, "limit is " + error.limit());
        check(
                String.valueOf(error.getMessage()).contains("RLIMIT_DATA is " + Limits.soft(resource) + " bytes"),
                String.valueOf(error.getMessage()));
        check(!blocks.isEmpty() && blocks.size() <= roomBytes / blockBytes, "blocks until refused: " + blocks.size());
        int before = blocks.size();
        long another = heap.malloc(1_000); // there is room in the slab
        checkAll(blocks, blockBytes);
        heap.verify();

        Limits.setSoft(resource, Linux.RLIM_INFINITY);
        for (int count = 0; count < 20; count++) {
            allocate(heap, blockBytes, blocks);
        }
        checkAll(blocks, blockBytes);
        Patterns.check(small, 1_000, 1_000, 1);
        heap.free(small);
        heap.free(another);
        blocks.forEach(heap::free);
        end(heap);
        System.out.println("refused after " + before + " blocks");
    }

    /// The process was started with less address space than the zone would like to have.
    private static void smallZone() {
        long zoneBytes = ChunkMap.main().byteSize();
        check(zoneBytes < 8L << 30, "zone of " + zoneBytes);
        Heap heap = heap(64 * MIB);
        List<Long> blocks = new ArrayList<>();
        OutOfNativeMemoryError error = allocateUntilRefused(heap, 60 * MIB, blocks);
        check(error.limit() == OutOfNativeMemoryError.Limit.ADDRESS_SPACE, "limit is " + error.limit());
        String text = "RLIMIT_AS is " + Limits.soft(Linux.RLIMIT_AS) + " bytes";
        check(
                String.valueOf(error.getMessage()).contains(text)
                        && String.valueOf(error.getMessage()).contains("raise ulimit -v")
                        && !String.valueOf(error.getMessage()).contains("sysctl"),
                String.valueOf(error.getMessage()));
        long usable = 60 * MIB * blocks.size();
        check(usable > zoneBytes / 2, "only " + usable + " bytes of the zone could be had");
        checkAll(blocks, 60 * MIB);
        blocks.forEach(heap::free);
        blocks.clear();
        for (int count = 0; count < 10; count++) {
            allocate(heap, 60 * MIB, blocks);
        }
        checkAll(blocks, 60 * MIB);
        blocks.forEach(heap::free);
        end(heap);
        System.out.println("zone of " + zoneBytes + " bytes");
    }

    /// Many more huge blocks than a quarter of the kernel's mappings: neighbours are one mapping, until every second
    /// one goes.
    private static void mappings() {
        Heap heap = heap(64 << 10);
        int blockCount = 5 * Ground.process().mappings().limit() / 2;
        List<Long> blocks = new ArrayList<>();
        for (int count = 0; count < blockCount; count++) {
            allocate(heap, 64 << 10, blocks);
        }
        checkCount();
        Heap other = Heap.create(HeapOptions.builder().name("extents").build());
        long small = other.malloc(100);
        for (int index = 0; index < blocks.size(); index += 2) {
            heap.free(blocks.get(index));
            if (index % 1_000 == 0) {
                checkCount();
            }
        }
        checkCount();
        workTheJvm();
        other.free(other.malloc(30_000));
        other.free(other.malloc(30 * MIB));
        for (int index = 1; index < blocks.size(); index += 2) {
            Patterns.check(blocks.get(index), 4_096, 4_096, index);
            heap.free(blocks.get(index));
        }
        checkCount();
        other.free(small);
        end(other);
        end(heap);
        check(
                Ground.process().mappings().used() == 0,
                "still counted: " + Ground.process().mappings().used());
        System.out.println("had " + blockCount + " blocks");
    }

    /// Many more extents than a quarter of the kernel's mappings, as of as many heaps.
    private static void extents() {
        MmapSource source = new MmapSource(Ground.process(), MmapSource.Pages.DEFAULT);
        List<Long> extents = new ArrayList<>();
        for (int count = 0; count < 2 * Ground.process().mappings().limit(); count++) {
            long address = source.acquire(2 * MIB);
            check(address > 0, "extent " + count + ": " + address);
            extents.add(address);
        }
        checkCount();
        Heap heap = heap(64 * MIB);
        heap.free(heap.malloc(100));
        for (int index = 0; index < extents.size(); index += 2) {
            check(source.release(extents.get(index), 2 * MIB) == 0, "release " + index);
        }
        checkCount();
        workTheJvm();
        for (int index = 1; index < extents.size(); index += 2) {
            RawMemory.putLong(extents.get(index), index);
            check(source.release(extents.get(index), 2 * MIB) == 0, "release " + index);
        }
        checkCount();
        long address = heap.calloc(20, MIB);
        check(Patterns.isZero(address, 20 * MIB), "what was kept reads zero");
        heap.free(address);
        end(heap);
        ChunkMap.main().verify();
        System.out.println("had " + extents.size() + " extents");
    }

    private static void checkCount() {
        int count = Maps.all().size();
        check(count <= Ground.process().mappings().limit() + 600, "mappings: " + count); // those of the JVM beside ours
    }

    /// The process was started with little address space: the library leaves half of it to others.
    private static void threads() throws Exception {
        long limit = Limits.soft(Linux.RLIMIT_AS);
        long before = Maps.statusBytes("VmSize");
        Heap heap = heap(32 * MIB);
        heap.free(heap.malloc(100));
        long taken = Maps.statusBytes("VmSize") - before;
        check(taken <= (limit - before) / 2 + 64 * MIB, "took " + taken + " of " + (limit - before));
        CountDownLatch end = new CountDownLatch(1);
        List<Thread> threads = new ArrayList<>();
        for (int count = 0; count < 600; count++) {
            threads.add(Thread.ofPlatform().start(() -> {
                long address = heap.malloc(100);
                try {
                    end.await();
                } catch (InterruptedException interrupted) {
                    throw new IllegalStateException(interrupted);
                }
                heap.free(address);
            }));
        }
        end.countDown();
        for (Thread thread : threads) {
            thread.join();
        }
        end(heap);
        System.out.println("600 threads");
    }

    private static void programBreak() throws Exception {
        long before = Maps.statusBytes("VmSize");
        long left = Limits.soft(Linux.RLIMIT_AS) - before;
        try (Heap heap =
                Heap.create(HeapOptions.builder().source(MemorySource.BRK).build())) {
            heap.free(heap.malloc(100));
            long taken = Maps.statusBytes("VmSize") - before;
            check(taken <= left / 2 + 128 * MIB, "took " + taken + " of " + left); // an arena of the C library beside
            System.out.println("took " + taken + " of " + left);
        }
    }

    /// Blocks of regions, and such as are mappings of their own, until each is refused: then threads start still.
    private static void reserve() throws Exception {
        long left = Limits.soft(Linux.RLIMIT_AS) - Maps.statusBytes("VmSize");
        Heap heap = Heap.create(HeapOptions.builder().name("full").build());
        List<Long> blocks = new ArrayList<>();
        for (long byteSize : new long[] {20 * MIB, 40 * MIB, 1 << 20, 100_000}) {
            while (true) {
                long address = heap.tryMalloc(byteSize);
                if (address == 0) {
                    break;
                }
                blocks.add(address);
            }
        }
        long taken = left - (Limits.soft(Linux.RLIMIT_AS) - Maps.statusBytes("VmSize"));
        check(taken <= left - 256 * MIB, "took " + taken + " of " + left);
        check(taken >= left - 2048 * MIB, "took only " + taken + " of " + left);
        List<Thread> threads = new ArrayList<>();
        for (int count = 0; count < 100; count++) {
            threads.add(Thread.ofPlatform().start(() -> heap.free(heap.malloc(100))));
        }
        for (Thread thread : threads) {
            thread.join();
        }
        heap.verify();
        blocks.forEach(heap::free);
        end(heap);
        System.out.println("took " + taken / MIB + " of " + left / MIB + " MiB; 100 threads");
    }

    /// Of little address space, the zone has half: large blocks find room there when mappings of their own do not.
    private static void otherWay() {
        Heap heap = Heap.create(HeapOptions.builder().name("either").build());
        List<Long> blocks = new ArrayList<>();
        for (int count = 0; count < 755 / 5; count++) {
            allocate(heap, 5 * MIB, blocks);
        }
        blocks.forEach(heap::free);
        blocks.clear();
        Limits.setSoft(Linux.RLIMIT_AS, Maps.statusBytes("VmSize") + 2 * MIB);
        for (long byteSize : new long[] {33 * MIB, 100 * MIB, 32 * MIB, 400 * MIB}) {
            long address = heap.calloc(1, byteSize);
            check(Patterns.isZero(address, byteSize), "zeroed");
            check(ChunkMap.record(address) != 0, "in an extent");
            fillEnds(address, byteSize, byteSize);
            long moved = heap.realloc(address, byteSize + MIB);
            Patterns.check(moved, 4_096, 4_096, byteSize);
            heap.free(moved);
        }
        Limits.setSoft(Linux.RLIMIT_AS, Linux.RLIM_INFINITY);
        end(heap);
        System.out.println("either way");
    }

    /// Makes the JVM map things of its own.
    private static void workTheJvm() {
        try {
            for (int count = 0; count < 20; count++) {
                Thread thread = new Thread(() -> new ArrayList<>(List.of(new byte[100_000])));
                thread.start();
                thread.join();
            }
        } catch (InterruptedException interrupted) {
            throw new IllegalStateException(interrupted);
        }
    }

    private static Heap heap(long mmapThresholdBytes) {
        return Heap.create(HeapOptions.builder()
                .name("limited")
                .mmapThresholdBytes(mmapThresholdBytes)
                .purgeDelay(Duration.ofMillis(-1))
                .build());
    }

    private static OutOfNativeMemoryError allocateUntilRefused(Heap heap, long byteSize, List<Long> blocks) {
        while (true) {
            try {
                allocate(heap, byteSize, blocks);
            } catch (OutOfNativeMemoryError refused) {
                return refused;
            }
        }
    }

    private static void allocate(Heap heap, long byteSize, List<Long> blocks) {
        long address = heap.malloc(byteSize);
        fillEnds(address, byteSize, blocks.size());
        blocks.add(address);
    }

    private static OutOfNativeMemoryError refused(Heap heap, long byteSize) {
        try {
            long address = heap.malloc(byteSize);
            throw new AssertionError("got a block of " + byteSize + " at " + address);
        } catch (OutOfNativeMemoryError refused) {
            return refused;
        }
    }

    /// The blocks are many and large: only their first and last page is used.
    private static void fillEnds(long address, long byteSize, long seed) {
        Patterns.fill(address, 4_096, seed);
        Patterns.fill(address + byteSize - 4_096, 4_096, ~seed);
    }

    private static void checkAll(List<Long> blocks, long byteSize) {
        for (int index = 0; index < blocks.size(); index++) {
            Patterns.check(blocks.get(index), 4_096, 4_096, index);
            Patterns.check(blocks.get(index) + byteSize - 4_096, 4_096, 4_096, ~index);
        }
    }

    private static void end(Heap heap) {
        heap.verify();
        check(
                heap.statistics().liveBlocks() == 0,
                "blocks are left: " + heap.statistics().liveBlocks());
        heap.close();
    }

    private static void check(boolean condition, String message) {
        if (!condition) {
            throw new AssertionError(message);
        }
    }
}
