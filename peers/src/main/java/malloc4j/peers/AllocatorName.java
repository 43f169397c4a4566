package malloc4j.peers;

import java.util.Locale;

/// The allocators there are, in the order of reports.
public enum AllocatorName {
    /// This project's, by its C names.
    MALLOC4J,
    /// This project's, each block a `MemorySegment` of the common heap.
    MALLOC4J_SEGMENT,
    /// This project's, an arena for each block: confined where the block stays on one thread, shared where not.
    MALLOC4J_ARENA,
    /// This project's, a shared arena for each block.
    MALLOC4J_ARENA_SHARED,
    GLIBC,
    JEMALLOC,
    MIMALLOC,
    TCMALLOC,
    /// The JDK's, an arena for each block: confined where the block stays on one thread, shared where not.
    ARENA,
    /// The JDK's, a shared arena for each block.
    ARENA_SHARED,
    UNSAFE,
    /// Netty's pooled allocator.
    NETTY,
    /// Netty's adaptive allocator.
    NETTY_ADAPTIVE,
    /// Not an allocator but the yardstick's own length, see [NoAllocator].
    NONE;

    /// The name on a command line and in reports.
    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    /// Whether a block takes Java objects besides its memory.
    public boolean hasObjects() {
        return switch (this) {
            case MALLOC4J_SEGMENT, MALLOC4J_ARENA, MALLOC4J_ARENA_SHARED, ARENA, ARENA_SHARED, NETTY, NETTY_ADAPTIVE ->
                true;
            case MALLOC4J, GLIBC, JEMALLOC, MIMALLOC, TCMALLOC, UNSAFE, NONE -> false;
        };
    }
}
