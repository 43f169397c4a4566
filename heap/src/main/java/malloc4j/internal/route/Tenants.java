package malloc4j.internal.route;

import static java.util.Objects.requireNonNull;

import java.util.EnumMap;
import java.util.Map;
import java.util.Set;
import java.util.StringJoiner;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Function;
import malloc4j.observe.MisuseReport;
import org.jspecify.annotations.Nullable;

/// What stands on a heap and is open: a heap that has tenants is not closed, for they have handed out its memory.
///
/// What is opened often is only counted. What a thread has to itself counts while that thread lives: nobody else can
/// reach its memory, nor close it.
///
/// Concurrency: any thread at any time. Who opens something while another thread closes the heap may be missed.
public final class Tenants {
    private static volatile Function<Object, Tenants> finder = heap -> {
        throw new IllegalStateException("no heap was made");
    };

    private final Chunks chunks;
    private final Map<Kind, LongAdder> counts = new EnumMap<>(Kind.class);
    private final Set<Tenant> named = ConcurrentHashMap.newKeySet();

    public Tenants(Chunks chunks) {
        this.chunks = chunks;
        for (Kind kind : Kind.values()) {
            counts.put(kind, new LongAdder());
        }
    }

    /// What can stand on a heap.
    public enum Kind {
        CONFINED_ARENA("confined arena", "an arena"),
        SHARED_ARENA("shared arena", "an arena"),
        UNSCOPED_ARENA("unscoped arena", "an arena"),
        POOL("pool", "a pool"),
        REGION("region", "a region"),
        STACKS("stack allocator", "a stack allocator"),
        CHILD("child heap", "a child heap");

        private final String text;
        private final String one;

        Kind(String text, String one) {
            this.text = text;
            this.one = one;
        }

        /// One of these, for a message: an arena of any kind is an arena.
        String one() {
            return one;
        }

        @Override
        public String toString() {
            return text;
        }
    }

    /// Blocks for tenants to hand out parts of, which nobody else can free.
    public interface Chunks {
        /// Throws as the heap does, but asks neither the program nor the collector for room: it may be called with a
        /// lock held.
        long allocate(long byteSize, long byteAlignment, Kind owner);

        /// Asks them, because [#allocate] has thrown `refused`. Returns whether it is worth trying again. Without a
        /// lock held.
        boolean makeRoom(OutOfMemoryError refused, long byteSize);

        void free(long address);

        /// Tells the heap's probe of a misused part of such a block. Without a lock held.
        void misused(MisuseReport report);
    }

    public Chunks chunks() {
        return chunks;
    }

    /// One that is known by itself.
    public interface Tenant {
        Kind kind();

        /// The thread that has it to itself, or null.
        @Nullable
        Thread owner();
    }

    /// Tells how the packages above find a heap's tenants.
    public static void findBy(Function<Object, Tenants> function) {
        finder = function;
    }

    /// The tenants of a heap.
    public static Tenants of(Object heap) {
        return finder.apply(heap);
    }

    /// The count of a kind: more by one from when one is opened, less by one when it is closed.
    public LongAdder count(Kind kind) {
        return requireNonNull(counts.get(kind));
    }

    public void enter(Tenant tenant) {
        named.add(tenant);
    }

    public void leave(Tenant tenant) {
        named.remove(tenant);
    }

    /// How many of each kind are open, such as "2 shared arenas, 1 pool"; empty when none is.
    ///
    /// @param moreConfinedArenas those that are counted elsewhere
    public String describe(long moreConfinedArenas) {
        StringJoiner text = new StringJoiner(", ");
        for (Map.Entry<Kind, Long> each : open(moreConfinedArenas).entrySet()) {
            long count = each.getValue();
            if (count > 0) {
                text.add(count + " " + each.getKey().text + (count == 1 ? "" : "s"));
            }
        }
        return text.toString();
    }

    /// How many of each kind are open, in the order of [Kind].
    ///
    /// @param moreConfinedArenas those that are counted elsewhere
    public Map<Kind, Long> open(long moreConfinedArenas) {
        Map<Kind, Long> open = new EnumMap<>(Kind.class);
        for (Map.Entry<Kind, LongAdder> each : counts.entrySet()) {
            open.put(each.getKey(), each.getValue().sum());
        }
        add(open, Kind.CONFINED_ARENA, moreConfinedArenas);
        for (Tenant tenant : named) {
            Thread owner = tenant.owner();
            if (owner == null || owner.isAlive()) {
                add(open, tenant.kind(), 1);
            }
        }
        return open;
    }

    private static void add(Map<Kind, Long> open, Kind kind, long more) {
        open.put(kind, open.getOrDefault(kind, 0L) + more);
    }
}
