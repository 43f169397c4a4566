package malloc4j.process;

import malloc4j.observe.AreaKind;

/// Reads its own layout and limits, and the layouts of the processes that it is told, which use heaps of ours; makes no
/// heap, and has no right to native access.
final class LookingChild {
    private LookingChild() {}

    public static void main(String[] arguments) {
        AddressSpace space = AddressSpace.ofThisProcess();
        space.verify();
        MemoryLimits limits = MemoryLimits.read();
        if (space.sums().containsKey(AreaKind.ZONE_RESERVE)
                || limits.mappings().ours().get() != 0) {
            throw new AssertionError(Areas.of(space));
        }
        for (String pid : arguments) {
            AddressSpace other = AddressSpace.of(Long.parseLong(pid));
            if (!other.sums().containsKey(AreaKind.SLAB)) {
                throw new AssertionError(Areas.of(other));
            }
        }
        AddressSpace after = AddressSpace.ofThisProcess();
        if (after.mappings().stream().anyMatch(mapping -> mapping.name().contains("malloc4j-root"))) {
            throw new AssertionError(Areas.of(after));
        }
        System.out.println("no zone");
    }
}
