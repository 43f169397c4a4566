package malloc4j.misuse;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
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

    /// What becomes of it, in a table.
    String cell();

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

        /// What becomes of it, once for the modes in which that is the same.
        @Override
        public String cell() {
            Map<List<Told>, List<String>> modes = new LinkedHashMap<>();
            for (Mode mode : Mode.values()) {
                modes.computeIfAbsent(told(mode), each -> new ArrayList<>()).add(mode.label());
            }
            if (modes.size() == 1) {
                return cell(told(Mode.OFF));
            }
            return modes.entrySet().stream()
                    .map(each -> String.join(", ", each.getValue()) + ": " + cell(each.getKey()))
                    .collect(Collectors.joining("<br>"));
        }

        private static String cell(List<Told> told) {
            return told.stream().map(Told::cell).collect(Collectors.joining(", or "));
        }

        /// In which mode it is detected, for the summary.
        Verdict verdict(Mode mode) {
            List<Verdict> verdicts = told(mode).stream()
                    .filter(Told::isCertain)
                    .map(each -> each.outcome().verdict)
                    .distinct()
                    .toList();
            return verdicts.size() == 1 ? verdicts.getFirst() : Verdict.BY_CHANCE;
        }

        /// The same case, of which this becomes in mode [Mode#REDZONE].
        Tried redzone(Told... redzone) {
            return in(Mode.REDZONE, redzone);
        }

        /// The same case, of which this becomes in mode [Mode#FULL].
        Tried full(Told... full) {
            return in(Mode.FULL, full);
        }

        /// The same case, of which this becomes in both modes of a debug heap.
        Tried debug(Told... debug) {
            return redzone(debug).full(debug);
        }

        private Tried in(Mode mode, Told... other) {
            Map<Mode, List<Told>> all = new EnumMap<>(told);
            all.put(mode, List.of(other));
            return new Tried(group, input, act, place, all, sentence);
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
        public String cell() {
            return mode.label()
                    + ": "
                    + told.cell()
                    + tests.stream()
                            .map(test -> "`" + test.substring(test.lastIndexOf('.', test.indexOf('#')) + 1) + "`")
                            .collect(Collectors.joining(", ", " (", ")"));
        }

        @Override
        public String toString() {
            return group.number + " " + input;
        }
    }

    /// A case with the same outcome in each mode, but for what [Tried#debug] and its like say.
    static Tried always(Group group, String input, Act act, Told told, String sentence) {
        return each(group, input, act, List.of(told), List.of(told), sentence);
    }

    /// A case with an outcome without guards, and one with them, where [Mode#REDZONE] is without, and [Mode#FULL] with
    /// them, but for what [Tried#debug] and its like say.
    static Tried each(Group group, String input, Act act, Told off, Told guard, String sentence) {
        return each(group, input, act, List.of(off), List.of(guard), sentence);
    }

    static Tried each(Group group, String input, Act act, List<Told> off, List<Told> guard, String sentence) {
        Map<Mode, List<Told>> told = Map.of(Mode.OFF, off, Mode.GUARD, guard, Mode.REDZONE, off, Mode.FULL, guard);
        return new Tried(group, input, act, Place.HERE, told, sentence);
    }
}
