package malloc4j.linux;

import malloc4j.Heap;
import malloc4j.HeapOptions;
import malloc4j.MemorySource;
import malloc4j.internal.region.OwnMemory;
import malloc4j.internal.region.OwnMemory.Reserve;
import malloc4j.observe.Area;
import malloc4j.observe.AreaKind;

/// Makes the first heaps of a process, from mappings and from the program break, and looks whose all the new
/// addresses are.
final class OwnReservesChild {
    private OwnReservesChild() {}

    public static void main(String[] arguments) {
        AddressSpace.ofThisProcess(); // loads what it needs
        AddressSpace before = AddressSpace.ofThisProcess();
        try (Heap ofBreak = Heap.create(
                HeapOptions.builder().name("of-break").source(MemorySource.BRK).build())) {
            ofBreak.malloc(100);
            Heap.common().malloc(100);
            AddressSpace after = AddressSpace.ofThisProcess();
            after.verify();

            long reservedBytes = 0;
            for (Reserve reserve : OwnMemory.reserves()) {
                reservedBytes += reserve.byteSize();
                for (Area area : after.areas()) {
                    boolean inside =
                            area.address() < reserve.address() + reserve.byteSize() && area.end() > reserve.address();
                    check(!inside || area.kind().group() == AreaKind.Group.MALLOC4J, area + " in " + reserve);
                }
                check(after.at(reserve.address()).isPresent(), reserve + " is not mapped");
                check(after.at(reserve.address() + reserve.byteSize() - 1).isPresent(), reserve + " ends early");
            }
            check(OwnMemory.reserves().size() >= 4, "zone, records, entries, caches: " + OwnMemory.reserves());
            check(reservedBytes > 1L << 40, reservedBytes + " bytes are ours");
            long unknown = after.sum(AreaKind.RESERVED).byteSize()
                    - before.sum(AreaKind.RESERVED).byteSize();
            check(unknown <= 0, unknown + " reserved bytes came and are nobody's:\n" + after.table());
            System.out.println(OwnMemory.reserves().size() + " reserves, all labelled");
        }
    }

    private static void check(boolean condition, String message) {
        if (!condition) {
            throw new AssertionError(message);
        }
    }
}
