package malloc4j.linux;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;

/// What the kernel has been told of each page of one mapping. Immutable; a change makes another.
///
/// ```
///   offset   0                8192         12288                      byteSize
///            +----------------+------------+--------------------------+
///            | READ_WRITE     | NONE       | READ_WRITE, not dumped   |
///            +----------------+------------+--------------------------+
///   starts   0                8192         12288
/// ```
///
/// Invariants, checked by [#verify]: the pieces cover `[0, byteSize)`, begin and end at pages, and neighbours
/// differ.
final class Pieces {
    /// What one page has been told; `traits` are those of [MemoryAdvice.Trait].
    record State(Protection protection, int traits) {
        boolean isReadable() {
            return protection.isReadable() && !isGuarded();
        }

        boolean isWritable() {
            return protection.isWritable() && !isGuarded();
        }

        boolean isGuarded() {
            return (traits & MemoryAdvice.Trait.GUARDED) != 0;
        }

        /// What to call the access it gives, in a message.
        String access() {
            return isGuarded() ? "a guard" : protection.name();
        }

        /// Whether an access that was allowed is not allowed by `next`.
        boolean losesAccessIn(State next) {
            return (isReadable() && !next.isReadable()) || (isWritable() && !next.isWritable());
        }

        /// What certainly holds when it is not known which of the two does.
        State weakerOf(State other) {
            return new State(protection.and(other.protection), traits | (other.traits & MemoryAdvice.Trait.GUARDED));
        }

        /// Whether the kernel keeps both in one mapping: guards are marks in the page table.
        boolean sharesMappingWith(State other) {
            return protection == other.protection && ((traits ^ other.traits) & ~MemoryAdvice.Trait.GUARDED) == 0;
        }
    }

    /// Sees one piece, or the part of it that was asked for, and says whether to go on.
    @FunctionalInterface
    interface Visitor {
        boolean visit(long from, long to, State state);
    }

    private final long byteSize;
    private final long[] starts;
    private final List<State> states;

    private Pieces(long byteSize, long[] starts, List<State> states) {
        this.byteSize = byteSize;
        this.starts = starts;
        this.states = states;
    }

    /// One piece.
    static Pieces of(long byteSize, Protection protection, int traits) {
        return new Pieces(byteSize, new long[] {0}, List.of(new State(protection, traits)));
    }

    long byteSize() {
        return byteSize;
    }

    /// Shows the parts of the pieces that lie in `[from, to)`, the lowest first. Returns whether it came to the
    /// end.
    boolean forEach(long from, long to, Visitor visitor) {
        for (int index = indexOf(from); from < to && index < starts.length && starts[index] < to; index++) {
            if (!visitor.visit(Math.max(starts[index], from), Math.min(endOf(index), to), states.get(index))) {
                return false;
            }
        }
        return true;
    }

    /// Whether every page of `[from, to)` is as asked.
    boolean allMatch(long from, long to, Predicate<State> test) {
        return forEach(from, to, (start, end, state) -> test.test(state));
    }

    /// What every page's protection allows.
    Protection commonProtection() {
        return states.stream().map(State::protection).reduce(Protection.READ_WRITE_EXECUTE, Protection::and);
    }

    /// How many mappings the kernel needs for them, at least.
    int mappingCount() {
        int count = 1;
        for (int index = 1; index < starts.length; index++) {
            count += states.get(index).sharesMappingWith(states.get(index - 1)) ? 0 : 1;
        }
        return count;
    }

    /// Whether a mapping of the kernel has to end at `offset`, inside of the pieces.
    boolean isCutAt(long offset) {
        int index = indexOf(offset);
        return index > 0 && starts[index] == offset && !states.get(index).sharesMappingWith(states.get(index - 1));
    }

    /// These pieces with `[from, to)` changed; both at pages.
    Pieces with(long from, long to, UnaryOperator<State> change) {
        Collector collector = new Collector(starts.length + 2);
        forEach(0, from, collector::add);
        forEach(from, to, (start, end, state) -> collector.add(start, end, change.apply(state)));
        forEach(to, byteSize, collector::add);
        return collector.toPieces(byteSize);
    }

    /// These pieces cut, or the last one longer; guards do not grow.
    Pieces resized(long newByteSize) {
        Collector collector = new Collector(starts.length + 1);
        forEach(0, Math.min(byteSize, newByteSize), collector::add);
        if (newByteSize > byteSize) {
            State last = states.getLast();
            collector.add(
                    byteSize,
                    newByteSize,
                    new State(last.protection(), MemoryAdvice.GUARD_REMOVE.applyTo(last.traits())));
        }
        return collector.toPieces(newByteSize);
    }

    private int indexOf(long offset) {
        int found = Arrays.binarySearch(starts, offset);
        return found >= 0 ? found : -found - 2;
    }

    private long endOf(int index) {
        return index + 1 < starts.length ? starts[index + 1] : byteSize;
    }

    /// Checks the invariants.
    void verify(long pageByteSize) {
        check(starts[0] == 0 && byteSize % pageByteSize == 0 && starts.length == states.size(), "cover");
        for (int index = 0; index < starts.length; index++) {
            check(starts[index] % pageByteSize == 0 && starts[index] < endOf(index), "begin and end at pages");
            check(index == 0 || !states.get(index).equals(states.get(index - 1)), "neighbours differ");
        }
    }

    private void check(boolean holds, String invariant) {
        if (!holds) {
            throw new AssertionError("pieces of " + byteSize + " bytes: " + invariant + ": " + this);
        }
    }

    @Override
    public String toString() {
        return Arrays.toString(starts) + " " + states;
    }

    /// Puts pieces together from the lowest to the highest, and joins equal neighbours.
    private static final class Collector {
        private final long[] starts;
        private final List<State> states;

        Collector(int capacity) {
            starts = new long[capacity];
            states = new ArrayList<>(capacity);
        }

        boolean add(long from, long to, State state) {
            if (from < to && (states.isEmpty() || !states.getLast().equals(state))) {
                starts[states.size()] = from;
                states.add(state);
            }
            return true;
        }

        Pieces toPieces(long byteSize) {
            return new Pieces(byteSize, Arrays.copyOf(starts, states.size()), List.copyOf(states));
        }
    }
}
