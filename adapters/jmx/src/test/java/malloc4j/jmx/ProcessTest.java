package malloc4j.jmx;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import malloc4j.Heap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import program.Main;

/// Programs in a JVM of their own, with the jar on the class path and the module path, and where it can do nothing.
class ProcessTest {
    @TempDir
    private Path directory;

    private static String locationOf(Class<?> type) {
        try {
            return Path.of(type.getProtectionDomain()
                            .getCodeSource()
                            .getLocation()
                            .toURI())
                    .toString();
        } catch (URISyntaxException e) {
            throw new AssertionError(e);
        }
    }

    private static String path(Class<?>... types) {
        return Arrays.stream(types).map(ProcessTest::locationOf).collect(Collectors.joining(File.pathSeparator));
    }

    /// Runs the program until it has printed what is awaited, and then to its end. Returns all of it.
    private String run(String awaited, String... options) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(List.of("--illegal-native-access=deny", "--enable-native-access=ALL-UNNAMED"));
        command.addAll(List.of(options));
        Path output = Files.createTempFile(directory, "output", ".txt");
        Process process = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(output.toFile())
                .start();
        for (int attempt = 0; attempt < 3_000 && !Files.readString(output).contains(awaited); attempt++) {
            TimeUnit.MILLISECONDS.sleep(20);
        }
        process.getOutputStream().close();
        boolean ended = process.waitFor(300, TimeUnit.SECONDS);
        if (!ended) {
            process.destroyForcibly().waitFor();
        }
        String text = Files.readString(output);
        assertThat(ended).as("ended in time; it printed: %s", text).isTrue();
        assertThat(process.exitValue()).as(text).isZero();
        return text;
    }

    private static void assertBeans(String said) {
        String cache = "malloc4j:type=Heap,name=cache,id=\\d+";
        String common = "malloc4j:type=Heap,name=common,id=\\d+";
        assertThat(said.lines().toList()).hasSize(3).satisfies(lines -> {
            assertThat(lines.get(0)).matches("\\[" + cache + ", " + common + "]");
            assertThat(lines.get(1)).matches("\\[" + common + "]");
            assertThat(lines.get(2)).isEqualTo("done");
        });
    }

    @Test
    void onTheClassPathTheJarIsEnough() throws Exception {
        assertBeans(run("", "-cp", path(Main.class, JmxProbe.class, Heap.class), Main.class.getName(), "2"));
    }

    @Test
    void onTheModulePathTheJarIsEnough() throws Exception {
        assertBeans(run(
                "",
                "--enable-native-access=malloc4j",
                "-p",
                path(JmxProbe.class, Heap.class),
                "--add-modules",
                "malloc4j",
                "-cp",
                path(Main.class),
                Main.class.getName(),
                "2"));
    }

    @Test
    void withoutManagementInTheJavaOneLineSaysSo() throws Exception {
        String said = run(
                "heaps are not in JMX\n",
                "--limit-modules",
                "java.base",
                "-cp",
                path(Main.class, JmxProbe.class, Heap.class),
                Main.class.getName(),
                "0");
        assertThat(said)
                .containsOnlyOnce("this Java has no module java.management: heaps are not in JMX\n")
                .endsWith("done\n")
                .doesNotContain("Exception");
    }

    @Test
    void whereTheServerRefusesOneLineSaysSoAndHeapsGoOn() throws Exception {
        String said = run(
                "no heaps here\n",
                "-Djavax.management.builder.initial=program.Refusing",
                "-cp",
                path(Main.class, JmxProbe.class, Heap.class),
                Main.class.getName(),
                "0");
        assertThat(said)
                .containsOnlyOnce("the MBean server refuses, so not every heap is in JMX: java.lang.SecurityException:"
                        + " no heaps here\n")
                .endsWith("done\n")
                .doesNotContain("\tat ");
    }
}
