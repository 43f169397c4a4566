package malloc4j.process;

import malloc4j.Heap;
import malloc4j.HeapOptions;
import malloc4j.MemorySource;
import malloc4j.faults.ChildJvm;
import malloc4j.observe.Area;
import malloc4j.observe.AreaKind;

/// A process whose program break has memory of libc and of a heap: in one of its own, because the break never goes
/// back.
final class BreakLayoutChild {
    private BreakLayoutChild() {}

    static String run() {
        try {
            return ChildJvm.small().run(BreakLayoutChild.class);
        } catch (Exception failure) {
            throw new AssertionError(failure);
        }
    }

    public static void main(String[] arguments) {
        try (Heap heap = Heap.create(
                HeapOptions.builder().name("of break").source(MemorySource.BRK).build())) {
            long block = heap.malloc(100);
            AddressSpace space = AddressSpace.ofThisProcess();
            space.verify();
            require(space.at(block).orElseThrow(), AreaKind.SLAB, "heap of break (1)");
            long claim = block & -(2L << 20);
            require(space.at(claim - 4096).orElseThrow(), AreaKind.MOAT, "malloc4j");
            require(space.at(claim - (32L << 20)).orElseThrow(), AreaKind.MOAT, "malloc4j");
            require(space.at(space.bases().breakStart().getAsLong()).orElseThrow(), AreaKind.BREAK, "");
            if (!space.sums().containsKey(AreaKind.RECORDS)) {
                throw new AssertionError(Areas.of(space));
            }
            System.out.println("slab, reserve, moat and libc's part");
        }
    }

    private static void require(Area area, AreaKind kind, String owner) {
        if (area.kind() != kind || !area.owner().equals(owner)) {
            throw new AssertionError(area + " is not " + kind + " of " + owner);
        }
    }
}
