package malloc4j.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.jar.Attributes;
import java.util.jar.JarOutputStream;
import java.util.jar.Manifest;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// What `java -jar` starts, with a command line that only tells where it runs.
class StartTest {
    private static final String START = "malloc4j/cli/Start.class";
    private static final String MAIN = "malloc4j/cli/Main.class";
    private static final Path OWN_JAVA = Path.of(System.getProperty("java.home"), "bin", "java");

    @TempDir
    Path folder;

    @Test
    void itIsForOldJavaToo() throws IOException {
        try (InputStream in = Objects.requireNonNull(Start.class.getResourceAsStream("/" + START))) {
            byte[] head = in.readNBytes(8);
            assertThat(head[7]).as("the class file's version: Java 8").isEqualTo((byte) 52);
        }
        try (Stream<String> lines =
                Files.lines(Path.of(System.getProperty("basedir", ".")).resolve("../malloc4j"))) {
            assertThat(lines).as("the launcher").contains("oldest_java=25");
        }
    }

    @Test
    void whereJavaIsNewEnoughThereIsOneJvm() throws Exception {
        Path jar = jar();
        Process java = new ProcessBuilder(OWN_JAVA.toString(), "-jar", jar.toString(), "one", "two words").start();
        String said = new String(java.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(java.waitFor()).isEqualTo(7);
        assertThat(said).isEqualTo("[one, two words] in process " + java.pid() + "\n");
    }

    @Test
    void anOldJavaStartsANewOne() throws Exception {
        Path old = oldJava();
        Process java = new ProcessBuilder(old.toString(), "-jar", jar().toString(), "one", "two words").start();
        String said = new String(java.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        String wrong = new String(java.getErrorStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(java.waitFor()).isEqualTo(7);
        assertThat(wrong).isEmpty();
        assertThat(said).startsWith("[one, two words] in process ").doesNotContain("process " + java.pid() + "\n");
    }

    @Test
    void withoutANewOneItSaysSoInOneLine() throws Exception {
        var err = new ByteArrayOutputStream();
        int exitCode = Start.elsewhere(
                new String[0], Map.of(), folder.toFile(), new PrintStream(err, true, StandardCharsets.UTF_8));
        assertThat(exitCode).isEqualTo(3);
        assertThat(err.toString(StandardCharsets.UTF_8))
                .isEqualTo("malloc4j: needs Java 25 or newer, this is " + System.getProperty("java.version")
                        + ", and no other was found: install one or set JAVA_HOME to it\n");
    }

    @Test
    void aJdkIsFoundByTheRuleOfTheLauncher() throws IOException {
        Path old = jdk("old", "17.0.1");
        Path home = jdk("home", "25.0.3");
        Path other = jdk("other", "26-ea");
        Path usual = jdk("usr/lib/jvm/b", "25");
        Path sdkman = jdk("user/.sdkman/candidates/java/25.0.1-tem", "25.0.1");

        assertThat(find(Map.of("JAVA_HOME", home.toString(), "JAVA26_HOME", other.toString())))
                .isEqualTo(home);
        assertThat(find(Map.of("JAVA_HOME", old.toString(), "JAVA26_HOME", other.toString())))
                .isEqualTo(other);
        assertThat(find(Map.of("PATH", old + "/bin:" + other + "/bin")))
                .as("the first java in the path")
                .isEqualTo(usual);
        assertThat(find(Map.of("PATH", folder + "/nowhere:" + other + "/bin"))).isEqualTo(other.toRealPath());
        assertThat(find(Map.of("HOME", folder + "/user"))).isEqualTo(usual);
        Files.delete(usual.resolve("release"));
        assertThat(find(Map.of("HOME", folder + "/user"))).isEqualTo(sdkman);
    }

    private Path find(Map<String, String> environment) {
        return Objects.requireNonNull(Start.findJdk(environment, folder.toFile()))
                .toPath();
    }

    private Path jdk(String name, String version) throws IOException {
        Path jdk = folder.resolve(name);
        Files.createDirectories(jdk.resolve("bin"));
        Files.writeString(jdk.resolve("release"), "IMPLEMENTOR=\"x\"\nJAVA_VERSION=\"" + version + "\"\n");
        Path java = Files.writeString(jdk.resolve("bin/java"), "");
        assertThat(java.toFile().setExecutable(true)).isTrue();
        return jdk;
    }

    private static Path oldJava() throws IOException {
        try (Stream<Path> jdks = Files.list(Path.of("/usr/lib/jvm"))) {
            List<Path> old = jdks.filter(jdk -> jdk.getFileName().toString().matches("java-(8|11|17|21)-.*"))
                    .map(jdk -> jdk.resolve("bin/java"))
                    .filter(Files::isExecutable)
                    .toList();
            assumeTrue(!old.isEmpty(), "no older Java is installed");
            return old.getFirst();
        }
    }

    private Path jar() throws IOException {
        Path source = folder.resolve("Main.java");
        Files.writeString(source, """
                package malloc4j.cli;

                public final class Main {
                    public static void main(String[] arguments) {
                        IO.println(java.util.Arrays.toString(arguments) + " in process "
                                + ProcessHandle.current().pid());
                        System.exit(7);
                    }
                }
                """);
        assertThat(ToolProvider.getSystemJavaCompiler()
                        .run(null, null, null, "-proc:none", "-cp", "", "-d", folder.toString(), source.toString()))
                .isZero();
        var manifest = new Manifest();
        manifest.getMainAttributes().put(Attributes.Name.MANIFEST_VERSION, "1.0");
        manifest.getMainAttributes().put(Attributes.Name.MAIN_CLASS, Start.class.getName());
        Path file = folder.resolve("a program.jar");
        try (OutputStream out = Files.newOutputStream(file);
                JarOutputStream jar = new JarOutputStream(out, manifest);
                InputStream start = Objects.requireNonNull(Start.class.getResourceAsStream("/" + START))) {
            jar.putNextEntry(new ZipEntry(START));
            start.transferTo(jar);
            jar.putNextEntry(new ZipEntry(MAIN));
            jar.write(Files.readAllBytes(folder.resolve(MAIN)));
        }
        return file;
    }
}
