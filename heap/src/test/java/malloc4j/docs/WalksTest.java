package malloc4j.docs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/// Holds the documents against the code: the names that they put in backticks exist, and the walks of
/// docs/architecture.md make the system calls that they list, in that order.
class WalksTest {
    private static final Pattern CODE = Pattern.compile("(?<!`)`([^`\\n]+)`(?!`)");
    private static final Pattern MEMBER = Pattern.compile("(?<![\\w./-])([A-Z]\\w+)\\.([A-Za-z_]\\w*)");
    private static final List<String> FILE_NAMES = List.of("java", "md", "xml", "html");
    private static final List<String> JDK_PACKAGES = List.of("java.lang.", "java.lang.foreign.");
    private static final Pattern RECORDED =
            Pattern.compile("<!-- recorded: ([\\w-]+) -->\\n```text\\n(.*?)```", Pattern.DOTALL);
    private static final Pattern PLACEHOLDER = Pattern.compile("@\\w+");

    @TestFactory
    List<DynamicTest> namesInBackticksExist() throws IOException {
        List<DynamicTest> tests = new ArrayList<>();
        for (Path page : Documents.pages()) {
            tests.add(DynamicTest.dynamicTest(
                    page.getFileName().toString(),
                    () -> assertThat(unknownNames(Documents.read(page))).isEmpty()));
        }
        return tests;
    }

    private static Set<String> unknownNames(String page) {
        Set<String> unknown = new TreeSet<>();
        CODE.matcher(page).results().map(code -> code.group(1)).forEach(code -> {
            for (MatchResult name : MEMBER.matcher(code).results().toList()) {
                if (!FILE_NAMES.contains(name.group(2)) && !exists(name.group(1), name.group(2))) {
                    unknown.add(name.group());
                }
            }
        });
        return unknown;
    }

    private static boolean exists(String type, String member) {
        List<Class<?>> owners = new ArrayList<>(Documents.typesNamed(type));
        if (owners.isEmpty()) {
            JDK_PACKAGES.forEach(name -> classNamed(name + type).ifPresent(owners::add));
        }
        return Documents.haveMember(owners, member);
    }

    private static Optional<Class<?>> classNamed(String name) {
        try {
            return Optional.of(Class.forName(name));
        } catch (ClassNotFoundException notThere) {
            return Optional.empty();
        }
    }

    @Test
    void walksMakeTheSystemCallsThatTheyList() throws Exception {
        Map<String, List<String>> made = run();
        assumeTrue(List.of("4096", "1099511627776").equals(made.remove("machine")), "other pages, or a limit");
        List<String> brk = made.getOrDefault("break", List.of());
        assumeTrue(brk.stream().noneMatch(call -> call.endsWith(" failed")), "the program break cannot grow here");
        Map<String, List<String>> listed = new LinkedHashMap<>();
        for (MatchResult walk : RECORDED.matcher(Documents.read("docs/architecture.md"))
                .results()
                .toList()) {
            listed.put(
                    walk.group(1),
                    walk.group(2)
                            .replace("(none)", "")
                            .lines()
                            .filter(line -> !line.isBlank())
                            .toList());
        }
        assertThat(listed.keySet())
                .contains(
                        "zone",
                        "cold-malloc",
                        "warm-malloc",
                        "remote-free",
                        "huge-realloc",
                        "purge-visit-1",
                        "purge-visit-2");
        assertThat(made.keySet()).containsAll(listed.keySet());
        listed.forEach((walk, calls) -> assertThat(withNamesOf(calls, made.getOrDefault(walk, List.of())))
                .as("the walk " + walk)
                .isEqualTo(calls));
    }

    /// The calls that were made, their addresses replaced by the names which the list has for them: one name stands
    /// for one address.
    private static List<String> withNamesOf(List<String> listed, List<String> made) {
        Map<String, String> addresses = new HashMap<>();
        List<String> named = new ArrayList<>();
        for (int index = 0; index < made.size(); index++) {
            String call = made.get(index);
            if (index < listed.size()) {
                for (String name : namesIn(listed.get(index))) {
                    Matcher address = Pattern.compile("0x[0-9a-f]{4,}").matcher(call);
                    if (address.find()
                            && addresses
                                    .merge(name, address.group(), (old, now) -> old)
                                    .equals(address.group())) {
                        call = address.replaceFirst(Matcher.quoteReplacement(name));
                    }
                }
            }
            named.add(call);
        }
        return named;
    }

    private static List<String> namesIn(String call) {
        return PLACEHOLDER.matcher(call).results().map(MatchResult::group).toList();
    }

    /// The calls of each walk, by its name.
    private static Map<String, List<String>> run() throws Exception {
        Map<String, List<String>> walks = new LinkedHashMap<>();
        List<String> calls = new ArrayList<>();
        for (String line : Documents.java("-cp", System.getProperty("java.class.path"), WalkProbe.class.getName())) {
            if (line.startsWith("## ")) {
                calls = new ArrayList<>();
                walks.put(line.substring(3), calls);
            } else {
                calls.add(line);
            }
        }
        return walks;
    }
}
