package malloc4j.internal.os;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/// What a user sees who has not granted native access, on the class path and on the module path.
class NativeAccessTest {
    private static final String PROBE = NativeAccessProbe.class.getName();

    @Test
    void onTheClassPathTheMessageNamesTheFlagForUnnamedModules() throws Exception {
        assertThat(java("--illegal-native-access=deny", "-cp", System.getProperty("java.class.path"), PROBE))
                .hasSize(4)
                .startsWith(refusal("ALL-UNNAMED"), refusal("ALL-UNNAMED"), refusal("ALL-UNNAMED"))
                .last()
                .isIn("glibc", "musl", "unknown C library");
    }

    @Test
    void onTheClassPathTheFlagHelps() throws Exception {
        assertThat(java(
                        "--illegal-native-access=deny",
                        "--enable-native-access=ALL-UNNAMED",
                        "-cp",
                        System.getProperty("java.class.path"),
                        PROBE))
                .startsWith("close(-1) = EBADF", "close(-1) = EBADF", "memory is reached");
    }

    @Test
    void onTheModulePathTheMessageNamesTheModule() throws Exception {
        assertThat(javaModule("--enable-native-access=ALL-UNNAMED"))
                .startsWith(refusal("malloc4j"), refusal("malloc4j"), refusal("malloc4j"));
    }

    @Test
    void onTheModulePathTheFlagHelps() throws Exception {
        assertThat(javaModule("--enable-native-access=malloc4j"))
                .startsWith("close(-1) = EBADF", "close(-1) = EBADF", "memory is reached");
    }

    private static String refusal(String grantee) {
        return "malloc4j needs native access: start java with --enable-native-access=" + grantee;
    }

    private static Path locationOf(Class<?> type) throws URISyntaxException {
        return Path.of(type.getProtectionDomain().getCodeSource().getLocation().toURI());
    }

    private static List<String> javaModule(String grant) throws Exception {
        Path classes = locationOf(LinuxCalls.class);
        assumeTrue(Files.exists(classes.resolve("module-info.class")), "classes without a module descriptor");
        return java(
                "--illegal-native-access=deny",
                grant,
                "--module-path",
                classes.toString(),
                "--patch-module",
                "malloc4j=" + locationOf(NativeAccessProbe.class),
                "-m",
                "malloc4j/" + PROBE);
    }

    private static List<String> java(String... arguments) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(List.of(arguments));
        Path output = Files.createTempFile("native-access", ".txt");
        try {
            Process process = new ProcessBuilder(command)
                    .redirectErrorStream(true)
                    .redirectOutput(output.toFile())
                    .start();
            assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
            assertThat(process.exitValue())
                    .as(Files.readString(output, StandardCharsets.UTF_8))
                    .isZero();
            return Files.readAllLines(output);
        } finally {
            Files.delete(output);
        }
    }
}
