package examples;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/// Runs the Java of those pages that need an adapter's library, as it is written there, each block in a JVM of its own.
///
/// A block without a `main` is lines of one. What it takes for granted stands before it in a comment that readers do
/// not see: `<!-- given: Bootstrap bootstrap = new Bootstrap(); -->`.
class PagesTest {
    private static final Path DOCS = Path.of("..", "docs");
    private static final List<String> PAGES = List.of("arrow.md", "c-libraries.md", "netty.md");
    private static final Pattern BLOCK =
            Pattern.compile("(?m)(?:^<!-- given: (.*) -->\\R)?^```java\\R((?:.*\\R)*?)^```");
    private static final String IMPORTS = """
            import module java.base;
            import io.netty.bootstrap.*;
            import io.netty.buffer.*;
            import io.netty.channel.*;
            import malloc4j.*;
            import malloc4j.callbacks.*;
            import malloc4j.netty.*;
            """;

    @TempDir
    private Path directory;

    @TestFactory
    Stream<DynamicTest> everyBlockRuns() throws IOException {
        List<DynamicTest> tests = new ArrayList<>();
        for (String page : PAGES) {
            List<MatchResult> blocks = BLOCK.matcher(Files.readString(DOCS.resolve(page)))
                    .results()
                    .toList();
            assertThat(blocks).as(page).isNotEmpty();
            for (MatchResult block : blocks) {
                tests.add(DynamicTest.dynamicTest(
                        page + " " + block.start(), () -> run(program(block.group(1), block.group(2)))));
            }
        }
        return tests.stream();
    }

    private static String program(String given, String block) {
        return block.contains("void main(")
                ? block
                : IMPORTS + "void main() throws Throwable {\n" + (given == null ? "" : given) + "\n" + block + "}\n";
    }

    private void run(String program) throws IOException, InterruptedException {
        ChildJvm.run(
                Files.writeString(directory.resolve("Example.java"), program).toString());
    }
}
