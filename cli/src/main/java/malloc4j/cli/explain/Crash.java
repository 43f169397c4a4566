package malloc4j.cli.explain;

import java.util.List;
import org.jspecify.annotations.Nullable;

/// What a file tells of the end of a process.
///
/// @param what in a few words: its signal, or what else it died of
/// @param pid 0 where it is not told
/// @param address what was touched, null where that is not told
/// @param elapsedNanos from the start of the process to its end, -1 where it is not told
/// @param arguments of the JVM, as far as they are told
/// @param mappings of the process, none where they are not told
record Crash(
        String what, long pid, @Nullable Long address, long elapsedNanos, String arguments, List<Mapping> mappings) {
    /// Without a time.
    static final long UNKNOWN = -1;

    /// A mapping of the process.
    ///
    /// @param name of what is mapped, empty for memory
    record Mapping(long start, long end, String access, String name) {
        boolean contains(long address) {
            return Long.compareUnsigned(address, start) >= 0 && Long.compareUnsigned(address, end) < 0;
        }

        /// Whether these are guards.
        boolean isGuard() {
            return name.contains("memfd:malloc4j-guard");
        }
    }

    /// The mapping that an address lies in, null where there is none.
    @Nullable
    Mapping mapping(long touched) {
        return mappings.stream()
                .filter(mapping -> mapping.contains(touched))
                .findFirst()
                .orElse(null);
    }
}
