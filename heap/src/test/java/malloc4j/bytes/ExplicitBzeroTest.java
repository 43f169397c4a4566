package malloc4j.bytes;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;

/// Zeroing is not left out when nothing in the program reads the bytes again: the kernel is asked what they are.
class ExplicitBzeroTest {
    private static final int BYTE_SIZE = 48;
    private static final int WARM_UP = 60_000;

    @Test
    void theKernelSeesZeroesAfterCompiledCode() throws IOException {
        try (Arena arena = Arena.ofConfined();
                RandomAccessFile memory = new RandomAccessFile("/proc/self/mem", "r")) {
            MemorySegment secret = arena.allocate(BYTE_SIZE);
            for (int round = 0; round < WARM_UP; round++) {
                useAndForget(secret, round);
                useAndForget(secret.address(), round);
            }
            useAndForget(secret, 1);
            assertThat(read(memory, secret.address())).containsOnly(0);
            secret.fill((byte) 1);
            assertThat(read(memory, secret.address())).containsOnly(1);
            useAndForget(secret.address(), 1);
            assertThat(read(memory, secret.address())).containsOnly(0);
        }
    }

    private static byte[] read(RandomAccessFile memory, long address) throws IOException {
        byte[] bytes = new byte[BYTE_SIZE];
        memory.seek(address);
        memory.readFully(bytes);
        return bytes;
    }

    private static void useAndForget(MemorySegment secret, int value) {
        Bytes.memset(secret, value | 1);
        Bytes.explicitBzero(secret);
    }

    private static void useAndForget(long secret, int value) {
        Bytes.memset(secret, value | 1, BYTE_SIZE);
        Bytes.explicitBzero(secret, BYTE_SIZE);
    }
}
