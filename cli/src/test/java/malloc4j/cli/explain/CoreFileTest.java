package malloc4j.cli.explain;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.SplittableRandom;
import malloc4j.cli.CliException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Cores: a small one that is made here, whole and broken.
class CoreFileTest {
    private static final int SEGMENTS = 64;
    private static final int NOTES = 120;
    private static final int SIGBUS = 7;
    private static final long ADDRESS = 0x7f00_1234_5678L;

    @TempDir
    @SuppressWarnings("NullAway.Init")
    private Path folder;

    private static ByteBuffer buffer(int byteSize) {
        return ByteBuffer.allocate(byteSize).order(ByteOrder.LITTLE_ENDIAN);
    }

    private static byte[] bytes(ByteBuffer of, int length) {
        byte[] bytes = new byte[length];
        of.get(0, bytes);
        return bytes;
    }

    private static void note(ByteBuffer into, String name, int type, ByteBuffer content) {
        byte[] bytes = bytes(content, content.capacity());
        into.putInt(name.length() + 1).putInt(bytes.length).putInt(type);
        into.put(name.getBytes(StandardCharsets.US_ASCII)).put((byte) 0);
        align(into);
        into.put(bytes);
        align(into);
    }

    private static void align(ByteBuffer into) {
        into.position((into.position() + 3) & ~3);
    }

    private static byte[] core(int signal, int code) {
        ByteBuffer notes = buffer(1000);
        ByteBuffer process = buffer(136).putInt(24, 4711);
        process.put(56, "java -Dmalloc4j.guardFile=/tmp/x Program".getBytes(StandardCharsets.US_ASCII));
        note(notes, "GNU", 3, buffer(8)); // as PRPSINFO, of another owner
        note(notes, "CORE", 3, process);
        note(
                notes,
                "CORE",
                0x53494749,
                buffer(128).putInt(0, signal).putInt(8, code).putLong(16, ADDRESS));
        ByteBuffer files = buffer(16 + 48 + 20).putLong(0, 2).putLong(8, 4096);
        files.putLong(16, 0x1000)
                .putLong(24, 0x2000)
                .putLong(40, ADDRESS & -4096)
                .putLong(48, ADDRESS + 4096);
        files.put(64, "/bin/java\0/lib/x.so\0".getBytes(StandardCharsets.US_ASCII));
        note(notes, "CORE", 0x46494c45, files);
        note(notes, "CORE", 0x53494749, buffer(128).putInt(0, 11).putInt(8, 1)); // of another thread
        int noteBytes = notes.position();
        ByteBuffer core = buffer(NOTES + noteBytes);
        core.put(new byte[] {0x7f, 'E', 'L', 'F', 2, 1, 1});
        core.putShort(16, (short) 4)
                .putLong(32, SEGMENTS)
                .putShort(54, (short) 56)
                .putShort(56, (short) 1);
        core.putInt(SEGMENTS, 4).putLong(SEGMENTS + 8, NOTES).putLong(SEGMENTS + 32, noteBytes);
        core.put(NOTES, bytes(notes, noteBytes));
        return bytes(core, core.capacity());
    }

    private Crash read(byte[] core) throws IOException {
        return CrashFile.read(Files.write(folder.resolve("core"), core));
    }

    @Test
    void tellsTheAddressTheProcessAndItsMappings() throws IOException {
        Crash crash = read(core(SIGBUS, 2));
        assertThat(crash.what()).isEqualTo("SIGBUS");
        assertThat(crash.pid()).isEqualTo(4711);
        assertThat(crash.address()).isEqualTo(ADDRESS);
        assertThat(crash.arguments()).contains("-Dmalloc4j.guardFile=/tmp/x");
        assertThat(crash.mapping(ADDRESS))
                .isNotNull()
                .extracting(Crash.Mapping::name)
                .isEqualTo("/lib/x.so");
        assertThat(crash.elapsedNanos()).isNegative();
    }

    @Test
    void anAddressThatIsNoneIsNotTold() throws IOException {
        assertThat(read(core(6, -6)).address()).isNull(); // abort
        assertThat(read(core(SIGBUS, 0)).address()).isNull(); // sent by somebody
        assertThat(read(core(11, 0x80)).address()).isNull(); // the kernel does not know it
        assertThat(read(core(19, 1)).address()).isNull();
    }

    @Test
    void eachBeginningAndAnyBytesAreReadOrRefusedInALine() throws IOException {
        byte[] whole = core(SIGBUS, 2);
        for (int length = 1; length < whole.length; length++) {
            requireAnswer(Arrays.copyOf(whole, length));
        }
        SplittableRandom random = new SplittableRandom(1);
        for (int turn = 0; turn < 5_000; turn++) {
            byte[] broken = whole.clone();
            for (int count = 0; count < 3; count++) {
                broken[random.nextInt(4, broken.length)] = (byte) random.nextInt();
            }
            requireAnswer(broken);
        }
    }

    private void requireAnswer(byte[] core) throws IOException {
        try {
            assertThat(read(core)).isNotNull();
        } catch (CliException told) {
            assertThat(told).hasMessageContaining(folder.toString());
        }
    }
}
