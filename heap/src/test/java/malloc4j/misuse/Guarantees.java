package malloc4j.misuse;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.StringJoiner;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import malloc4j.misuse.Guarantee.Tried;

/// The table of bad inputs, and docs/guarantees.md, which is made of it.
final class Guarantees {
    private static final String HEAD = """
            # What misuse is detected

            What becomes of bad input: twenty groups of it, from the tests of other allocators and from their bug
            reports. Each case is tried by `GuaranteesTest`, in each way to run a heap that decides what is detected:

            """;

    private static final String WORDS = """

            The JVM goes on in every case that does not say otherwise; those that end it are tried in JVMs of their
            own. Where a mode has two outcomes, chance decides between them: a guarded block lies at the begin or at
            the end of its slot. Some cases belong to a process, not to a heap, and have tests of their own, which are
            named, and run in one mode; they are not counted here. Told is what is refused or detected, in whatever way:

            """;

    private static final String TAIL = """
            <!-- Generated from the tables of malloc4j.misuse by GuaranteesTest; do not edit.
                 mvn -pl heap test -Dtest=GuaranteesTest -Ddocs.regenerate=true -->
            """;

    private Guarantees() {}

    static List<Guarantee> all() {
        return Stream.of(
                        AddressGuarantees.all(), TouchGuarantees.all(), RequestGuarantees.all(), SystemGuarantees.all())
                .flatMap(List::stream)
                .toList();
    }

    static Stream<Guarantee> of(Group group) {
        return all().stream().filter(each -> each.group() == group);
    }

    /// The document.
    static String page() {
        StringBuilder text = new StringBuilder(HEAD);
        for (Mode mode : Mode.values()) {
            text.append("- **")
                    .append(mode.label())
                    .append("**: ")
                    .append(mode.text)
                    .append(".\n");
        }
        text.append(WORDS);
        addSummary(text);
        text.append("\n| outcome | what it means |\n|---|---|\n");
        for (Outcome outcome : Outcome.values()) {
            text.append(row(List.of(outcome.text, outcome.meaning)));
        }
        text.append('\n').append(TAIL);
        for (Group group : Group.values()) {
            text.append("\n## ").append(group.number).append(". ").append(group.title);
            text.append("\n\n").append(group.sentence).append("\n\n");
            text.append("| input | what becomes of it | besides |\n|---|---|---|\n");
            of(group).forEach(each -> text.append(row(List.of(each.input(), each.cell(), each.sentence()))));
        }
        return text.toString();
    }

    /// How many cases have which verdict, by mode, in each group and in all.
    private static void addSummary(StringBuilder text) {
        List<String> modes = Arrays.stream(Mode.values()).map(Mode::label).toList();
        text.append("| cases | ").append(String.join(" | ", modes)).append(" |\n");
        text.append("|---".repeat(modes.size() + 1)).append("|\n");
        for (Group group : Group.values()) {
            text.append(row(counts(group.number + ". " + group.title, of(group))));
        }
        text.append(row(counts("all", all().stream())));
    }

    private static List<String> counts(String title, Stream<Guarantee> guarantees) {
        List<Tried> tried = guarantees
                .filter(Tried.class::isInstance)
                .map(Tried.class::cast)
                .toList();
        List<String> cells = new ArrayList<>(List.of(title));
        for (Mode mode : Mode.values()) {
            Map<Verdict, Long> counts = tried.stream()
                    .collect(Collectors.groupingBy(
                            each -> each.verdict(mode), () -> new EnumMap<>(Verdict.class), Collectors.counting()));
            cells.add(counts.entrySet().stream()
                    .map(each -> each.getValue() + " " + each.getKey().text)
                    .collect(Collectors.joining(", ")));
        }
        return cells;
    }

    private static String row(List<String> cells) {
        StringJoiner row = new StringJoiner(" | ", "| ", " |\n");
        cells.forEach(row::add);
        return row.toString();
    }
}
