package malloc4j.docs;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/// Runs the examples of the API documentation and of the pages under docs as they are written: every fenced block of
/// Java with a `main`, each in a JVM of its own. An example checks its own result and throws when it is wrong.
class ExamplesTest {
    private static final Path SOURCES = Documents.ROOT.resolve("heap/src/main/java");
    private static final Pattern FENCED = Pattern.compile("(?m)^ *///[ ]?```java\\R((?: *///.*\\R)*?) *///[ ]?```");
    private static final Pattern OF_PAGE = Pattern.compile("(?m)^```java\\R((?:.*\\R)*?)```");
    private static final List<String> PACKAGES =
            List.of("malloc4j/linux", "malloc4j/process", "malloc4j/alloc", "malloc4j/bytes");

    /// Pages whose Java needs other libraries: tests of the examples and of the engines run it.
    private static final Set<String> OF_ADAPTERS = Set.of("arrow.md", "c-libraries.md", "engines.md", "netty.md");

    @TestFactory
    Stream<DynamicTest> everyExampleRuns() throws IOException {
        List<DynamicTest> tests = new ArrayList<>();
        for (Path source : sources()) {
            List<String> examples = examples(source);
            for (int index = 0; index < examples.size(); index++) {
                String example = examples.get(index);
                String name = SOURCES.relativize(source) + " " + (index + 1);
                tests.add(DynamicTest.dynamicTest(name, () -> run(example)));
            }
        }
        return tests.stream();
    }

    @TestFactory
    Stream<DynamicTest> everyBlockOfThePagesRuns() throws IOException {
        List<DynamicTest> tests = new ArrayList<>();
        for (Path page : Documents.pages()) {
            if (OF_ADAPTERS.contains(page.getFileName().toString())) {
                continue;
            }
            for (MatchResult block :
                    OF_PAGE.matcher(Documents.read(page)).results().toList()) {
                String program = block.group(1);
                tests.add(DynamicTest.dynamicTest(page.getFileName() + " " + block.start(), () -> {
                    assertThat(program).as("a whole program").contains("void main(");
                    run(program);
                }));
            }
        }
        assertThat(tests).hasSizeGreaterThan(3);
        return tests.stream();
    }

    /// A facility is a public class of one of these packages that is no exception, enum or record: its own
    /// documentation has an example, or that of its package uses it.
    @Test
    void everyFacilityHasAnExample() throws IOException {
        for (String directory : PACKAGES) {
            String ofPackage =
                    String.join("\n", examples(SOURCES.resolve(directory).resolve("package-info.java")));
            for (Path source : sources()) {
                String name = source.getFileName().toString().replace(".java", "");
                boolean facility = source.startsWith(SOURCES.resolve(directory))
                        && Documents.read(source).contains("\npublic final class " + name + " ")
                        && !name.endsWith("Exception");
                assertThat(!facility
                                || ofPackage.contains(name)
                                || !examples(source).isEmpty())
                        .as("an example of " + name)
                        .isTrue();
            }
        }
    }

    private static List<Path> sources() throws IOException {
        try (Stream<Path> files = Files.walk(SOURCES)) {
            return files.filter(file -> file.toString().endsWith(".java"))
                    .sorted()
                    .toList();
        }
    }

    private static List<String> examples(Path source) {
        List<String> examples = new ArrayList<>();
        for (MatchResult block :
                FENCED.matcher(Documents.read(source)).results().toList()) {
            String code = block.group(1)
                    .lines()
                    .map(line -> line.replaceFirst("^ *///[ ]?", ""))
                    .collect(Collectors.joining("\n", "", "\n"));
            if (code.contains("void main(")) {
                examples.add(code);
            }
        }
        return examples;
    }

    private static void run(String example) throws IOException, InterruptedException {
        Path directory = Files.createTempDirectory("examples");
        Path file = Files.writeString(directory.resolve("Example.java"), example);
        try {
            Documents.java("-XX:TieredStopAtLevel=1", "-cp", Documents.CLASSES.toString(), file.toString());
        } finally {
            Files.delete(file);
            Files.delete(directory);
        }
    }
}
