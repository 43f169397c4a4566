package malloc4j.docs;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import javax.tools.JavaCompiler;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Does what the README tells: its example compiles and runs, its links lead somewhere.
class ReadmeTest {
    private static final Pattern EXAMPLE = Pattern.compile("```java\\n(.*?)```", Pattern.DOTALL);
    private static final Pattern LINK = Pattern.compile("]\\((?!http)([^)#]+)(?:#[^)]*)?\\)");

    @Test
    void theExampleCompilesAndRuns(@TempDir Path directory) throws Exception {
        String example = EXAMPLE.matcher(Documents.read("README.md"))
                .results()
                .map(found -> found.group(1))
                .findFirst()
                .orElseThrow();
        Path source = Files.writeString(directory.resolve("Example.java"), example);
        JavaCompiler compiler = Objects.requireNonNull(ToolProvider.getSystemJavaCompiler(), "tests need a JDK");
        StringWriter messages = new StringWriter();
        boolean compiled = compiler.getTask(
                        messages,
                        null,
                        null,
                        List.of(
                                "-Xlint:all,-path",
                                "-Werror",
                                "-d",
                                directory.toString(),
                                "-cp",
                                Documents.CLASSES.toString()),
                        null,
                        compiler.getStandardFileManager(null, null, null).getJavaFileObjects(source))
                .call();
        assertThat(compiled).as(messages.toString()).isTrue();
        assertThat(Documents.java("-cp", Documents.CLASSES + ":" + directory, "Example"))
                .singleElement()
                .asString()
                .startsWith("8192 bytes at 0x");
    }

    @Test
    void linksLeadToFiles() throws IOException {
        for (String page : List.of("README.md", "CONTRIBUTING.md", "CHANGELOG.md")) {
            checkLinks(Documents.ROOT.resolve(page));
        }
        for (Path page : Documents.pages()) {
            checkLinks(page);
        }
    }

    private static void checkLinks(Path page) {
        for (MatchResult link : LINK.matcher(Documents.read(page)).results().toList()) {
            assertThat(page.resolveSibling(link.group(1)))
                    .as(page + ": " + link.group())
                    .exists();
        }
    }
}
