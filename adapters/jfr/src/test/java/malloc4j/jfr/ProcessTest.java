package malloc4j.jfr;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import malloc4j.Heap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import program.Main;

/// Programs that do not know of Flight Recorder, with and without the jar and a recording, and what the JDK's tools say
/// of the file.
class ProcessTest {
    private static final String ACCESS = "--illegal-native-access=deny";

    @TempDir
    private Path directory;

    private static String locationOf(Class<?> type) throws URISyntaxException {
        return Path.of(type.getProtectionDomain().getCodeSource().getLocation().toURI())
                .toString();
    }

    private static String path(Class<?>... types) throws URISyntaxException {
        List<String> locations = new ArrayList<>();
        for (Class<?> type : types) {
            locations.add(locationOf(type));
        }
        return String.join(File.pathSeparator, locations);
    }

    private String run(String tool, String... arguments) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", tool).toString());
        command.addAll(List.of(arguments));
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
        assertThat(process.exitValue()).as(text).isZero();
        return text;
    }

    private Path record(String... options) throws IOException, InterruptedException {
        Path file = directory.resolve("recorded.jfr");
        List<String> all = new ArrayList<>(List.of(ACCESS, "-Xlog:jfr*=off", "-Xlog:jfr+startup=off"));
        all.add("-XX:StartFlightRecording:filename=" + file);
        all.addAll(List.of(options));
        assertThat(run("java", all.toArray(String[]::new))).endsWith("done\n").doesNotContain("Exception");
        return file;
    }

    private void assertAllThere(Path file) throws IOException, InterruptedException {
        String summary = run("jfr", "summary", file.toString());
        for (String type : List.of(
                "HeapStatistics",
                "HeapActivity",
                "SizeClassStatistics",
                "ResidentSetSize",
                "Map",
                "Unmap",
                "SlabMade",
                "SlabRetired",
                "Purge",
                "Trim",
                "Refusal",
                "LimitMet",
                "AllocationSample",
                "Misuse",
                "GuardHit")) {
            assertThat(summary).as(summary).containsPattern("malloc4j\\." + type + " +[1-9]");
        }
    }

    @Test
    void onTheClassPathTheJarIsEnough() throws Exception {
        Path file = record(
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                path(Main.class, JfrProbe.class, Heap.class),
                Main.class.getName());
        assertAllThere(file);

        assertThat(run("jfr", "view", "--width", "160", "malloc4j.HeapStatistics", file.toString()))
                .contains("Heap Statistics", "Live", "Active", "Dirty", "Committed", "Reserved", "cache", "guarded");
        assertThat(run("jfr", "view", "--width", "160", "malloc4j.AllocationSample", file.toString()))
                .contains("Heap Allocation Sample", "Site", "program.Calls.cycle", "Weight", "cache");
        assertThat(run("jfr", "view", "--width", "240", "malloc4j.GuardHit", file.toString()))
                .contains("Guard Hit", "use after free", "program.Calls", "guarded");
        assertThat(run("jfr", "view", "--width", "240", "malloc4j.Misuse", file.toString()))
                .contains("Block Misuse", "FREE_BLOCK", "free", "program.Calls", "cache");
        assertThat(run("jfr", "print", "--events", "malloc4j.Misuse", "--stack-depth", "64", file.toString()))
                .contains(
                        "finding = \"FREE_BLOCK\"",
                        "text = \"free(0x",
                        "double free",
                        "heap = \"cache\"",
                        "program.Calls.freeTwice(Heap)",
                        "program.Main.main(String[])");
        assertThat(run("jfr", "print", "--events", "malloc4j.Refusal", file.toString()))
                .contains("error = \"EDQUOT\"", "byteSize = 500.0 MB");
        assertThat(run("jfr", "print", "--json", "--events", "malloc4j.GuardHit", file.toString()))
                .contains("\"finding\": \"use after free", "allocated");
    }

    @Test
    void onTheModulePathTheJarIsEnough() throws Exception {
        assertAllThere(record(
                "--enable-native-access=malloc4j,ALL-UNNAMED", // the program touches what was freed
                "-p",
                path(JfrProbe.class, Heap.class),
                "--add-modules",
                "malloc4j",
                "-cp",
                path(Main.class),
                Main.class.getName()));
    }

    @Test
    void withoutTheJarThereAreNoEvents() throws Exception {
        Path file =
                record("--enable-native-access=ALL-UNNAMED", "-cp", path(Main.class, Heap.class), Main.class.getName());
        assertThat(run("jfr", "summary", file.toString())).doesNotContain("malloc4j.");
    }

    @Test
    void withoutARecordingTheJarDoesNothing() throws Exception {
        String classPath = path(Main.class, JfrProbe.class, Heap.class);
        assertThat(run("java", ACCESS, "--enable-native-access=ALL-UNNAMED", "-cp", classPath, Main.class.getName()))
                .isEqualTo("done\n");
    }

    @Test
    void withoutFlightRecorderInTheJavaTheJarDoesNothing() throws Exception {
        assertThat(run(
                        "java",
                        ACCESS,
                        "--enable-native-access=ALL-UNNAMED",
                        "--limit-modules",
                        "java.base",
                        "-cp",
                        path(Main.class, JfrProbe.class, Heap.class),
                        Main.class.getName()))
                .isEqualTo("done\n");
    }
}
