package malloc4j.misuse;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/// A bad input, and what is promised of it in each mode.
sealed interface Guarantee {
    /// Of [Group], which it belongs to.
    Group group();

    /// The bad input.
    String input();

    /// What is to be known of it besides.
    String sentence();

    /// What becomes of it in a mode, in a table.
    String cell(Mode mode);

    /// A case that is tried in each mode.
    ///
    /// @param place where
    /// @param told what becomes of it: one of these at each turn
    record Tried(Group group, String input, Act act, Place place, Map<Mode, List<Told>> told, String sentence)
            implements Guarantee {
        public Tried {
            for (List<Told> each : told.values()) {
                assertThat(each.stream().filter(one -> one.outcome().isSilent()))
                        .hasSizeLessThan(2);
                assertThat(each).isNotEmpty();
            }
            assertThat(told).hasSize(Mode.values().length);
        }

        List<Told> told(Mode mode) {
            return told.getOrDefault(mode, List.of());
        }

        boolean endsTheJvm(Mode mode) {
            return told(mode).getFirst().outcome() == Outcome.ENDS_THE_JVM;
        }

        @Override
        public String cell(Mode mode) {
            if (mode != Mode.OFF && told(mode).equals(told(Mode.OFF))) {
                return "the same";
            }
            return told(mode).stream().map(Told::cell).collect(Collectors.joining(", or "));
        }

        /// The same case, in a JVM of its own.
        Tried inChild() {
            return new Tried(group, input, act, Place.CHILD, told, sentence);
        }

        @Override
        public String toString() {
            return group.number + " " + input;
        }
    }

    /// Where a case is tried.
    enum Place {
        HERE,
        /// In a JVM of its own, because it spoils the process; where it is to end the JVM, always.
        CHILD
    }

    /// A case that other tests have, in one mode.
    ///
    /// @param tests each a class and a method of it, `package.Class#method`
    record Proved(Mode mode, Group group, String input, Told told, List<String> tests, String sentence)
            implements Guarantee {
        @Override
        public String cell(Mode asked) {
            if (asked != mode) {
                return "not tried";
            }
            return told.cell()
                    + tests.stream()
                            .map(test -> "`" + test.substring(test.lastIndexOf('.', test.indexOf('#')) + 1) + "`")
                            .collect(Collectors.joining(", ", " (", ")"));
        }

        @Override
        public String toString() {
            return group.number + " " + input;
        }
    }

    /// A case with the same outcome in each mode.
    static Tried both(Group group, String input, Act act, Told told, String sentence) {
        return each(group, input, act, List.of(told), List.of(told), sentence);
    }

    static Tried each(Group group, String input, Act act, Told off, Told guard, String sentence) {
        return each(group, input, act, List.of(off), List.of(guard), sentence);
    }

    static Tried each(Group group, String input, Act act, List<Told> off, List<Told> guard, String sentence) {
        return new Tried(group, input, act, Place.HERE, Map.of(Mode.OFF, off, Mode.GUARD, guard), sentence);
    }
}
