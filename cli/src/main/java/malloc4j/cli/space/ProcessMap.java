package malloc4j.cli.space;

import java.util.List;
import malloc4j.observe.AreaKind;
import malloc4j.process.AddressSpace;
import malloc4j.process.MemoryLimits;
import malloc4j.process.Reading;

/// A process's memory and how many mappings it may have: what `map` shows.
///
/// @param maxMappings `vm.max_map_count`
public record ProcessMap(ProcessSpace process, Reading<Long> maxMappings) {
    /// Of this process.
    public static ProcessMap ofThisProcess() {
        return with(ProcessSpace.ofThisProcess());
    }

    /// Of another one; see [ProcessSpace#of].
    public static ProcessMap of(long pid, boolean asks) {
        return with(ProcessSpace.of(pid, asks));
    }

    private static ProcessMap with(ProcessSpace process) {
        return new ProcessMap(process, MemoryLimits.read().mappings().max());
    }

    /// How many mappings there are.
    public int mappings() {
        return process.space().mappings().size();
    }

    /// The ranges that fault when they are touched, so that nothing runs on into other memory: below stacks, and
    /// malloc4j's moats.
    public AddressSpace.Sum guards() {
        AddressSpace.Sum stacks = process.space().sum(AreaKind.STACK_GUARD);
        AddressSpace.Sum moats = process.space().sum(AreaKind.MOAT);
        return new AddressSpace.Sum(
                stacks.areaCount() + moats.areaCount(),
                stacks.byteSize() + moats.byteSize(),
                stacks.use().plus(moats.use()));
    }

    /// The parts of the memory, the largest first.
    public List<Part> parts() {
        return Parts.of(process);
    }
}
