package malloc4j.micrometer;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import malloc4j.Heap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import program.Main;

/// A program without Micrometer beside the jar: it goes on, and nothing is said.
class ProcessTest {
    @TempDir
    private Path directory;

    private static String locationOf(Class<?> type) throws Exception {
        return Path.of(type.getProtectionDomain().getCodeSource().getLocation().toURI())
                .toString();
    }

    private String run(String... options) throws Exception {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(List.of("--illegal-native-access=deny", "--enable-native-access=ALL-UNNAMED"));
        command.addAll(List.of(options));
        Path output = directory.resolve("output.txt");
        Process process = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(output.toFile())
                .start();
        boolean ended = process.waitFor(300, TimeUnit.SECONDS);
        if (!ended) {
            process.destroyForcibly().waitFor();
        }
        return Files.readString(output);
    }

    @Test
    void onTheClassPathTheProgramGoesOn() throws Exception {
        String classPath = String.join(
                File.pathSeparator, locationOf(Main.class), locationOf(MeterProbe.class), locationOf(Heap.class));
        assertThat(run("-cp", classPath, Main.class.getName())).isEqualTo("done\n");
    }

    @Test
    void onTheModulePathTheProgramGoesOn() throws Exception {
        assertThat(run(
                        "--enable-native-access=malloc4j",
                        "-p",
                        locationOf(MeterProbe.class) + File.pathSeparator + locationOf(Heap.class),
                        "--add-modules",
                        "malloc4j",
                        "-cp",
                        locationOf(Main.class),
                        Main.class.getName()))
                .isEqualTo("done\n");
    }
}
