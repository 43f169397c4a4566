package malloc4j.faults;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/// A JVM of its own for a test that spoils or limits its process.
///
/// @param prefix what stands before `java` on the command line
/// @param environment what is added to the environment
/// @param options for the JVM, after those that every child gets
public record ChildJvm(List<String> prefix, Map<String, String> environment, List<String> options) {
    private static final long DEADLINE_SECONDS = Long.getLong("test.childSeconds", 300);
    private static final int EXIT_DONE = 0;
    private static final int EXIT_DIED = 1; // of a JVM that dumps no core

    /// A child with a small Java heap that needs nothing more from the kernel once it runs.
    public static ChildJvm small(String... options) {
        List<String> all = new ArrayList<>(List.of(
                "-Xms64m",
                "-Xmx64m",
                "-XX:+UseSerialGC",
                "-XX:+AlwaysPreTouch",
                "-XX:ReservedCodeCacheSize=32m",
                "-XX:CompressedClassSpaceSize=32m"));
        all.addAll(List.of(options));
        return new ChildJvm(List.of(), Map.of(), all);
    }

    /// The same child, started by `words`.
    public ChildJvm startedBy(String... words) {
        return new ChildJvm(List.of(words), environment, options);
    }

    /// The same child with an environment variable set.
    public ChildJvm with(String variable, String value) {
        return new ChildJvm(prefix, Map.of(variable, value), options);
    }

    /// Runs `main` and returns what it printed; fails unless it exits with 0.
    public String run(Class<?> main, String... arguments) throws IOException, InterruptedException {
        return run(EXIT_DONE, main, arguments);
    }

    /// Runs `main` and returns what it printed; fails unless it ends with an exception.
    public String fail(Class<?> main, String... arguments) throws IOException, InterruptedException {
        String text = run(EXIT_DIED, main, arguments);
        assertThat(text).contains("Exception in thread \"main\"");
        return text;
    }

    /// Runs `main` and returns what it and the dying JVM printed; fails unless the JVM dies of a signal.
    public String crash(Class<?> main, String... arguments) throws IOException, InterruptedException {
        String text = run(EXIT_DIED, main, arguments);
        assertThat(text).contains("A fatal error has been detected by the Java Runtime Environment");
        return text;
    }

    /// In a child: calls, and prints what became of it, in a line.
    public static void attempt(Runnable call) {
        try {
            call.run();
            System.out.println("no error");
        } catch (RuntimeException | Error refused) {
            System.out.println(refused.getClass().getName() + ": " + refused.getMessage());
        }
    }

    /// Deletes what a child that has died leaves of its guarded blocks.
    private static void deleteGuardFiles(long pid) throws IOException {
        Path folder = Path.of(System.getProperty("java.io.tmpdir"));
        try (DirectoryStream<Path> left = Files.newDirectoryStream(folder, "malloc4j-guards-" + pid + "-*")) {
            for (Path file : left) {
                Files.delete(file);
            }
        }
    }

    private String run(int exit, Class<?> main, String... arguments) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(prefix);
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(List.of("--enable-native-access=ALL-UNNAMED", "-XX:-CreateCoredumpOnCrash"));
        command.addAll(List.of("-XX:ErrorFile=/dev/stdout", "-XX:-DumpReplayDataOnError"));
        command.addAll(options);
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), main.getName()));
        command.addAll(List.of(arguments));
        Path output = Files.createTempFile("child-jvm", ".txt");
        try {
            ProcessBuilder builder =
                    new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(output.toFile());
            builder.environment().putAll(environment);
            Process process = builder.start();
            boolean ended = process.waitFor(DEADLINE_SECONDS, TimeUnit.SECONDS);
            if (!ended) {
                process.destroyForcibly().waitFor();
            }
            String text = Files.readString(output, StandardCharsets.UTF_8);
            assertThat(ended).as("ended in time; it printed: %s", text).isTrue();
            deleteGuardFiles(process.pid());
            assertThat(process.exitValue()).as(text).isEqualTo(exit);
            return text;
        } finally {
            Files.delete(output);
        }
    }
}
