package malloc4j.bytes;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/// Segments need no grant of native access: what the C library would do is done in Java. Addresses need it, and each
/// call says so.
class WithoutNativeAccessTest {
    @Test
    void segmentsAreHandledInJava() throws Exception {
        assertThat(printed(WithoutNativeAccessChild.class))
                .containsExactly("5 6 6 1", "-1", "5 6 6 1", "-1", "5 6 6 1", "-1");
    }

    @Test
    void eachCallForAnAddressNamesTheFlag() throws Exception {
        assertThat(printed(AddressesWithoutNativeAccessChild.class))
                .hasSize(62)
                .containsOnly("java.lang.IllegalCallerException: malloc4j needs native access: start java with"
                        + " --enable-native-access=ALL-UNNAMED");
    }

    private static List<String> printed(Class<?> child) throws Exception {
        Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "--illegal-native-access=deny",
                        "-cp",
                        System.getProperty("java.class.path"),
                        child.getName())
                .redirectErrorStream(true)
                .start();
        String printed = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
        assertThat(process.exitValue()).as(printed).isZero();
        return printed.lines().toList();
    }
}
