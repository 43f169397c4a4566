package malloc4j.internal.sample;

import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.function.Consumer;

/// Every stack once, up to a number of bytes of them: what has no place any more is one site without a stack.
///
/// Concurrency: under the lock of [Sampler].
final class Sites {
    /// On the Java heap, about.
    static final long MAX_BYTES = 32L << 20;

    /// What a stack takes beside its frames: the site, its key, its place in the table.
    private static final int SITE_BYTES = 192;

    /// What a frame takes: a reference and an element; its strings are those of the classes.
    private static final int FRAME_BYTES = 48;

    private final Map<Key, Site> sites = new HashMap<>();
    private final Site elsewhere = new Site(new StackTraceElement[0]);
    private final long maxBytes;
    private long bytes;

    Sites(long maxBytes) {
        this.maxBytes = maxBytes;
    }

    /// The site of a stack.
    ///
    /// @param stack nobody changes it from now on
    Site of(StackTraceElement[] stack) {
        Key key = new Key(stack, Arrays.hashCode(stack));
        Site known = sites.get(key);
        if (known != null) {
            return known;
        }
        long more = SITE_BYTES + (long) stack.length * FRAME_BYTES;
        if (stack.length == 0 || bytes + more > maxBytes) {
            return elsewhere;
        }
        Site made = new Site(stack);
        sites.put(key, made);
        bytes += more;
        return made;
    }

    void forEach(Consumer<Site> visitor) {
        sites.values().forEach(visitor);
        if (elsewhere.totalSamples != 0) {
            visitor.accept(elsewhere);
        }
    }

    /// A stack by what is in it.
    @SuppressWarnings("ArrayRecordComponent") // compared by contents
    private record Key(StackTraceElement[] stack, int hash) {
        @Override
        public boolean equals(Object other) {
            return other instanceof Key key && hash == key.hash && Arrays.equals(stack, key.stack);
        }

        @Override
        public int hashCode() {
            return hash;
        }
    }
}
