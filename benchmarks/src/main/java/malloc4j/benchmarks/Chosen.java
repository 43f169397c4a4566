package malloc4j.benchmarks;

import java.util.BitSet;
import malloc4j.peers.Allocator;
import malloc4j.peers.AllocatorAbsent;
import malloc4j.peers.AllocatorName;
import malloc4j.peers.Peers;
import org.jspecify.annotations.Nullable;

/// The one allocator of a fork, as a constant, so that the JIT binds and inlines every call of it.
final class Chosen {
    private static final int BLOCK_COUNT = 1 << 15; // IDs that benchmarks use are below this

    private static @Nullable Allocator made;

    private Chosen() {}

    /// Chooses it, before the first call of [#allocator]; in a fork there is one name only.
    ///
    /// @throws IllegalStateException if it is not installed
    static synchronized void choose(String name) {
        if (made == null) {
            try {
                Allocator allocator = Peers.of(nameOf(name));
                allocator.prepare(BLOCK_COUNT, new BitSet());
                made = allocator;
            } catch (AllocatorAbsent absent) {
                throw new IllegalStateException("ABSENT, nothing measured: " + absent.getMessage(), absent);
            }
        }
    }

    static Allocator allocator() {
        return Constant.ALLOCATOR;
    }

    private static AllocatorName nameOf(String name) {
        for (AllocatorName candidate : AllocatorName.values()) {
            if (candidate.toString().equals(name)) {
                return candidate;
            }
        }
        throw new IllegalArgumentException("no allocator is called " + name);
    }

    private static synchronized Allocator chosen() {
        if (made == null) {
            throw new IllegalStateException("no allocator was chosen");
        }
        return made;
    }

    private static final class Constant {
        static final Allocator ALLOCATOR = chosen();
    }
}
