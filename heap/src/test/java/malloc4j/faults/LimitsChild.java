package malloc4j.faults;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import malloc4j.Heap;
import malloc4j.HeapOptions;
import malloc4j.OutOfNativeMemoryError;
import malloc4j.internal.os.Linux;
import malloc4j.internal.region.MappingBudget;
import malloc4j.internal.region.PageMap;

/// What [LimitsTest] runs in a process of its own: each scenario meets one limit of the kernel, and prints what it saw.
public final class LimitsChild {
    private static final long MIB = 1L << 20;

    private LimitsChild() {}

    public static void main(String[] arguments) {
        switch (arguments[0]) {
            case "RLIMIT_AS" -> limited(Linux.RLIMIT_AS, "VmSize", 64 * MIB, 8 * MIB, MIB);
            case "RLIMIT_DATA" -> limited(Linux.RLIMIT_DATA, "VmData", 24 * MIB, 3 * MIB, 32 * MIB);
            case "small zone" -> smallZone();
            case "max_map_count" -> mappings();
            default -> throw new IllegalArgumentException(arguments[0]);
        }
    }

    /// Lowers a limit to a little more than what is in use, allocates until that is met, and raises it again.
    private static void limited(int resource, String inUse, long roomBytes, long blockBytes, long mmapThresholdBytes) {
        Heap heap = heap(mmapThresholdBytes);
        List<Long> blocks = new ArrayList<>();
        heap.free(heap.malloc(blockBytes)); // everything has run once
        refused(heap, Heap.MAX_BYTE_SIZE); // an error too
        long small = heap.malloc(1_000);
        Patterns.fill(small, 1_000, 1);

        Limits.setSoft(resource, Maps.statusBytes(inUse) + roomBytes);
        OutOfNativeMemoryError error = allocateUntilRefused(heap, blockBytes, blocks);
        check(error.limit() == OutOfNativeMemoryError.Limit.KERNEL, "limit is " + error.limit());
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
        long zoneBytes = PageMap.main().byteSize();
        check(zoneBytes < 8L << 30, "zone of " + zoneBytes);
        Heap heap = heap(64 * MIB);
        List<Long> blocks = new ArrayList<>();
        OutOfNativeMemoryError error = allocateUntilRefused(heap, 60 * MIB, blocks);
        check(error.limit() == OutOfNativeMemoryError.Limit.ADDRESS_SPACE, "limit is " + error.limit());
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

    /// Huge blocks until the share of the kernel's mappings is used up.
    private static void mappings() {
        Heap heap = heap(64 << 10);
        Heap shared = Heap.create(HeapOptions.builder().name("regions").build());
        long small = shared.malloc(100);
        List<Long> blocks = new ArrayList<>();
        OutOfNativeMemoryError error = allocateUntilRefused(heap, 64 << 10, blocks);
        check(error.limit() == OutOfNativeMemoryError.Limit.ADDRESS_SPACE, "limit is " + error.limit());
        check(MappingBudget.used() <= MappingBudget.limit(), "passed the ceiling: " + MappingBudget.used());
        int most = MappingBudget.limit() / MappingBudget.MAPPINGS_EACH;
        check(blocks.size() > most - 10 && blocks.size() <= most, "blocks until refused: " + blocks.size());
        check(
                Maps.all().size() <= MappingBudget.limit() + 2_000,
                "mappings: " + Maps.all().size());
        checkAll(blocks, 64 << 10);
        shared.free(shared.malloc(30_000)); // what needs no mapping goes on
        workTheJvm();

        // Every second block: the kernel has to split the mappings it has joined.
        for (int index = 0; index < blocks.size(); index += 2) {
            heap.free(blocks.get(index));
        }
        check(
                Maps.all().size() <= MappingBudget.limit() + 2_000,
                "mappings: " + Maps.all().size());
        workTheJvm();
        for (int index = 1; index < blocks.size(); index += 2) {
            heap.free(blocks.get(index));
        }
        int before = blocks.size();
        blocks.clear();
        allocateUntilRefused(heap, 64 << 10, blocks);
        check(blocks.size() == before, "usable again: " + blocks.size() + " of " + before);
        blocks.forEach(heap::free);
        shared.free(small);
        end(shared);
        end(heap);
        check(MappingBudget.used() == 0, "still counted: " + MappingBudget.used());
        System.out.println("refused after " + before + " mappings");
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
