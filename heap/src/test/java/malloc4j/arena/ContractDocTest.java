package malloc4j.arena;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.reflect.Method;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/// Keeps `docs/arena-contract.md` equal to the tests of the contract.
///
/// `mvn -pl heap test -Dtest=ContractDocTest -Ddocs.regenerate=true` writes the file anew.
class ContractDocTest {
    private static final Path FILE = Path.of(System.getProperty("basedir", ".")).resolve("../docs/arena-contract.md");

    private static final String HEAD = """
            # The contract of arenas, point by point

            What a `HeapArena` keeps of the JDK's contract (`Arena`, `SegmentAllocator`, `MemorySegment.Scope`), where it
            does more, and where less. Each point is a test, which runs on the arenas of a heap that it is said to hold for,
            and, unless it is beyond the JDK's, on the JDK's own of those kinds: so the tests themselves are proven.

            The four kinds are `Heap.ofConfined`, `ofShared`, `ofAuto` and `ofUnscoped`; "common heap" is a point that
            holds in `Heap.common()` alone, and in no heap that can be closed. An empty cell: the point is not about that
            kind. `ofUnscoped` has no counterpart in the JDK: its segments do not end with it.

            Beside these points: `-XX:MaxDirectMemorySize` limits the JDK's arenas, and no heap; a heap has
            [limits of its own](limits.md). What works with their buffers stands in [byte-buffers.md](byte-buffers.md).

            """;

    private static final Map<Class<?>, String> GROUPS = groups();

    private static final Map<String, List<ArenaKind>> COLUMNS = columns();

    private static Map<Class<?>, String> groups() {
        Map<Class<?>, String> groups = new LinkedHashMap<>();
        groups.put(LifetimeTest.class, "Lifetime");
        groups.put(ThreadTest.class, "Threads");
        groups.put(AllocationTest.class, "Allocation");
        groups.put(AllocateFromTest.class, "Allocation from values, arrays, segments and strings");
        groups.put(ScopeTest.class, "Scopes, and what else has one");
        groups.put(ReachabilityTest.class, "The collector");
        return groups;
    }

    private static Map<String, List<ArenaKind>> columns() {
        Map<String, List<ArenaKind>> columns = new LinkedHashMap<>();
        columns.put("confined", List.of(ArenaKind.CONFINED, ArenaKind.CONFINED));
        columns.put("shared", List.of(ArenaKind.SHARED, ArenaKind.SHARED));
        columns.put("automatic", List.of(ArenaKind.AUTO, ArenaKind.AUTO_OF_COMMON));
        columns.put("unscoped", List.of(ArenaKind.UNSCOPED, ArenaKind.UNSCOPED_OF_COMMON));
        return columns;
    }

    private static String page() {
        StringBuilder text = new StringBuilder(HEAD);
        text.append("<!-- Generated from the tests in malloc4j.arena by ContractDocTest; do not edit.\n");
        text.append("     mvn -pl heap test -Dtest=ContractDocTest -Ddocs.regenerate=true -->\n");
        GROUPS.forEach((test, title) -> {
            text.append("\n## ").append(title).append("\n\n| point | ");
            text.append(String.join(" | ", COLUMNS.keySet())).append(" | `").append(test.getSimpleName());
            text.append("` |\n|---|---|---|---|---|---|\n");
            Arrays.stream(test.getDeclaredMethods())
                    .filter(method -> method.isAnnotationPresent(ContractPoint.class))
                    .sorted(Comparator.comparing(Method::getName))
                    .forEach(method -> text.append(row(method)));
        });
        return text.toString();
    }

    private static String row(Method method) {
        ContractPoint point = method.getAnnotation(ContractPoint.class);
        Set<ArenaKind> kinds = ContractPoint.Kinds.of(point).collect(Collectors.toSet());
        String cells = COLUMNS.values().stream()
                .map(pair -> cell(kinds.contains(pair.getFirst()), kinds.contains(pair.getLast())))
                .collect(Collectors.joining(" | "));
        return "| " + point.value() + " | " + cells + " | `" + method.getName() + "` |\n";
    }

    private static String cell(boolean ofClosable, boolean ofCommon) {
        if (ofClosable != ofCommon) {
            return ofCommon ? "common heap" : "not common heap";
        }
        return ofCommon ? "yes" : "";
    }

    @Test
    void theDocumentIsTheGeneratedOne() throws IOException {
        String generated = page();
        if (Boolean.getBoolean("docs.regenerate")) {
            Files.writeString(FILE, generated);
        }
        assertThat(Files.readString(FILE))
                .as("docs/arena-contract.md is out of date: run this test with -Ddocs.regenerate=true")
                .isEqualTo(generated);
    }
}
