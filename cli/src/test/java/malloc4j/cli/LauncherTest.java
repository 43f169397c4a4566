package malloc4j.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
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
import org.junit.jupiter.api.io.TempDir;

/// `./malloc4j` itself, in a folder with spaces in its name, with a Maven that only copies a jar.
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
        makeJar(temporary.resolve("program.jar"));
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

    private static void makeJar(Path file) throws IOException {
        var manifest = new Manifest();
        manifest.getMainAttributes().put(Attributes.Name.MANIFEST_VERSION, "1.0");
        manifest.getMainAttributes().put(Attributes.Name.MAIN_CLASS, Program.class.getName());
        String entry = Program.class.getName().replace('.', '/') + ".class";
        try (OutputStream out = Files.newOutputStream(file);
                JarOutputStream jar = new JarOutputStream(out, manifest);
                InputStream code = Objects.requireNonNull(Program.class.getResourceAsStream("/" + entry))) {
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
