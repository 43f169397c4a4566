package malloc4j.cli.replay;

import java.util.EnumSet;
import java.util.Set;
import malloc4j.cli.Choice;
import malloc4j.peers.AllocatorName;

/// The allocators that `replay --with` knows: those that have all the operations of a trace.
final class AllocatorChoice extends Choice<AllocatorName> {
    static final String WORDS = "malloc4j, glibc, jemalloc, mimalloc, tcmalloc, arena, unsafe, none";

    /// What is compared when nothing is asked for.
    static final Set<AllocatorName> EVERY_ALLOCATOR = EnumSet.of(
            AllocatorName.MALLOC4J,
            AllocatorName.GLIBC,
            AllocatorName.JEMALLOC,
            AllocatorName.MIMALLOC,
            AllocatorName.TCMALLOC,
            AllocatorName.ARENA,
            AllocatorName.UNSAFE);

    AllocatorChoice() {
        super(AllocatorName.class, name -> name == AllocatorName.NONE || EVERY_ALLOCATOR.contains(name));
    }
}
