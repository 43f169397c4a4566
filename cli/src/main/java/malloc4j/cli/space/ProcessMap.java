package malloc4j.cli.space;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import malloc4j.observe.AreaKind;
import malloc4j.process.AddressSpace;
import malloc4j.process.MemoryLimits;
import malloc4j.process.Reading;

/// A process's memory and how many mappings it may have: what `map` shows.
///
/// @param maxMappings `vm.max_map_count`
/// @param isCore whether the process has died, and left this: what was resident is not known
public record ProcessMap(ProcessSpace process, Reading<Long> maxMappings, boolean isCore) {
    /// Of this process.
    public static ProcessMap ofThisProcess() {
        return with(ProcessSpace.ofThisProcess());
    }

    /// Of another one; see [ProcessSpace#of].
    public static ProcessMap of(long pid, boolean asks) {
        return with(ProcessSpace.of(pid, asks));
    }

    /// Of one that has died, from its core file.
    ///
    /// @throws IOException as [AddressSpace#ofCore] does
    public static ProcessMap ofCore(Path core) throws IOException {
        AddressSpace space = AddressSpace.ofCore(core);
        ProcessSpace process = new ProcessSpace(space, NativeMemory.NONE, space.notes());
        return new ProcessMap(process, Reading.unknown("of another machine, perhaps"), true);
    }

    private static ProcessMap with(ProcessSpace process) {
        return new ProcessMap(process, MemoryLimits.read().mappings().max(), false);
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
