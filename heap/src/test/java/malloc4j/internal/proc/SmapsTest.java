package malloc4j.internal.proc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import malloc4j.observe.MappedRange;
import malloc4j.observe.MemoryUse.Figure;
import org.junit.jupiter.api.Test;

/// The format of smaps as kernels from 3.10 to 6.18 write it, and as none does.
class SmapsTest {
    private final List<MappedRange> ranges = new ArrayList<>();

    @Test
    void readsEveryFigureOfLinux6() throws IOException {
        Smaps.Summary summary = read("""
                7f0dc2d86000-7f0dc2d93000 rw-p 001d3000 fe:00 339380                     /usr/lib/x86_64-linux-gnu/libc.so.6
                Size:                 52 kB
                KernelPageSize:        4 kB
                MMUPageSize:           4 kB
                Rss:                   1 kB
                Pss:                   2 kB
                Pss_Dirty:             3 kB
                Shared_Clean:          4 kB
                Shared_Dirty:          5 kB
                Private_Clean:         6 kB
                Private_Dirty:         7 kB
                Referenced:            8 kB
                Anonymous:             9 kB
                KSM:                  10 kB
                LazyFree:             11 kB
                AnonHugePages:        12 kB
                ShmemPmdMapped:       13 kB
                FilePmdMapped:        14 kB
                Shared_Hugetlb:       15 kB
                Private_Hugetlb:      16 kB
                Swap:                 17 kB
                SwapPss:              18 kB
                Locked:               19 kB
                THPeligible:           1
                ProtectionKey:         0
                VmFlags: rd wr mr mw me ac
                """);

        assertThat(summary.told()).containsExactly(Figure.values());
        assertThat(summary.unknownLines()).isZero();
        MappedRange range = ranges.getFirst();
        assertThat(range.address()).isEqualTo(0x7f0dc2d86000L);
        assertThat(range.byteSize()).isEqualTo(52 << 10);
        assertThat(range.rights()).isEqualTo("rw-p");
        assertThat(range.fileOffset()).isEqualTo(0x1d3000);
        assertThat(range.device()).isEqualTo("fe:00");
        assertThat(range.inode()).isEqualTo(339380);
        assertThat(range.fileName()).isEqualTo("libc.so.6");
        assertThat(range.flags()).isEqualTo("rd wr mr mw me ac");
        for (Figure figure : Figure.values()) {
            assertThat(range.use().bytes(figure)).as(figure.smapsName()).isEqualTo((figure.index() + 1L) << 10);
        }
    }

    @Test
    void whatIsToldIsWhatSomeMappingHas() throws IOException {
        Smaps.Summary summary = read("""
                00400000-0040b000 r-xp 00000000 fd:00 135058                             /usr/bin/cat
                Rss:                  40 kB
                Locked:                0 kB
                VmFlags: rd ex mr mw me dw sd
                01d2b000-01d4c000 rw-p 00000000 00:00 0                                  [heap]
                Size:                132 kB
                Rss:                   8 kB
                Swap:                  4 kB
                """);

        assertThat(ranges).hasSize(2);
        assertThat(ranges.getFirst().use().swappedBytes()).isZero();
        assertThat(ranges.getLast().use().residentBytes()).isEqualTo(8 << 10);
        assertThat(ranges.getLast().flags()).isEmpty();
        assertThat(summary.told()).containsExactly(Figure.RESIDENT, Figure.SWAPPED, Figure.LOCKED);
    }

    @Test
    void figuresMayComeInAnyOrderAndUnknownOnesArePassedOver() throws IOException {
        read("""
                1000-2000 rw-p 00000000 00:00 0
                Swap:                  4 kB
                Frobnicated:         123 kB
                Rss:                   8 kB
                Weird without a colon
                Pss:                 many
                Rss
                : 5 kB

                2000-3000 rw-p 00000000 00:00 0
                Rss:                  12 kB
                """);

        assertThat(ranges).extracting(range -> range.use().residentBytes()).containsExactly(8192L, 12288L);
        assertThat(ranges.getFirst().use().swappedBytes()).isEqualTo(4096);
        assertThat(ranges.getFirst().use().proportionalBytes()).isZero();
    }

    @Test
    void namesMayHaveBlanksNewlinesAndBeGone() throws IOException {
        read("""
                1000-2000 rw-s 00000000 00:01 1024                       /dev/shm/a name with  blanks
                2000-3000 rw-s 00000000 00:01 1025                       /tmp/two\\012lines (deleted)
                3000-4000 rw-p 00000000 00:00 0                          [anon:my own name]
                4000-5000 rw-s 00000000 00:01 4593                       /memfd:java_heap (deleted)
                5000-6000 r--p 00000000 fe:00 7                          /tmp/\u00e4rger
                """);

        assertThat(ranges)
                .extracting(MappedRange::name)
                .containsExactly(
                        "/dev/shm/a name with  blanks",
                        "/tmp/two\\012lines (deleted)",
                        "[anon:my own name]",
                        "/memfd:java_heap (deleted)",
                        "/tmp/\u00e4rger");
        assertThat(ranges.get(1).isDeleted()).isTrue();
        assertThat(ranges.get(1).path()).isEqualTo("/tmp/two\\012lines");
        assertThat(ranges.get(2).isAnonymous()).isTrue();
        assertThat(ranges.get(3).isAnonymous()).isFalse();
    }

    @Test
    void theHighestMappingIsAbove2To63() throws IOException {
        read("ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]\n");

        assertThat(ranges.getFirst().byteSize()).isEqualTo(4096);
        assertThat(Long.toHexString(ranges.getFirst().end())).isEqualTo("ffffffffff601000");
    }

    @Test
    void whatEndsInTheMiddleOfALineIsLeftOut() throws IOException {
        read("1000-2000 rw-p 00000000 00:00 0\nRss:    8 kB\nSwap:   16");
        assertThat(ranges.getFirst().use().residentBytes()).isEqualTo(8192);
        assertThat(ranges.getFirst().use().swappedBytes()).isZero();

        ranges.clear();
        read("1000-2000 rw-p 00000000 00:00 0\n2000-30");
        assertThat(ranges).hasSize(1);

        ranges.clear();
        read("");
        assertThat(ranges).isEmpty();
    }

    @Test
    void headersThatMakeNoSenseAreCountedAndTheirFiguresLeftOut() throws IOException {
        Smaps.Summary summary = read("""
                1000-2000 rw-p 00000000 00:00 0
                Rss:                   4 kB
                2000-2000 rw-p 00000000 00:00 0
                Rss:                   8 kB
                3000 rw-p 00000000 00:00 0
                4000-5000 rw-px 00000000 00:00 0
                5000-6000 rw-p
                6000-7000 rw-p 00000000 00:00 minus
                11112222333344445-11112222333355555 rw-p 00000000 00:00 0
                8000-9000 rw-p 00000000 00:00 0
                Rss:                  16 kB
                """);

        assertThat(ranges).extracting(MappedRange::address).containsExactly(0x1000L, 0x8000L);
        assertThat(ranges).extracting(range -> range.use().residentBytes()).containsExactly(4096L, 16384L);
        assertThat(summary.unknownLines()).isEqualTo(6);
    }

    /// The kernel hands the text out in pieces of any size.
    @Test
    void piecesMayEndAnywhere() throws IOException {
        StringBuilder text = new StringBuilder();
        for (int index = 1; index < 200; index++) {
            text.append(String.format(
                    "%x000-%x000 r-xp 00000000 fe:00 12    /lib/%s%n", index, index + 1, "x".repeat(index * 20)));
            text.append("Rss:   ").append(index).append(" kB\nVmFlags: rd ex\n");
        }
        byte[] bytes = text.toString().getBytes(StandardCharsets.US_ASCII);
        Smaps.Summary unused = Smaps.read(new ByteArrayInputStream(bytes), ranges::add);
        List<MappedRange> whole = List.copyOf(ranges);
        assertThat(whole).hasSize(199);

        Random random = new Random(5);
        for (int round = 0; round < 50; round++) {
            ranges.clear();
            int most = 1 + random.nextInt(round < 5 ? 3 : 5000);
            unused = Smaps.read(inPieces(bytes, random, most), ranges::add);
            assertThat(ranges).isEqualTo(whole);
        }
    }

    @Test
    void aStreamThatFailsHasToldWhatCameBefore() {
        InputStream failing = new InputStream() {
            private boolean first = true;

            @Override
            public int read() {
                throw new UnsupportedOperationException();
            }

            @Override
            public int read(byte[] buffer, int offset, int length) throws IOException {
                if (!first) {
                    throw new IOException("No such process");
                }
                first = false;
                byte[] text =
                        "1000-2000 rw-p 0 00:00 0\n2000-3000 rw-p 0 00:00 0\n".getBytes(StandardCharsets.US_ASCII);
                System.arraycopy(text, 0, buffer, offset, text.length);
                return text.length;
            }
        };

        assertThatThrownBy(() -> Smaps.read(failing, ranges::add)).hasMessage("No such process");
        assertThat(ranges).hasSize(1);
    }

    private static InputStream inPieces(byte[] bytes, Random random, int most) {
        return new ByteArrayInputStream(bytes) {
            @Override
            public int read(byte[] buffer, int offset, int length) {
                return super.read(buffer, offset, Math.min(length, 1 + random.nextInt(most)));
            }
        };
    }

    private Smaps.Summary read(String text) throws IOException {
        return Smaps.read(new ByteArrayInputStream(text.getBytes(StandardCharsets.UTF_8)), ranges::add);
    }
}
