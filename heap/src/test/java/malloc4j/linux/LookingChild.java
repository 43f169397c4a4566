package malloc4j.linux;

import malloc4j.observe.AreaKind;

/// Reads its own layout and limits before any heap is made, without the right to native access.
final class LookingChild {
    private LookingChild() {}

    public static void main(String[] arguments) {
        AddressSpace space = AddressSpace.ofThisProcess();
        space.verify();
        MemoryLimits limits = MemoryLimits.read();
        if (space.sums().containsKey(AreaKind.ZONE_RESERVE)
                || limits.mappings().ours().get() != 0) {
            throw new AssertionError(space.table());
        }
        System.out.println("no zone");
    }
}
