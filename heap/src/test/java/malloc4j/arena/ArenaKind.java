package malloc4j.arena;

import java.lang.foreign.Arena;
import java.util.EnumSet;
import java.util.Set;
import java.util.function.Function;
import malloc4j.Heap;

/// An arena that is held to the contract: the JDK's own, which prove the tests, and a heap's.
@SuppressWarnings("ImmutableEnumChecker") // nothing changes them
enum ArenaKind {
    JDK_CONFINED("JDK's confined", heap -> Arena.ofConfined(), Trait.CONFINED, Trait.CLOSEABLE, Trait.ENDING),
    JDK_SHARED("JDK's shared", heap -> Arena.ofShared(), Trait.OPEN, Trait.CLOSEABLE, Trait.ENDING),
    JDK_AUTO("JDK's automatic", heap -> Arena.ofAuto(), Trait.OPEN, Trait.COLLECTED, Trait.COLLECTED_WHOLE),
    CONFINED("confined", Heap::ofConfined, Trait.CONFINED, Trait.CLOSEABLE, Trait.ENDING, Trait.HEAP),
    SHARED("shared", Heap::ofShared, Trait.OPEN, Trait.CLOSEABLE, Trait.ENDING, Trait.HEAP),
    AUTO("automatic", Heap::ofAuto, Trait.OPEN, Trait.COLLECTED, Trait.HEAP),
    AUTO_OF_COMMON(
            "automatic, common heap",
            heap -> Heap.common().ofAuto(),
            Trait.OPEN,
            Trait.COLLECTED,
            Trait.COLLECTED_WHOLE,
            Trait.HEAP),
    UNSCOPED("unscoped", Heap::ofUnscoped, Trait.OPEN, Trait.CLOSEABLE, Trait.UNSCOPED, Trait.HEAP),
    UNSCOPED_OF_COMMON(
            "unscoped, common heap",
            heap -> Heap.common().ofUnscoped(),
            Trait.OPEN,
            Trait.CLOSEABLE,
            Trait.UNSCOPED,
            Trait.HEAP);

    /// What a point of the contract is about.
    enum Trait {
        /// Of one thread.
        CONFINED,
        /// Of all threads.
        OPEN,
        /// It can be closed.
        CLOSEABLE,
        /// Its close ends the segments.
        ENDING,
        /// Its close ends no segment.
        UNSCOPED,
        /// The collector ends it.
        COLLECTED,
        /// And with it what was attached to it.
        COLLECTED_WHOLE,
        /// Of a heap.
        HEAP
    }

    final String label;
    private final Function<Heap, Arena> maker;
    private final Set<Trait> traits;

    ArenaKind(String label, Function<Heap, Arena> maker, Trait first, Trait... others) {
        this.label = label;
        this.maker = maker;
        this.traits = EnumSet.of(first, others);
    }

    /// A new one, on `heap` if it is a heap's, but for those of the common heap.
    Arena open(Heap heap) {
        return maker.apply(heap);
    }

    boolean is(Trait trait) {
        return traits.contains(trait);
    }

    @Override
    public String toString() {
        return label;
    }
}
