package malloc4j.cli.replay;

import java.util.EnumSet;
import java.util.Locale;
import java.util.Set;
import malloc4j.cli.Choice;

/// The names that `--with` knows, in the order of the report.
enum AllocatorName {
    MALLOC4J,
    GLIBC,
    JEMALLOC,
    MIMALLOC,
    TCMALLOC,
    ARENA,
    UNSAFE,
    /// Not an allocator but the yardstick's own length, see [NoAllocator].
    NONE;

    /// What is compared when nothing is asked for.
    static Set<AllocatorName> everyAllocator() {
        return EnumSet.complementOf(EnumSet.of(NONE));
    }

    /// The name on the command line and in reports.
    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }

    /// From the command line.
    static final class Converter extends Choice<AllocatorName> {
        Converter() {
            super(AllocatorName.class);
        }
    }
}
