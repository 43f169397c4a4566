package malloc4j.bytes;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import malloc4j.internal.memory.FaultingRanges;
import malloc4j.internal.memory.RawMemory;
import malloc4j.internal.os.Linux;
import malloc4j.internal.os.LinuxCalls;
import malloc4j.internal.os.SystemCalls;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/// Ranges of more than 2 GiB, and offsets above: in a mapping of 5 GiB that has memory only where it was written.
/// Reads find the kernel's page of zeros.
class HugeRangesTest {
    private static final long BYTE_SIZE = 5L << 30;
    private static final long FAR = (1L << 32) + 12_345; // above 4 GiB, in no piece's or page's beginning
    private static final long RANGE_BYTES = (1L << 31) + 70_001;

    private final SystemCalls calls = LinuxCalls.instance();
    private long base;
    private MemorySegment segment = MemorySegment.NULL;

    @BeforeEach
    void map() {
        base = calls.mmap(
                0,
                BYTE_SIZE,
                Linux.PROT_READ | Linux.PROT_WRITE,
                Linux.MAP_PRIVATE | Linux.MAP_ANONYMOUS | Linux.MAP_NORESERVE,
                -1,
                0);
        assertThat(base).isPositive();
        long unused =
                calls.madvise(base, BYTE_SIZE, Linux.MADV_HUGEPAGE); // a fault for each 2 MiB, where there are such
        segment = RawMemory.segment(base, BYTE_SIZE);
    }

    @AfterEach
    void unmap() {
        assertThat(calls.munmap(base, BYTE_SIZE)).isZero();
    }

    @Test
    void segments() {
        byte[] text = "needle of more than sixteen bytes".getBytes(StandardCharsets.US_ASCII);
        MemorySegment needle = MemorySegment.ofArray(text);
        long start = FAR - RANGE_BYTES;
        Bytes.memcpy(segment, FAR, needle, 0, text.length);
        assertThat(segment.asSlice(FAR, text.length).toArray(ValueLayout.JAVA_BYTE))
                .isEqualTo(text);
        assertThat(Bytes.memchr(segment, start, 'n', RANGE_BYTES + text.length)).isEqualTo(FAR);
        assertThat(Bytes.memchr(segment, start, 'n', RANGE_BYTES)).isEqualTo(-1);
        assertThat(Bytes.memmem(segment, FAR - 5_000, 10_000, needle, 0, text.length))
                .isEqualTo(FAR);
        assertThat(Bytes.memmem(segment, FAR - 5_000, 10_000, needle, 0, 6)).isEqualTo(FAR);
        Bytes.memmove(segment, FAR + 2, segment, FAR, text.length);
        assertThat(Bytes.memmem(segment, FAR, 100, needle, 0, text.length)).isEqualTo(FAR + 2);
        Bytes.memset(segment, 1, '1', 5_000);
        assertThat(Bytes.memrchr(segment, 0, '1', RANGE_BYTES)).isEqualTo(5_000);
        Bytes.explicitBzero(segment, 1, 5_000);
        Bytes.explicitBzero(segment, FAR, 2 + text.length);
        assertThat(Bytes.memcmp(segment, 0, segment, RANGE_BYTES - 100_000, RANGE_BYTES))
                .isZero();
        Bytes.memset(segment, FAR, 0xFE, 3_000);
        assertThat(Bytes.memcmp(segment, 0, segment, start + 5, RANGE_BYTES)).isNegative();
        assertThat(Bytes.memcmp(segment, start + 5, segment, 0, RANGE_BYTES)).isPositive();
    }

    @Test
    void segmentsInJava() {
        FaultingRanges.add(base, BYTE_SIZE);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment listed = RawMemory.segment(base, BYTE_SIZE, arena);
            long start = FAR - RANGE_BYTES;
            Bytes.memset(listed, FAR, 'x', 1);
            assertThat(Bytes.memchr(listed, start, 'x', RANGE_BYTES + 1)).isEqualTo(FAR);
            assertThat(Bytes.memchr(listed, start, 'x', RANGE_BYTES)).isEqualTo(-1);
            assertThat(Bytes.memrchr(listed, FAR, 'x', RANGE_BYTES / 4)).isEqualTo(FAR);
            assertThat(Bytes.memcmp(listed, 0, listed, start + 1, RANGE_BYTES)).isNegative();
        } finally {
            FaultingRanges.remove(base, BYTE_SIZE);
        }
    }

    @Test
    void addresses() {
        long start = base + FAR - RANGE_BYTES;
        Bytes.memset(base + FAR, 'x', 100_000);
        assertThat(Bytes.memchr(start, 'x', RANGE_BYTES + 1)).isEqualTo(base + FAR);
        assertThat(Bytes.memchr(start, 'x', RANGE_BYTES)).isZero();
        assertThat(Bytes.memrchr(base + FAR, 'x', RANGE_BYTES / 4)).isEqualTo(base + FAR + 99_999);
        assertThat(Bytes.memcmp(base, start + 1, RANGE_BYTES)).isNegative();
        assertThat(Bytes.memmem(start, RANGE_BYTES + 50, base + FAR, 40)).isEqualTo(base + FAR);
        Bytes.memmove(base + FAR - 7, base + FAR, 100_000);
        assertThat(Bytes.memchr(base + FAR - 100, 'x', 1_000)).isEqualTo(base + FAR - 7);
        Bytes.explicitBzero(base + FAR - 7, 100_007);
        assertThat(Bytes.memchr(base + FAR - 100, 'x', 200_000)).isZero();
    }
}
