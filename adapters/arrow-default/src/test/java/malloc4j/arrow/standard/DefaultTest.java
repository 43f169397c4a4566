package malloc4j.arrow.standard;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import malloc4j.Heap;
import malloc4j.arrow.Malloc4jAllocationManager;
import org.apache.arrow.memory.unsafe.DefaultAllocationManagerFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import program.Main;

/// Which default a program of Arrow's has that nobody has changed, by what lies beside it and in which order.
class DefaultTest {
    private static final List<String> ALL =
            List.of(System.getProperty("java.class.path").split(File.pathSeparator));
    private static final List<String> ACCESS =
            List.of("--enable-native-access=ALL-UNNAMED", "--illegal-native-access=deny");
    private static final String OURS = "Malloc4jAllocationManager 42\n";

    @TempDir
    private Path directory;

    private static String locationOf(Class<?> type) {
        return Path.of(type.getProtectionDomain().getCodeSource().getLocation().getPath())
                .toString();
    }

    private static List<String> entries(String name) {
        return ALL.stream().filter(entry -> entry.contains(name)).toList();
    }

    private static List<String> program() {
        return concat(List.of(locationOf(Main.class)), entries("arrow-memory-core"), entries("slf4j"));
    }

    private static List<String> ours() {
        return List.of(
                locationOf(DefaultAllocationManagerFactory.class),
                locationOf(Malloc4jAllocationManager.class),
                locationOf(Heap.class));
    }

    private static List<String> netty() {
        return concat(entries("arrow-memory-netty"), entries("netty-buffer-4"), entries("netty-common"));
    }

    @SafeVarargs
    @SuppressWarnings("varargs")
    private static List<String> concat(List<String>... lists) {
        return Stream.of(lists).flatMap(List::stream).distinct().toList();
    }

    private String runByClassPath(List<String> classPath, String... options) throws IOException, InterruptedException {
        List<String> arguments = new ArrayList<>(ACCESS);
        arguments.addAll(List.of(options));
        arguments.addAll(List.of("-cp", String.join(File.pathSeparator, classPath), "program.Main"));
        return run(arguments);
    }

    private String run(List<String> arguments) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.add("--sun-misc-unsafe-memory-access=allow");
        command.addAll(arguments);
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

    @Test
    void aloneItIsTheDefault() throws Exception {
        assertThat(runByClassPath(concat(program(), ours()))).isEqualTo(OURS);
    }

    @Test
    void behindNettysItIsTheDefault() throws Exception {
        assertThat(runByClassPath(concat(program(), netty(), ours()))).isEqualTo(OURS);
    }

    @Test
    void beforeUnsafeItIsTheDefault() throws Exception {
        assertThat(runByClassPath(concat(program(), ours(), entries("arrow-memory-unsafe"))))
                .isEqualTo(OURS);
    }

    @Test
    void behindUnsafeItIsNot() throws Exception {
        assertThat(runByClassPath(concat(program(), entries("arrow-memory-unsafe"), ours())))
                .isEqualTo("UnsafeAllocationManager 42\n");
    }

    @Test
    void thePropertyUnsafeMeansItAndThePropertyNettyDoesNot() throws Exception {
        List<String> both = concat(program(), ours(), netty());
        assertThat(runByClassPath(both, "-Darrow.allocation.manager.type=Unsafe"))
                .isEqualTo(OURS);
        assertThat(runByClassPath(
                        both,
                        "-Darrow.allocation.manager.type=Netty",
                        "--add-opens=java.base/java.nio=ALL-UNNAMED",
                        "-Dio.netty.tryReflectionSetAccessible=true"))
                .contains("NettyAllocationManager 42\n");
    }

    @Test
    void asAModuleItIsTheDefault() throws Exception {
        List<String> modules = concat(ours(), entries("arrow-memory-core"), entries("slf4j"));
        assertThat(run(List.of(
                        "--enable-native-access=malloc4j",
                        "--illegal-native-access=deny",
                        "-p",
                        String.join(File.pathSeparator, modules),
                        "--add-modules",
                        "malloc4j.arrow.standard",
                        "-cp",
                        locationOf(Main.class),
                        "program.Main")))
                .isEqualTo(OURS);
    }
}
