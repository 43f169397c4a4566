package malloc4j.cli.replay;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.zip.ZipException;
import malloc4j.cli.CliException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ZstdInputStreamTest {
    private static final ZstdLibrary ZSTD = ZstdLibrary.load();

    /// From less than one block to more than all buffers hold.
    @ParameterizedTest
    @ValueSource(ints = {1, 100, 65_535, 65_536, 65_537, 131_072, 1_000_000})
    void givesBackWhatWasCompressed(int size) throws IOException {
        String text = text(size);

        assertThat(readAll(Traces.zstd(text, 100_000))).isEqualTo(text);
    }

    /// zstd's own: a block of one byte repeated, which is a hundred thousand times as large as its data.
    @Test
    void goesOnWithoutInputWhileZstdHoldsBack() throws IOException {
        int size = 120_000;
        int header = size << 3 | 1 << 1 | 1;
        byte[] bytes = Arrays.copyOf(Traces.zstd("x"), 10);
        bytes[6] = (byte) header;
        bytes[7] = (byte) (header >> 8);
        bytes[8] = (byte) (header >> 16);

        assertThat(readAll(bytes)).isEqualTo("x".repeat(size));
    }

    @Test
    void readsFrameAfterFrame() throws IOException {
        var bytes = new ByteArrayOutputStream();
        bytes.writeBytes(Traces.zstd("one, "));
        bytes.writeBytes(Traces.zstd("two"));

        assertThat(readAll(bytes.toByteArray())).isEqualTo("one, two");
    }

    @Test
    void readsByteByByte() throws IOException {
        try (InputStream in = open(Traces.zstd("\u00e9"))) {
            assertThat(in.read()).isEqualTo(0xc3);
            assertThat(in.read(new byte[0])).isZero();
            assertThat(in.read()).isEqualTo(0xa9);
            assertThat(in.read()).isEqualTo(-1);
        }
    }

    @Test
    void givesWhatThereIsBeforeTheCut() throws IOException {
        byte[] whole = Traces.zstd(text(100_000), 1_000);
        var read = new ByteArrayOutputStream();
        try (InputStream in = open(Arrays.copyOf(whole, whole.length - 500))) {
            assertThatThrownBy(() -> in.transferTo(read)).isInstanceOf(EOFException.class);
        }
        assertThat(text(100_000)).startsWith(read.toString(StandardCharsets.ISO_8859_1));
        assertThat(read.size()).isGreaterThanOrEqualTo(99_000);
    }

    @Test
    void saysWhatIsDamaged() throws IOException {
        byte[] bytes = Traces.zstd("x");
        bytes[6] |= 6; // a type of block that there is not
        try (InputStream in = open(bytes)) {
            assertThatThrownBy(in::read).isInstanceOf(ZipException.class).hasMessage("Data corruption detected");
        }
    }

    @Test
    void closesTwice() throws IOException {
        InputStream in = open(Traces.zstd("x"));
        in.close();
        in.close();
    }

    @Test
    void saysWhatToInstallWhereThereIsNoLibrary() {
        assertThatThrownBy(() -> ZstdLibrary.load("libmissing.so.1"))
                .isInstanceOf(CliException.class)
                .hasMessage(
                        "a trace compressed by zstd needs the library libmissing.so.1, which is not here: install it"
                                + " (Debian: libzstd1) or name the trace unpacked");
    }

    private static String readAll(byte[] bytes) throws IOException {
        try (InputStream in = open(bytes)) {
            return new String(in.readAllBytes(), StandardCharsets.ISO_8859_1);
        }
    }

    private static InputStream open(byte[] bytes) {
        return new ZstdInputStream(new ByteArrayInputStream(bytes), ZSTD);
    }

    private static String text(int size) {
        var text = new StringBuilder();
        for (int i = 0; i < size; i++) {
            text.append((char) ('a' + i * 7 % 26));
        }
        return text.toString();
    }
}
