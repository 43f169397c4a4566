package malloc4j.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.jar.Attributes;
import java.util.jar.JarOutputStream;
import java.util.jar.Manifest;
import java.util.zip.ZipEntry;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/// `./malloc4j` itself, in a folder with spaces in its name, with a Maven that only copies a jar.
@Timeout(300)
class LauncherTest {
    private static final Path LAUNCHER =
            Path.of(System.getProperty("basedir", ".")).resolve("../malloc4j");
    private static final String BUILD = """
            echo x >> "$FAKE/builds"
            echo "JAVA_HOME is $JAVA_HOME" >> "$FAKE/homes"
            echo "[INFO] Building malloc4j heap 0.1.0-SNAPSHOT                  [2/4]"
            for argument; do case $argument in -Dcli.jar.name=*) name=${argument#*=} ;; esac; done
            """;

    @TempDir
    @SuppressWarnings("NullAway.Init")
    private Path temporary;

    private Path root = Path.of("");
    private Path target = Path.of("");
    private Path jar = Path.of("");

    @BeforeEach
    void lay() throws IOException {
        root = Files.createDirectory(temporary.resolve("a folder with spaces"));
        target = root.resolve("cli/target");
        jar = target.resolve("malloc4j-cli.jar");
        Files.copy(LAUNCHER, root.resolve("malloc4j"));
        Files.writeString(root.resolve("pom.xml"), "");
        Files.createDirectory(temporary.resolve("bin"));
        makeJar(temporary.resolve("program.jar"), Program.class);
        maven(BUILD + "cp \"$FAKE/program.jar\" \"cli/target/$name\"");
    }

    @Test
    void theFirstUseSaysWhatItIsDoingAndHowFarItIs() throws Exception {
        Run run = launch("one", "two words").end();
        assertThat(run.exitCode).isEqualTo(7);
        assertThat(run.out).isEqualTo("[one, two words]\n");
        assertThat(run.err)
                .startsWith("malloc4j: first use, building with Maven;")
                .contains("malloc4j: building [2/4] malloc4j heap 0.1.0-SNAPSHOT\n");
        assertThat(jar).exists();

        Run again = launch().end();
        assertThat(again.out).isEqualTo("[]\n");
        assertThat(again.err).isEmpty();
        assertThat(builds()).isEqualTo(1);
    }

    @Test
    void aBuildThatWasKilledLeavesNoBrokenJar() throws Exception {
        launch().end();
        byte[] whole = Files.readAllBytes(jar);
        Files.writeString(root.resolve("pom.xml"), "changed");
        Files.setLastModifiedTime(jar, FileTime.fromMillis(0));
        Files.deleteIfExists(target.resolve("malloc4j-cli.built"));
        maven(BUILD + "head -c 100 \"$FAKE/program.jar\" > \"cli/target/$name\"; kill -9 $PPID; exit 1");
        assertThat(launch().end().exitCode).isNotEqualTo(7);
        assertThat(Files.readAllBytes(jar)).isEqualTo(whole);

        maven(BUILD + "cp \"$FAKE/program.jar\" \"cli/target/$name\"");
        assertThat(launch().end().exitCode).isEqualTo(7);
    }

    @Test
    void whatABuildHasCompiledThatWasKilledIsCompiledAgain() throws Exception {
        Path torn = root.resolve("heap/target/classes/Torn.class");
        Files.createDirectories(torn.getParent());
        Files.writeString(torn, "");
        maven(BUILD + "echo '[INFO] BUILD FAILURE'; exit 1");
        assertThat(launch().end().exitCode).isEqualTo(3);
        assertThat(launch().end().exitCode).isEqualTo(3);
        assertThat(torn).as("after builds that ended by themselves").exists();

        maven(BUILD + "kill -9 $$");
        assertThat(launch().end().exitCode).isEqualTo(3);
        assertThat(torn).exists();

        maven(BUILD + "cp \"$FAKE/program.jar\" \"cli/target/$name\"");
        assertThat(launch().end().exitCode).isEqualTo(7);
        assertThat(torn).doesNotExist();

        Files.createDirectories(torn.getParent());
        Files.writeString(torn, "");
        Files.delete(jar);
        assertThat(launch().end().exitCode).isEqualTo(7);
        assertThat(torn).as("after a build that went well").exists();
    }

    @Test
    void aTornJarIsBuiltAgain() throws Exception {
        launch().end();
        byte[] whole = Files.readAllBytes(jar);
        for (int length : new int[] {0, 1, 100, whole.length - 1}) {
            Files.write(jar, Arrays.copyOf(whole, length));
            assertThat(launch().end().exitCode).as("%s bytes", length).isEqualTo(7);
        }
        assertThat(builds()).isEqualTo(5);
    }

    @Test
    void whereItCannotWriteItSaysSoInOneLine() throws Exception {
        Files.createDirectories(target.getParent());
        Files.writeString(target, "a file in the way, which stops root too");
        Run run = launch().end();
        assertThat(run.exitCode).isEqualTo(3);
        assertThat(run.err).isEqualTo("malloc4j: cannot write to " + target + " to build there\n");

        Files.delete(target);
        Files.createDirectories(target.resolve("malloc4j-cli.lock")); // cannot be opened for writing
        run = launch().end();
        assertThat(run.exitCode).isEqualTo(3);
        assertThat(run.err).isEqualTo("malloc4j: cannot write to " + target + " to build there\n");
    }

    @Test
    void aFailedBuildShowsMavensLinesAndTheReason() throws Exception {
        maven("echo '[ERROR] Could not transfer artifact x'; exit 1");
        Run run = launch().end();
        assertThat(run.exitCode).isEqualTo(3);
        assertThat(run.out).isEmpty();
        assertThat(run.err)
                .contains("[ERROR] Could not transfer artifact x\n")
                .endsWith("malloc4j: the build failed, see above: the first one downloads from Maven Central"
                        + " and could not\n");
    }

    @Test
    void ofTwoAtOnceOneBuildsAndBothRun() throws Exception {
        maven(BUILD + "sleep 1; cp \"$FAKE/program.jar\" \"cli/target/$name\"");
        Run one = launch("1");
        Run other = launch("2");
        assertThat(List.of(one.end().exitCode, other.end().exitCode)).containsOnly(7);
        assertThat(builds()).isEqualTo(1);
    }

    @Test
    void whoWaitsLeavesTheLogOfTheOtherAsItIs() throws Exception {
        String untilTheOtherWaits = "while [ ! -e \"$FAKE/waits\" ]; do sleep 0.1; done";
        maven("echo '[ERROR] the true cause'; " + untilTheOtherWaits + "; echo '[INFO] BUILD FAILURE'; exit 1");
        Path log = target.resolve("malloc4j-cli.log");
        Run one = launch("1");
        while (one.process.isAlive()
                && !(Files.exists(log) && Files.readString(log).contains("cause"))) {
            Thread.sleep(10);
        }
        Run other = launch("2");
        while (other.process.isAlive() && !Files.readString(other.errFile).contains("waiting for it")) {
            Thread.sleep(10);
        }
        Files.createFile(temporary.resolve("waits"));
        assertThat(one.end().err).contains("[ERROR] the true cause\n");
        assertThat(other.end().err).contains("waiting for it");
    }

    @Test
    void anOlderJavaHomeIsPassedOver() throws Exception {
        Path old = temporary.resolve("jdk 17");
        Files.createDirectories(old.resolve("bin"));
        Files.writeString(old.resolve("release"), "JAVA_VERSION=\"17.0.1\"\n");
        for (String tool : new String[] {"java", "javac"}) {
            script(old.resolve("bin").resolve(tool), "exit 99");
        }
        Run run = launch(Map.of("JAVA_HOME", old.toString(), "JAVA25_HOME", System.getProperty("java.home")))
                .end();
        assertThat(run.exitCode).isEqualTo(7);
        assertThat(temporary.resolve("homes")).hasContent("JAVA_HOME is " + System.getProperty("java.home"));
    }

    @Test
    void aCacheIsMadeWithTheBuildAndUsedFromThenOn() throws Exception {
        layWithCache();
        assertThat(launch(cached(), "doctor").end().exitCode).isEqualTo(7);
        Path cache = target.resolve("malloc4j-cli.aot");
        assertThat(cache).isNotEmptyFile();
        assertThat(target.resolve("malloc4j-cli.aot.key")).content().startsWith(jar.toString());

        Run used = launch(cached(), "doctor").end();
        assertThat(used.out).as("options of the JVM").contains("-XX:AOTCache=" + cache + ",");
        assertThat(used.err).isEmpty();
        assertThat(launch(Map.of("JAVA_HOME", System.getProperty("java.home")), "doctor")
                        .end()
                        .out)
                .as("where nobody wants one")
                .doesNotContain("AOTCache");
    }

    /// Another jar, a torn file, one of another JDK: the JVM takes none of them, and says nothing of it.
    @Test
    void aStaleCacheIsHarmlessAndMadeAgain() throws Exception {
        layWithCache();
        launch(cached(), "doctor").end();
        Path cache = target.resolve("malloc4j-cli.aot");
        Path key = target.resolve("malloc4j-cli.aot.key");
        String keyOfOurs = Files.readString(key);
        byte[] whole = Files.readAllBytes(cache);
        for (int length : new int[] {0, 100, whole.length / 2}) {
            Files.write(cache, Arrays.copyOf(whole, length));
            Run torn = launch(cached(), "doctor").end();
            assertThat(torn.exitCode).as("%s bytes", length).isEqualTo(7);
            assertThat(torn.err).isEmpty();
            assertThat(torn.out).startsWith("[doctor] ").hasLineCount(1).contains("-XX:AOTCache=");
        }
        Files.write(cache, whole);
        Files.copy(temporary.resolve("other.jar"), jar, StandardCopyOption.REPLACE_EXISTING);
        Files.setLastModifiedTime(jar, Files.getLastModifiedTime(key)); // as new as the cache, and another
        Run other = launch(cached(), "doctor").end();
        assertThat(other.exitCode).isEqualTo(7);
        assertThat(other.err).isEmpty();
        assertThat(other.out).startsWith("[doctor] ").hasLineCount(1);

        Files.writeString(key, keyOfOurs.replace(System.getProperty("java.home"), "/another/jdk"));
        Run another = launch(cached(), "doctor").end();
        assertThat(another.out).startsWith("[doctor] ").doesNotContain("AOTCache");
        assertThat(another.err).isEmpty();
        while (!Files.exists(key) || !Files.readString(key).equals(keyOfOurs)) {
            Thread.sleep(50); // made beside the command
        }
        assertThat(launch(cached(), "doctor").end().out).contains("-XX:AOTCache=");
    }

    @Test
    void ofTwoAtOnceOneMakesTheCacheAndBothRun() throws Exception {
        layWithCache();
        launch("doctor").end(); // builds, without one
        Run one = launch(cached(), "doctor");
        Run other = launch(cached(), "doctor");
        assertThat(List.of(one.end().exitCode, other.end().exitCode)).containsOnly(7);
        assertThat(one.err + other.err).isEmpty();
        while (!Files.exists(target.resolve("malloc4j-cli.aot.key"))) {
            Thread.sleep(50);
        }
        assertThat(target.resolve("malloc4j-cli.aot")).isNotEmptyFile();
        assertThat(launch(cached(), "doctor").end().exitCode).isEqualTo(7);
    }

    @Test
    void whatMeasuresHasNothingMadeBesideIt() throws Exception {
        layWithCache();
        launch("doctor").end();
        for (String command : new String[] {"replay", "bench"}) {
            assertThat(launch(cached(), command).end().exitCode).isEqualTo(7);
        }
        assertThat(target.resolve("malloc4j-cli.aot.lock")).doesNotExist();
    }

    /// A folder without a space in its name, as caches need, and a program that tells its JVM's options.
    private void layWithCache() throws IOException {
        root = Files.move(root, temporary.resolve("folder"));
        target = root.resolve("cli/target");
        jar = target.resolve("malloc4j-cli.jar");
        makeJar(temporary.resolve("program.jar"), Options.class);
        makeJar(temporary.resolve("other.jar"), Options.class, Program.class);
    }

    private static Map<String, String> cached() {
        return Map.of("JAVA_HOME", System.getProperty("java.home"), "MALLOC4J_AOT", "on");
    }

    private int builds() throws IOException {
        return Files.readAllLines(temporary.resolve("builds")).size();
    }

    private Run launch(String... arguments) throws IOException {
        return launch(Map.of("JAVA_HOME", System.getProperty("java.home")), arguments);
    }

    private Run launch(Map<String, String> environment, String... arguments) throws IOException {
        List<String> command = new ArrayList<>(List.of(root.resolve("malloc4j").toString()));
        command.addAll(List.of(arguments));
        Path err = Files.createTempFile(temporary, "err", "");
        Path out = Files.createTempFile(temporary, "out", "");
        var builder = new ProcessBuilder(command).redirectOutput(out.toFile()).redirectError(err.toFile());
        builder.environment().put("MALLOC4J_AOT", "off"); // to make one takes seconds
        builder.environment().putAll(environment);
        builder.environment().put("FAKE", temporary.toString());
        builder.environment().put("PATH", temporary.resolve("bin") + ":/usr/bin:/bin");
        return new Run(builder.start(), out, err);
    }

    private void maven(String script) throws IOException {
        script(temporary.resolve("bin/mvn"), script);
    }

    private static void script(Path file, String lines) throws IOException {
        Files.writeString(file, "#!/bin/sh\n" + lines + "\n");
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
    }

    private static void makeJar(Path file, Class<?> program, Class<?>... others) throws IOException {
        var manifest = new Manifest();
        manifest.getMainAttributes().put(Attributes.Name.MANIFEST_VERSION, "1.0");
        manifest.getMainAttributes().put(Attributes.Name.MAIN_CLASS, program.getName());
        try (OutputStream out = Files.newOutputStream(file);
                JarOutputStream jar = new JarOutputStream(out, manifest)) {
            add(jar, program);
            for (Class<?> other : others) {
                add(jar, other);
            }
        }
    }

    private static void add(JarOutputStream jar, Class<?> type) throws IOException {
        String entry = type.getName().replace('.', '/') + ".class";
        try (InputStream code = Objects.requireNonNull(type.getResourceAsStream("/" + entry))) {
            jar.putNextEntry(new ZipEntry(entry));
            code.transferTo(jar);
        }
    }

    /// What the jar has instead of the command line.
    static final class Program {
        private Program() {}

        public static void main(String[] arguments) {
            IO.println(Arrays.toString(arguments));
            System.exit(7);
        }
    }

    /// The same, with the options of its JVM.
    static final class Options {
        private Options() {}

        public static void main(String[] arguments) throws IOException {
            String command = Files.readString(Path.of("/proc/self/cmdline")).replace('\0', ',');
            IO.println(Arrays.toString(arguments) + " " + command);
            System.exit(7);
        }
    }

    private static final class Run {
        private final Process process;
        private final Path outFile;
        private final Path errFile;
        private int exitCode;
        private String out = "";
        private String err = "";

        Run(Process process, Path outFile, Path errFile) {
            this.process = process;
            this.outFile = outFile;
            this.errFile = errFile;
        }

        Run end() throws InterruptedException {
            exitCode = process.waitFor();
            try {
                out = Files.readString(outFile, StandardCharsets.UTF_8);
                err = Files.readString(errFile, StandardCharsets.UTF_8);
            } catch (IOException failed) {
                throw new UncheckedIOException(failed);
            }
            return this;
        }
    }
}
