package malloc4j.callbacks;

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
import program.DeepStack;
import program.ProcessPrograms;

/// Libraries that take their allocator once for the process, each in a process of its own: see [ProcessPrograms].
class ProcessHooksTest {
    private static final int ABORTED = 128 + 6;

    @TempDir
    private Path directory;

    private record Ended(int exitCode, String text) {}

    private Ended run(String library) throws IOException, InterruptedException {
        return java(
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("java.class.path"),
                ProcessPrograms.class.getName(),
                library);
    }

    private Ended java(String... arguments) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(List.of("--illegal-native-access=deny", "-XX:-CreateCoredumpOnCrash"));
        command.addAll(List.of(arguments));
        Path output = Files.createTempFile(directory, "output", ".txt");
        Process process = new ProcessBuilder(command)
                .directory(directory.toFile())
                .redirectErrorStream(true)
                .redirectOutput(output.toFile())
                .start();
        boolean ended = process.waitFor(300, TimeUnit.SECONDS);
        if (!ended) {
            process.destroyForcibly().waitFor();
        }
        String text = Files.readString(output);
        assertThat(ended).as("ended in time; it printed: %s", text).isTrue();
        return new Ended(process.exitValue(), text);
    }

    private String done(String library) throws IOException, InterruptedException {
        Ended ended = run(library);
        assertThat(ended.exitCode()).as(ended.text()).isZero();
        assertThat(ended.text()).contains("done\n").doesNotContain("Exception");
        return ended.text();
    }

    @Test
    void sqliteWorksIsToldWhenItsBudgetIsUsedUpAndWorksOn() throws Exception {
        assertThat(done("sqlite"))
                .contains("heap 'library': a C library asked for ", "blocks, all freed")
                .contains("close of heap 'library': open on it: 1 unscoped arena; close them first");
    }

    @Test
    void libxml2ParsesAndSaysThatMemoryIsWanting() throws Exception {
        assertThat(done("libxml2")).contains("out of memory error", "blocks, all freed");
    }

    @Test
    void opensslDigestsAndSaysForWhichLineEachBlockIs() throws Exception {
        assertThat(done("openssl"))
                .containsPattern("most of it: \\S+\\.c:\\d+  \\d+ bytes")
                .contains("blocks, all freed");
    }

    /// An upcall when the JVM is gone would be a crash.
    @Test
    void opensslThatIsInUseWhenTheProgramEndsFreesNothingLater() throws Exception {
        assertThat(done("openssl-left")).contains("left ");
        Ended exited = run("openssl-exit");
        assertThat(exited.exitCode()).as(exited.text()).isZero();
        assertThat(exited.text()).contains("left ").doesNotContain("Exception", "fatal error");
    }

    @Test
    void opensslThatHasAllocatedAlreadyIsLeftAlone() throws Exception {
        String unused = done("openssl-late");
    }

    @Test
    void curlTransfersAndSaysThatMemoryIsWanting() throws Exception {
        assertThat(done("curl")).contains("blocks, all freed");
    }

    @Test
    void gmpCalculates() throws Exception {
        assertThat(done("gmp")).contains("blocks, all freed");
    }

    /// Which cannot be survived: GMP writes to whatever it is given.
    @Test
    void gmpEndsTheProcessWhereMemoryIsWantingAndSaysWhy() throws Exception {
        Ended ended = run("gmp-full");
        assertThat(ended.exitCode()).as(ended.text()).isEqualTo(ABORTED);
        assertThat(ended.text()).contains("heap 'library' has no 125000040 bytes for GMP, which cannot go on without");
    }

    @Test
    void pythonRunsScriptsAndRaisesMemoryError() throws Exception {
        assertThat(done("python")).contains("script ran", "MemoryError", "kept by CPython");
    }

    /// An upcall that found no stack would end the JVM.
    @Test
    void aProgramThatRecursesUntilTheStackEndsGoesOn() throws Exception {
        Ended ended = java(
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("java.class.path"),
                DeepStack.class.getName());
        assertThat(ended.exitCode()).as(ended.text()).isZero();
        assertThat(ended.text()).contains("300 overflows at depth, 0 live, 0 refused");
    }

    @Test
    void whereNativeAccessIsDeniedTheFlagIsNamed() throws Exception {
        String heap = locationOf(Heap.class);
        String callbacks = locationOf(HeapCallbacks.class);
        Ended ended = java(
                "--enable-native-access=malloc4j",
                "-p",
                heap + File.pathSeparator + callbacks,
                "--add-modules",
                "malloc4j.callbacks",
                "-cp",
                locationOf(ProcessPrograms.class),
                ProcessPrograms.class.getName(),
                "sqlite");
        assertThat(ended.exitCode()).isEqualTo(1);
        assertThat(ended.text())
                .contains("malloc4j-callbacks needs native access: start java with"
                        + " --enable-native-access=malloc4j,malloc4j.callbacks");
    }

    private static String locationOf(Class<?> type) throws URISyntaxException {
        return Path.of(type.getProtectionDomain().getCodeSource().getLocation().toURI())
                .toString();
    }
}
