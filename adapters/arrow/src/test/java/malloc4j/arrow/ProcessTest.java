package malloc4j.arrow;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import javax.tools.JavaCompiler;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A program of Arrow's on the common heap, where something is missing: it says so in one line.
class ProcessTest {
    private static final String CLASS_PATH = System.getProperty("java.class.path");

    @TempDir
    private Path directory;

    private String run(String classPath, String... options) throws IOException, InterruptedException {
        return runMain("program.Main", classPath, options);
    }

    private String runMain(String main, String classPath, String... options) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--sun-misc-unsafe-memory-access=allow",
                "--illegal-native-access=deny"));
        command.addAll(List.of(options));
        command.addAll(List.of("-cp", classPath, main));
        Path output = Files.createTempFile(directory, "output", ".txt");
        Process process = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(output.toFile())
                .start();
        boolean ended = process.waitFor(300, TimeUnit.SECONDS);
        if (!ended) {
            process.destroyForcibly().waitFor();
        }
        String text = Files.readString(output);
        assertThat(ended).as("ended in time; it printed: %s", text).isTrue();
        return text;
    }

    /// The class path without what the name of an entry has.
    private static String without(String... names) {
        List<String> entries = Stream.of(CLASS_PATH.split(File.pathSeparator))
                .filter(entry -> Stream.of(names).noneMatch(entry::contains))
                .toList();
        return String.join(File.pathSeparator, entries);
    }

    @Test
    void exampleOfTheDocumentRuns() throws Exception {
        String page = Files.readString(Path.of("../../docs/arrow.md"));
        int begin = page.indexOf("```java\n") + "```java\n".length();
        Path example =
                Files.writeString(directory.resolve("Example.java"), page.substring(begin, page.indexOf("```", begin)));
        assertThat(runMain(example.toString(), CLASS_PATH, "--enable-native-access=ALL-UNNAMED"))
                .contains("ROOT", "32.0 KiB", "heap 'arrow'", "live, 1 block ", "64.0 MiB")
                .doesNotContain("Exception");
    }

    @Test
    void withTheFlagOfNativeAccessItRuns() throws Exception {
        assertThat(run(CLASS_PATH, "--enable-native-access=ALL-UNNAMED")).isEqualTo("read 42\nclosed\n");
    }

    @Test
    void refusalsLeaveNoLedger() throws Exception {
        assertThat(runMain(
                        "program.FullHeap",
                        CLASS_PATH,
                        "--enable-native-access=ALL-UNNAMED",
                        "-ea",
                        "-Darrow.memory.debug.allocator=true"))
                .isEqualTo("full\nfull\nfull\nclosed\n");
    }

    @Test
    void withoutNativeAccessItNamesTheFlagAndLosesNothing() throws Exception {
        assertThat(run(CLASS_PATH))
                .isEqualTo("java.lang.IllegalCallerException: malloc4j needs native access: start java with"
                        + " --enable-native-access=ALL-UNNAMED\nclosed\n");
    }

    @Test
    void withoutADefaultOfItsOwnArrowNamesWhatToAdd() throws Exception {
        assertThat(run(without("arrow-memory-unsafe"), "--enable-native-access=ALL-UNNAMED"))
                .contains("No DefaultAllocationManager found on classpath");
    }

    @Test
    void withoutArrowTheClassThatIsMissingIsNamed() throws Exception {
        assertThat(run(without("arrow-memory"))).contains("NoClassDefFoundError: org/apache/arrow/memory/");
    }

    @Test
    void withAnOldArrowTheVersionIsNamed() throws Exception {
        Path old = compile(
                "org.apache.arrow.memory.BaseAllocator", "public class BaseAllocator {}",
                "org.apache.arrow.memory.BufferAllocator", "public interface BufferAllocator {}",
                "org.apache.arrow.memory.ArrowBuf", "public class ArrowBuf {}",
                "org.apache.arrow.memory.AllocationManager",
                        "public abstract class AllocationManager { public interface Factory {"
                                + " AllocationManager create(BaseAllocator allocator, long size); ArrowBuf empty(); } }",
                "program.Main",
                        "public class Main { public static void main(String[] arguments) {"
                                + " System.out.println(malloc4j.arrow.Malloc4jAllocationManager.FACTORY); } }");
        assertThat(run(old + File.pathSeparator + without("arrow-memory")))
                .contains("IncompatibleClassChangeError: malloc4j-arrow needs Arrow 19.0.0 or newer;"
                        + " arrow-memory-core here is older: it has no ");
    }

    /// @param namesAndBodies pairs of a class's name and what follows its package
    private Path compile(String... namesAndBodies) throws IOException {
        Path classes = Files.createDirectories(directory.resolve("classes"));
        JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        StringWriter said = new StringWriter();
        List<Path> sources = new ArrayList<>();
        for (int at = 0; at < namesAndBodies.length; at += 2) {
            String name = namesAndBodies[at];
            Path source = directory.resolve("sources/" + name.replace('.', '/') + ".java");
            Files.createDirectories(source.getParent());
            String text = "package " + name.substring(0, name.lastIndexOf('.')) + "; " + namesAndBodies[at + 1];
            sources.add(Files.writeString(source, text));
        }
        List<String> options = List.of("-proc:none", "-d", classes.toString(), "-cp", without("arrow-memory"));
        var files = compiler.getStandardFileManager(null, Locale.ROOT, null);
        boolean done = compiler.getTask(said, files, null, options, null, files.getJavaFileObjectsFromPaths(sources))
                .call();
        assertThat(done).as(said.toString()).isTrue();
        return classes;
    }
}
