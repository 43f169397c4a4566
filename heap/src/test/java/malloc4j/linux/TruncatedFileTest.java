package malloc4j.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import malloc4j.faults.ChildJvm;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// A mapped file that another process cuts short: a Java error where HotSpot allows it, and where it does not.
class TruncatedFileTest {
    private static final String COMPILED = "20000"; // calls, above the threshold of either compiler
    private static final String AT_ONCE = "0";

    @TempDir
    @SuppressWarnings("NullAway.Init")
    private Path directory;

    @SuppressWarnings("NullAway.Init")
    private Path file;

    @BeforeEach
    void writeTheFile() throws IOException {
        file = Files.write(directory.resolve("data"), new byte[64 << 10]);
    }

    @ParameterizedTest
    @CsvSource({"-Xint, 0", "-XX:TieredStopAtLevel=1, 20000", "-XX:-TieredCompilation, 20000"})
    void ordinaryAccessIsAnInternalErrorAndWorksAgainWhenTheFileIsBack(String mode, String warmUps) throws Exception {
        assertThat(ChildJvm.small(mode).run(TruncatedFileChild.class, file.toString(), warmUps, "everything harmless"))
                .contains("get: a fault occurred in an unsafe memory access operation")
                .contains("needle of memmem: a fault occurred in an unsafe memory access operation")
                .contains("survived");
    }

    @ParameterizedTest
    @CsvSource({"strlen, libc.so", "crc32, updateBytesCRC32", "deflater, libzip.so"})
    void nativeCodeDies(String touch, String where) throws Exception {
        assertThat(ChildJvm.small().crash(TruncatedFileChild.class, file.toString(), AT_ONCE, touch))
                .contains("SIGBUS", where);
    }

    @Test
    void compareAndSetDiesInTheInterpreter() throws Exception {
        assertThat(ChildJvm.small("-Xint").crash(TruncatedFileChild.class, file.toString(), AT_ONCE, "compare and set"))
                .contains("SIGBUS", "Unsafe_CompareAndSetLong");
    }

    @Test
    void mismatchDiesWhereTheFirstCompilerHasCompiledIt() throws Exception {
        assertThat(ChildJvm.small("-XX:TieredStopAtLevel=1")
                        .crash(TruncatedFileChild.class, file.toString(), COMPILED, "mismatch"))
                .contains("SIGBUS", "vectorizedMismatch");
    }

    @Test
    void systemCallsRefuseTheAddress() throws IOException {
        try (Mapping mapping = Mapping.ofFile(file).readWrite().map();
                FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE);
                FileChannel other = FileChannel.open(
                        directory.resolve("other"), StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
            ByteBuffer gone = mapping.segment(8192, 4096).asByteBuffer();
            channel.truncate(4096);
            assertThatThrownBy(() -> other.write(gone))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("Bad address");
            assertThatThrownBy(() -> mapping.advise(MemoryAdvice.POPULATE_READ))
                    .isInstanceOf(SystemCallException.class)
                    .hasMessageContaining("EFAULT");
            assertThat(mapping.residentBytes(8192, 4096)).isZero();
            mapping.verify();
        }
    }
}
