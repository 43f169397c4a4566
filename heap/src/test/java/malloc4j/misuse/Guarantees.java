package malloc4j.misuse;

import java.util.List;
import java.util.Locale;
import java.util.StringJoiner;
import java.util.stream.Stream;

/// The table of bad inputs, and docs/guarantees.md, which is made of it.
final class Guarantees {
    private static final String HEAD = """
            # What misuse is detected

            What becomes of bad input: twenty groups of it, from the tests of other allocators and from their bug
            reports. Each case is tried by `GuaranteesTest`, in each way to run a heap that decides what is detected:

            """;

    private static final String WORDS = """

            The JVM goes on in every case that does not say otherwise; those that end it are tried in JVMs of their
            own. Where a cell has two outcomes, chance decides between them: a guarded block lies at the begin or at
            the end of its slot. Some cases belong to a process, not to a heap, and have tests of their own, which are
            named, and run in one mode.

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
                    .append(name(mode))
                    .append("**: ")
                    .append(mode.text)
                    .append(".\n");
        }
        text.append(WORDS).append("| outcome | what it means |\n|---|---|\n");
        for (Outcome outcome : Outcome.values()) {
            text.append(row(List.of(outcome.text, outcome.meaning)));
        }
        text.append('\n').append(TAIL);
        for (Group group : Group.values()) {
            text.append("\n## ").append(group.number).append(". ").append(group.title);
            text.append("\n\n").append(group.sentence).append("\n\n");
            text.append("| input | ").append(name(Mode.OFF)).append(" | ").append(name(Mode.GUARD));
            text.append(" | besides |\n|---|---|---|---|\n");
            of(group)
                    .forEach(each -> text.append(
                            row(List.of(each.input(), each.cell(Mode.OFF), each.cell(Mode.GUARD), each.sentence()))));
        }
        return text.toString();
    }

    private static String name(Mode mode) {
        return mode.name().toLowerCase(Locale.ROOT);
    }

    private static String row(List<String> cells) {
        StringJoiner row = new StringJoiner(" | ", "| ", " |\n");
        cells.forEach(row::add);
        return row.toString();
    }
}
