package malloc4j.process;

import java.util.concurrent.locks.LockSupport;
import malloc4j.Heap;
import malloc4j.HeapOptions;
import malloc4j.MemorySource;
import malloc4j.internal.region.Ground;
import malloc4j.internal.region.OwnMemory;
import malloc4j.internal.region.OwnMemory.Reserve;
import malloc4j.observe.Area;
import malloc4j.observe.AreaKind;

/// Makes the first heaps of a process, from mappings and from the program break, and looks whose all the new
/// addresses are.
final class OwnReservesChild {
    private static final OwnMemory MEMORY = Ground.process().memory();

    private OwnReservesChild() {}

    public static void main(String[] arguments) throws InterruptedException {
        AddressSpace.ofThisProcess(); // loads what it needs
        Thread.ofPlatform().start(() -> {}).join(); // leaves its stack, guard and all, to the next that ends
        AddressSpace before = AddressSpace.ofThisProcess();
        try (Heap ofBreak = Heap.create(
                HeapOptions.builder().name("of-break").source(MemorySource.BRK).build())) {
            ofBreak.malloc(100);
            Heap.common().malloc(100);
            AddressSpace after = settled(before);
            after.verify();

            long reservedBytes = 0;
            for (Reserve reserve : MEMORY.reserves()) {
                reservedBytes += reserve.byteSize();
                for (Area area : after.areas()) {
                    boolean inside =
                            area.address() < reserve.address() + reserve.byteSize() && area.end() > reserve.address();
                    check(!inside || area.kind().group() == AreaKind.Group.MALLOC4J, area + " in " + reserve);
                }
                check(after.at(reserve.address()).isPresent(), reserve + " is not mapped");
                check(after.at(reserve.address() + reserve.byteSize() - 1).isPresent(), reserve + " ends early");
            }
            check(MEMORY.reserves().size() >= 4, "zone, records, entries, caches: " + MEMORY.reserves());
            check(reservedBytes > 1L << 40, reservedBytes + " bytes are ours");
            long unknown = reservedBytes(after) - reservedBytes(before);
            check(unknown <= 0, unknown + " reserved bytes came and are nobody's:\n" + Areas.of(after));
            System.out.println(MEMORY.reserves().size() + " reserves, all labelled");
        }
    }

    /// The layout now, when no thread is just starting or ending, whose guard has no owner then.
    private static AddressSpace settled(AddressSpace before) {
        AddressSpace now = AddressSpace.ofThisProcess();
        for (int attempt = 0; attempt < 100 && reservedBytes(now) > reservedBytes(before); attempt++) {
            LockSupport.parkNanos(20_000_000);
            now = AddressSpace.ofThisProcess();
        }
        return now;
    }

    private static long reservedBytes(AddressSpace space) {
        return space.sum(AreaKind.RESERVED).byteSize();
    }

    private static void check(boolean condition, String message) {
        if (!condition) {
            throw new AssertionError(message);
        }
    }
}
