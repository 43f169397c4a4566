package malloc4j.bytes;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.stream.IntStream;
import malloc4j.internal.memory.FaultingRanges;
import malloc4j.internal.memory.RawMemory;
import malloc4j.internal.os.Linux;
import malloc4j.internal.os.LinuxCalls;
import malloc4j.internal.os.SystemCalls;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/// Ranges that begin at the first byte or end at the last of pages whose neighbours may not be touched. One byte
/// read or written beside a range is a `SIGSEGV`, which ends this JVM.
///
/// ```
/// | PROT_NONE | first page | ... | PROT_NONE | second page | ... | PROT_NONE |
/// ```
class PageEdgeTest {
    private static final int BYTE_SIZE = 2 * 65_536; // whole pages, whatever their size
    private static final int[] SIZES = IntStream.concat(
                    IntStream.rangeClosed(0, 100), IntStream.of(127, 200, 511, 512, 513, 1030, 4096, 5000, BYTE_SIZE))
            .toArray();

    private final SystemCalls calls = LinuxCalls.instance();
    private long base;
    private long first;
    private long second;

    @BeforeEach
    void map() {
        base = calls.mmap(
                0,
                5L * BYTE_SIZE,
                Linux.PROT_NONE,
                Linux.MAP_PRIVATE | Linux.MAP_ANONYMOUS | Linux.MAP_NORESERVE,
                -1,
                0);
        first = base + BYTE_SIZE;
        second = first + 2 * BYTE_SIZE;
        for (long pages : List.of(first, second)) {
            assertThat(calls.mprotect(pages, BYTE_SIZE, Linux.PROT_READ | Linux.PROT_WRITE))
                    .isZero();
        }
    }

    @AfterEach
    void unmap() {
        assertThat(calls.munmap(base, 5L * BYTE_SIZE)).isZero();
    }

    /// The first bytes or the last ones of some pages.
    private static long edge(long pages, boolean atEnd, int byteSize) {
        return atEnd ? pages + BYTE_SIZE - byteSize : pages;
    }

    @Test
    void addressesAtTheEdges() {
        for (int byteSize : SIZES) {
            for (boolean atEnd : List.of(true, false)) {
                long one = edge(first, atEnd, byteSize);
                long other = edge(second, !atEnd, byteSize);
                Bytes.memset(one, 'a', byteSize);
                Bytes.explicitBzero(other, byteSize);
                Bytes.memcpy(other, one, byteSize);
                assertThat(Bytes.memcmp(one, other, byteSize)).isZero();
                assertThat(Bytes.memchr(one, 'b', byteSize)).isZero();
                assertThat(Bytes.memrchr(one, 'b', byteSize)).isZero();
                if (byteSize > 0) {
                    Bytes.memmove(one, other + 1, byteSize - 1);
                    Bytes.memset(one + byteSize - 1, 'b', 1);
                    assertThat(Bytes.memchr(one, 'b', byteSize)).isEqualTo(one + byteSize - 1);
                    assertThat(Bytes.memcmp(other, one, byteSize)).isNegative();
                    for (int needleBytes : new int[] {1, 2, 3, 5, 9, 16, 17, 40, 300}) {
                        if (needleBytes <= byteSize) {
                            long needle = edge(second, atEnd, needleBytes);
                            Bytes.memcpy(needle, one + byteSize - needleBytes, needleBytes);
                            assertThat(Bytes.memmem(one, byteSize, needle, needleBytes))
                                    .isEqualTo(one + byteSize - needleBytes);
                            Bytes.memset(needle, 'c', 1);
                            assertThat(Bytes.memmem(one, byteSize, needle, needleBytes))
                                    .isZero();
                        }
                    }
                }
            }
        }
    }

    @Test
    void segmentsAtTheEdges() {
        try (Arena arena = Arena.ofConfined()) {
            segmentsAtTheEdges(arena);
        }
        FaultingRanges.add(first, BYTE_SIZE); // once more, by the ways of files
        FaultingRanges.add(second, BYTE_SIZE);
        try (Arena arena = Arena.ofConfined()) {
            segmentsAtTheEdges(arena);
        } finally {
            FaultingRanges.remove(first, BYTE_SIZE);
            FaultingRanges.remove(second, BYTE_SIZE);
        }
    }

    private void segmentsAtTheEdges(Arena arena) {
        for (int byteSize : SIZES) {
            for (boolean atEnd : List.of(true, false)) {
                MemorySegment one = RawMemory.segment(edge(first, atEnd, byteSize), byteSize, arena);
                MemorySegment other = RawMemory.segment(edge(second, !atEnd, byteSize), byteSize, arena);
                Bytes.memset(one, 'a');
                Bytes.explicitBzero(other);
                Bytes.memcpy(other, 0, one, 0, byteSize);
                assertThat(Bytes.memcmp(one, other)).isZero();
                assertThat(Bytes.memchr(one, 'b')).isEqualTo(-1);
                assertThat(Bytes.memrchr(one, 'b')).isEqualTo(-1);
                if (byteSize > 0) {
                    Bytes.memmove(one, 0, other, 1, byteSize - 1);
                    Bytes.memset(one, byteSize - 1, 'b', 1);
                    assertThat(Bytes.memchr(one, 'b')).isEqualTo(byteSize - 1);
                    assertThat(Bytes.memcmp(other, one)).isNegative();
                    for (int needleBytes : new int[] {1, 2, 3, 5, 9, 16, 17, 40, 300}) {
                        if (needleBytes <= byteSize) {
                            MemorySegment needle =
                                    RawMemory.segment(edge(second, atEnd, needleBytes), needleBytes, arena);
                            Bytes.memcpy(needle, 0, one, byteSize - needleBytes, needleBytes);
                            assertThat(Bytes.memmem(one, needle)).isEqualTo(byteSize - needleBytes);
                            Bytes.memset(needle, 0, 'c', 1);
                            assertThat(Bytes.memmem(one, needle)).isEqualTo(-1);
                        }
                    }
                }
            }
        }
    }
}
