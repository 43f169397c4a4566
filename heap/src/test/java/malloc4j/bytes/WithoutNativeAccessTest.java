package malloc4j.bytes;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/// Segments need no grant of native access: what the C library would do is done in Java.
class WithoutNativeAccessTest {
    @Test
    void segmentsAreHandledInJava() throws Exception {
        Process child = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "--illegal-native-access=deny",
                        "-cp",
                        System.getProperty("java.class.path"),
                        WithoutNativeAccessChild.class.getName())
                .redirectErrorStream(true)
                .start();
        String printed = new String(child.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(child.waitFor(60, TimeUnit.SECONDS)).isTrue();
        assertThat(printed.lines()).containsExactly("5 6 6 1", "-1", "5 6 6 1", "-1", "5 6 6 1", "-1");
        assertThat(child.exitValue()).isZero();
    }
}
