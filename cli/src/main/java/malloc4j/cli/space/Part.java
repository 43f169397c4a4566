package malloc4j.cli.space;

import java.util.OptionalLong;
import malloc4j.observe.AreaKind.Group;

/// One part of a process's memory, as people ask for it.
///
/// @param name `Java heap`, `glibc arenas`, `malloc4j: common`; `unknown` where nobody tells
/// @param group what it belongs to
/// @param residentBytes what of it is in memory
/// @param byteSize its addresses
/// @param committedBytes those of its addresses that can hold memory
/// @param mappings how many it has, or has pieces of
/// @param nmtBytes the same as `committedBytes`, by the JVM's own books, for stacks as `residentBytes`; empty where
///     they do not tell
public record Part(
        String name,
        Group group,
        long residentBytes,
        long byteSize,
        long committedBytes,
        int mappings,
        OptionalLong nmtBytes) {
    /// What nobody tells the owner of.
    public static final String UNKNOWN = "unknown";
}
