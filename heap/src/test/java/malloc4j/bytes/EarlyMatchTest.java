package malloc4j.bytes;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import malloc4j.internal.memory.FaultingRanges;
import malloc4j.internal.memory.RawMemory;
import malloc4j.internal.os.Linux;
import malloc4j.internal.os.LinuxCalls;
import malloc4j.internal.os.SystemCalls;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/// Searches whose match comes before memory ends, and whose range goes on behind it. C's `memchr` stops at the match
/// (C23 7.26.5.2), so the range may reach into pages that are not there; one of them touched is a `SIGSEGV`, which
/// ends this JVM.
///
/// ```
/// | PROT_NONE | pages ....... match | PROT_NONE |        memchr:  range from before the match to behind the pages
///             | match ...                            memrchr: range from before the pages to behind the match
/// ```
class EarlyMatchTest {
    private static final int BYTE_SIZE = 65_536; // whole pages, whatever their size
    private static final int MOST_BYTES = 300;
    private static final long[] FAR = {
        4_096, 8_191, 1 << 20, (1 << 20) + 1, 1L << 31, (1L << 32) + 7, 1L << 46, Long.MAX_VALUE / 2, Long.MAX_VALUE
    };

    private final SystemCalls calls = LinuxCalls.instance();
    private long base;
    private long start;
    private long end;

    @BeforeEach
    void map() {
        int flags = Linux.MAP_PRIVATE | Linux.MAP_ANONYMOUS | Linux.MAP_NORESERVE;
        base = calls.mmap(0, 3L * BYTE_SIZE, Linux.PROT_NONE, flags, -1, 0);
        assertThat(base).isPositive();
        start = base + BYTE_SIZE;
        end = start + BYTE_SIZE;
        assertThat(calls.mprotect(start, BYTE_SIZE, Linux.PROT_READ | Linux.PROT_WRITE))
                .isZero();
    }

    @AfterEach
    void unmap() {
        assertThat(calls.munmap(base, 3L * BYTE_SIZE)).isZero();
    }

    /// The addresses in order: the range, of which `before` bytes are without a match, the match, and the end of
    /// memory, which is at most a word behind it.
    private interface Check {
        void check(long address, int before, long match, long byteSize);
    }

    private void atTheEnd(Check check) {
        for (int behind = 0; behind <= Long.BYTES; behind++) {
            long match = end - 1 - behind;
            RawMemory.putByte(match, (byte) 'y');
            for (int before = 0; before <= MOST_BYTES; before++) {
                for (int byteSize = before + 1; byteSize <= MOST_BYTES; byteSize += before < 20 ? 1 : 13) {
                    check.check(match - before, before, match, byteSize);
                }
                for (long byteSize : FAR) {
                    check.check(match - before, before, match, byteSize);
                }
            }
            RawMemory.putByte(match, (byte) 0);
        }
    }

    @Test
    void memchrOfAnAddressTouchesNoPageBehindTheMatch() {
        atTheEnd((address, before, match, byteSize) ->
                assertThat(Bytes.memchr(address, 'y', byteSize)).isEqualTo(match));
    }

    @Test
    void memmemForOneByteTouchesNoPageBehindTheMatch() {
        RawMemory.putByte(start, (byte) 'y');
        atTheEnd((address, before, match, byteSize) -> {
            if (byteSize <= Long.MAX_VALUE - address) {
                assertThat(Bytes.memmem(address, byteSize, start, 1)).isEqualTo(match);
            }
        });
    }

    @Test
    void memchrOfASegmentThatClaimsMoreThanThereIsTouchesNoPageBehindTheMatch() {
        try (Arena arena = Arena.ofConfined()) {
            memchrOfSegments(arena);
            FaultingRanges.add(start, BYTE_SIZE); // once more, by the ways of files
            try {
                memchrOfSegments(arena);
            } finally {
                FaultingRanges.remove(start, BYTE_SIZE);
            }
        }
    }

    private void memchrOfSegments(Arena arena) {
        MemorySegment all = RawMemory.segment(start, Long.MAX_VALUE - end, arena);
        atTheEnd((address, before, match, byteSize) -> {
            long offset = address - start;
            long claimed = Math.min(byteSize, all.byteSize() - offset);
            assertThat(Bytes.memchr(all, offset, 'y', claimed)).isEqualTo(match - start);
        });
        for (int before = 500; before < 10_000; before += 501) { // whole blocks before the match
            RawMemory.putByte(end - 1, (byte) 'y');
            assertThat(Bytes.memchr(all, BYTE_SIZE - 1 - before, 'y', 1 << 30)).isEqualTo(BYTE_SIZE - 1);
            RawMemory.putByte(end - 1, (byte) 0);
        }
    }

    @Test
    void memrchrOfAnAddressTouchesNoPageBeforeTheMatch() {
        for (int at = 0; at <= Long.BYTES; at++) {
            long match = start + at;
            RawMemory.putByte(match, (byte) 'y');
            for (int behind = 0; behind <= MOST_BYTES; behind++) {
                for (int before = 0; before <= 40; before++) {
                    assertThat(Bytes.memrchr(match - before, 'y', before + 1 + behind))
                            .isEqualTo(match);
                }
                for (long before : new long[] {4_096, BYTE_SIZE, 1 << 30, start - 1}) {
                    assertThat(Bytes.memrchr(
                                    Math.max(match - before, 1), 'y', Math.min(before, match - 1) + 1 + behind))
                            .isEqualTo(match);
                }
            }
            RawMemory.putByte(match, (byte) 0);
        }
    }

    @Test
    void memrchrOfASegmentTouchesNoPageBeforeTheMatch() {
        MemorySegment all = RawMemory.segment(base, 2L * BYTE_SIZE);
        for (int at = 0; at <= Long.BYTES; at++) {
            long match = start + at;
            RawMemory.putByte(match, (byte) 'y');
            for (int behind = 0; behind <= MOST_BYTES; behind++) {
                for (int before = 0; before <= 40; before++) {
                    assertThat(Bytes.memrchr(all, match - before - base, 'y', before + 1 + behind))
                            .isEqualTo(match - base);
                }
                assertThat(Bytes.memrchr(all, 0, 'y', match - base + 1 + behind))
                        .isEqualTo(match - base);
            }
            RawMemory.putByte(match, (byte) 0);
        }
    }

    @Test
    void whatIsNoAddressOrSizeIsRefusedStill() {
        for (long address : new long[] {0, -1, Long.MIN_VALUE}) {
            assertThatIllegalArgumentException().isThrownBy(() -> Bytes.memchr(address, 'y', Long.MAX_VALUE));
            assertThat(Bytes.memchr(address, 'y', 0)).isZero();
        }
        for (long byteSize : new long[] {-1, Long.MIN_VALUE}) {
            assertThatIllegalArgumentException().isThrownBy(() -> Bytes.memchr(start, 'y', byteSize));
        }
    }
}
