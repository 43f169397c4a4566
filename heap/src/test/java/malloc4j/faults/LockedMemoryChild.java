package malloc4j.faults;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import malloc4j.Heap;
import malloc4j.HeapOptions;
import malloc4j.MemorySource;
import malloc4j.internal.memory.RawMemory;
import malloc4j.linux.MemoryLock;

/// What [LockedMemoryTest] runs in a process of its own, all of whose memory is locked.
public final class LockedMemoryChild {
    private static final long MIB = 1L << 20;

    private LockedMemoryChild() {}

    public static void main(String[] arguments) throws Exception {
        MemoryLock.lockAll(MemoryLock.LockAll.CURRENT, MemoryLock.LockAll.FUTURE, MemoryLock.LockAll.ON_FAULT);
        Path file = Files.createTempFile("locked", ".heap");
        for (MemorySource source : MemorySource.values()) {
            HeapOptions.Builder builder =
                    HeapOptions.builder().name("locked").brkClaimBytes(4 * MIB).purgeDelay(Duration.ofMillis(-1));
            run(source == MemorySource.FILE ? builder.file(file.toString()) : builder.source(source));
        }
        Files.delete(file);
        System.out.println("given back");
    }

    private static void run(HeapOptions.Builder options) {
        Heap heap = Heap.create(options.build());
        List<Long> blocks = new ArrayList<>();
        for (int count = 0; count < 200; count++) {
            long byteSize = count % 10 == 0 ? MIB : 5_000;
            long address = heap.malloc(byteSize);
            RawMemory.fill(address, byteSize, (byte) 1);
            blocks.add(address);
        }
        long huge = heap.malloc(40 * MIB);
        RawMemory.fill(huge, MIB, (byte) 1);
        heap.free(huge);
        long before = heap.residentBytes();
        blocks.subList(0, 190).forEach(heap::free);
        check(heap.trim(0), heap + ": something went back");
        check(heap.statistics().dirtyBytes() == 0, heap + ": all went back");
        long now = heap.residentBytes();
        check(now < before - 15 * MIB, heap + ": resident " + now + " of " + before);
        heap.verify();
        heap.close();
    }

    private static void check(boolean condition, String message) {
        if (!condition) {
            throw new AssertionError("not so: " + message);
        }
    }
}
