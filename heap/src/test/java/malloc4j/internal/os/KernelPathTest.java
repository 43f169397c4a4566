package malloc4j.internal.os;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Paths are bytes: each has a string of its own.
class KernelPathTest {
    @Test
    void everySequenceOfBytesIsOnePath() {
        Random random = new Random(1);
        for (int round = 0; round < 20_000; round++) {
            byte[] bytes = new byte[random.nextInt(12)];
            random.nextBytes(bytes);
            if (round % 2 == 0) { // mostly letters that are UTF-8
                byte[] letters = "a\u00e4\u4e2d\ud83d\ude00".getBytes(StandardCharsets.UTF_8);
                System.arraycopy(letters, 0, bytes, 0, Math.min(letters.length, bytes.length));
            }
            String path = KernelPath.decode(ByteBuffer.wrap(bytes));
            assertThat(KernelPath.encode(path)).as(Arrays.toString(bytes)).isEqualTo(bytes);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"/tmp/plain", "relative", "", ".", "/", "/a b%20c", "/\ud83d\ude00"})
    void textThatIsUtf8StaysAsItIs(String text) {
        assertThat(new String(KernelPath.encode(KernelPath.of(text)), StandardCharsets.UTF_8))
                .isEqualTo(text);
    }

    @Test
    void aPathThatTheJdkRefusesStaysAsItIs() {
        assertThat(KernelPath.of("/a\0b")).isEqualTo("/a\0b");
        assertThat(KernelPath.of(Path.of("/a"))).isEqualTo("/a");
    }
}
