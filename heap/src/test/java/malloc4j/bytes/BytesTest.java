package malloc4j.bytes;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import malloc4j.bytes.Place.Kind;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// Each operation on each kind of memory against [NaiveBytes]: every size up to 80 bytes, and the sizes around
/// every boundary above, at every alignment. The whole place is compared, so a byte written beside the range is
/// seen.
class BytesTest {
    private static final int ALIGNMENTS = 9;
    private static final int MARGIN = 24;

    private static final int[] SIZES = IntStream.concat(
                    IntStream.rangeClosed(0, 80),
                    IntStream.of(127, 128, 129, 255, 256, 257, 511, 512, 513, 1023, 1024, 1025, 1600, 4095, 4096, 4097))
            .toArray();

    private static byte[] random(int byteSize, int seed) {
        byte[] bytes = new byte[byteSize];
        new Random(seed).nextBytes(bytes);
        return bytes;
    }

    @ParameterizedTest
    @EnumSource
    void memsetWritesItsRangeAndNothingElse(Kind kind) {
        try (Arena arena = Arena.ofConfined()) {
            for (int byteSize : SIZES) {
                for (int alignment = 0; alignment < ALIGNMENTS; alignment++) {
                    byte[] expected = random(byteSize + ALIGNMENTS + 2 * MARGIN, byteSize);
                    Place place = kind.allocate(arena, expected.length).fill(expected);
                    place.memset(MARGIN + alignment, 0x1A5, byteSize);
                    NaiveBytes.memset(expected, MARGIN + alignment, 0xA5, byteSize);
                    assertThat(place.toArray())
                            .as("%s bytes at %s", byteSize, alignment)
                            .isEqualTo(expected);
                    place.explicitBzero(MARGIN + alignment, byteSize);
                    NaiveBytes.memset(expected, MARGIN + alignment, 0, byteSize);
                    assertThat(place.toArray())
                            .as("%s bytes at %s", byteSize, alignment)
                            .isEqualTo(expected);
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void memmoveAndMemcpyCopyUpAndDownAndOntoThemselves(Kind kind) {
        try (Arena arena = Arena.ofConfined()) {
            for (int byteSize : SIZES) {
                byte[] content = random(2 * byteSize + ALIGNMENTS + 2 * MARGIN, byteSize);
                Place place = kind.allocate(arena, content.length);
                for (int distance : distances(byteSize)) {
                    for (int alignment = 0; alignment < ALIGNMENTS; alignment += 3) {
                        int low = MARGIN + alignment;
                        checkMove(place, content, low, low + distance, byteSize);
                        checkMove(place, content, low + distance, low, byteSize);
                    }
                }
            }
        }
    }

    /// How far apart the ranges are: overlapping by all, by some, by none.
    private static int[] distances(int byteSize) {
        return IntStream.of(0, 1, 2, 7, 8, 9, 16, 31, byteSize / 2, byteSize - 1, byteSize)
                .filter(distance -> distance >= 0 && distance <= byteSize)
                .distinct()
                .toArray();
    }

    private static void checkMove(Place place, byte[] content, int to, int from, int byteSize) {
        byte[] expected = content.clone();
        NaiveBytes.memmove(expected, to, from, byteSize);
        place.fill(content).memmove(to, from, byteSize);
        assertThat(place.toArray())
                .as("memmove %s bytes from %s to %s", byteSize, from, to)
                .isEqualTo(expected);
        place.fill(content).memcpy(to, from, byteSize);
        assertThat(place.toArray())
                .as("memcpy %s bytes from %s to %s", byteSize, from, to)
                .isEqualTo(expected);
    }

    @ParameterizedTest
    @EnumSource
    void memcmpFindsTheFirstDifferenceWhereverItIs(Kind kind) {
        try (Arena arena = Arena.ofConfined()) {
            for (int byteSize : SIZES) {
                for (int alignment = 0; alignment < ALIGNMENTS; alignment++) {
                    int right = byteSize + MARGIN;
                    byte[] content = random(right + alignment + byteSize + MARGIN, byteSize);
                    System.arraycopy(content, 0, content, right + alignment, byteSize);
                    Place place = kind.allocate(arena, content.length).fill(content);
                    assertThat(place.memcmp(0, right + alignment, byteSize)).isZero();
                    for (int position : positions(byteSize)) {
                        content[position] ^= (byte) 0x80; // the sign decides only if bytes are taken as signed
                        content[byteSize - 1] ^= 1;
                        place.fill(content);
                        int expected = NaiveBytes.memcmp(content, 0, right + alignment, byteSize);
                        assertThat(Integer.signum(place.memcmp(0, right + alignment, byteSize)))
                                .as("%s bytes, difference at %s, alignment %s", byteSize, position, alignment)
                                .isEqualTo(expected);
                        assertThat(Integer.signum(place.memcmp(right + alignment, 0, byteSize)))
                                .isEqualTo(-expected);
                        content[byteSize - 1] ^= 1;
                        content[position] ^= (byte) 0x80;
                    }
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void memchrAndMemrchrFindTheByteWhereverItIsAndNotBesideTheRange(Kind kind) {
        try (Arena arena = Arena.ofConfined()) {
            for (int byteSize : SIZES) {
                for (int alignment = 0; alignment < ALIGNMENTS; alignment++) {
                    byte[] content = new byte[byteSize + ALIGNMENTS + 2 * MARGIN];
                    Arrays.fill(content, (byte) 'x'); // it is everywhere around
                    int start = MARGIN + alignment;
                    Arrays.fill(content, start, start + byteSize, (byte) ('x' ^ 1)); // what fools an inexact test
                    Place place = kind.allocate(arena, content.length).fill(content);
                    assertThat(place.memchr(start, 'x', byteSize)).isEqualTo(-1);
                    assertThat(place.memrchr(start, 'x', byteSize)).isEqualTo(-1);
                    for (int position : positions(byteSize)) {
                        MemorySegment one = place.segment().asSlice(start + position, 1);
                        one.fill((byte) 'x');
                        assertThat(place.memchr(start, 'x', byteSize))
                                .as("%s bytes, position %s, alignment %s", byteSize, position, alignment)
                                .isEqualTo(start + position);
                        assertThat(place.memrchr(start, 'x' | 0x100, byteSize))
                                .as("%s bytes, position %s, alignment %s", byteSize, position, alignment)
                                .isEqualTo(start + position);
                        one.fill((byte) ('x' ^ 1));
                    }
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void memchrTakesTheFirstOfTwoAndMemrchrTheLast(Kind kind) {
        try (Arena arena = Arena.ofConfined()) {
            for (int byteSize : SIZES) {
                Place place = kind.allocate(arena, byteSize + 1);
                for (int first : positions(byteSize)) {
                    for (int last : positions(byteSize)) {
                        if (first <= last) {
                            place.memset(0, 0, byteSize);
                            place.memset(first, 0xFF, 1);
                            place.memset(last, 0xFF, 1);
                            assertThat(place.memchr(0, -1, byteSize)).isEqualTo(first);
                            assertThat(place.memrchr(0, -1, byteSize)).isEqualTo(last);
                        }
                    }
                }
            }
        }
    }

    /// All of a small range, the ends and block boundaries of a larger one.
    private static int[] positions(int byteSize) {
        return byteSize <= 80
                ? IntStream.range(0, byteSize).toArray()
                : IntStream.of(0, 1, 8, 63, 64, 511, 512, 1535, 4088, byteSize - 9, byteSize - 8, byteSize - 1)
                        .filter(position -> position < byteSize)
                        .toArray();
    }

    @ParameterizedTest
    @EnumSource
    void memmemFindsANeedleOfEverySizeWhereverItIs(Kind kind) {
        List<Integer> needleSizes = List.of(0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 18, 31, 40, 255, 256, 257, 300, 700);
        int haystackBytes = 900;
        try (Arena arena = Arena.ofConfined()) {
            for (int needleBytes : needleSizes) {
                byte[] content = random(haystackBytes + needleBytes + MARGIN, needleBytes);
                for (int index = 0; index < content.length; index++) {
                    content[index] = (byte) ('a' + (content[index] & 3)); // few letters: many false starts
                }
                int needle = content.length - needleBytes;
                Place place = kind.allocate(arena, content.length);
                for (int position = 0; position + needleBytes <= haystackBytes; position += 1 + position % 13) {
                    byte[] placed = content.clone();
                    System.arraycopy(placed, needle, placed, position, needleBytes);
                    place.fill(placed);
                    for (int end : new int[] {haystackBytes, position + needleBytes, position + needleBytes - 1}) {
                        int start = Math.min(position % 7, Math.max(end, 0));
                        assertThat(place.memmem(start, Math.max(end - start, 0), needle, needleBytes))
                                .as("%s bytes at %s in [%s, %s)", needleBytes, position, start, end)
                                .isEqualTo(NaiveBytes.memmem(
                                        placed, start, Math.max(end - start, 0), needle, needleBytes));
                    }
                }
            }
        }
    }

    @Test
    void wholeSegmentsNeedNoOffsets() {
        MemorySegment segment = MemorySegment.ofArray("a=b=c".getBytes(StandardCharsets.US_ASCII));
        assertThat(Bytes.memchr(segment, '=')).isEqualTo(1);
        assertThat(Bytes.memrchr(segment, '=')).isEqualTo(3);
        assertThat(Bytes.memmem(segment, segment.asSlice(2, 3))).isEqualTo(2);
        assertThat(Bytes.memmem(segment.asSlice(2), segment)).isEqualTo(-1);
        assertThat(Bytes.memcmp(segment, segment)).isZero();
        assertThat(Bytes.memcmp(segment, segment.asSlice(0, 4))).isPositive();
        assertThat(Bytes.memcmp(segment.asSlice(0, 4), segment)).isNegative();
        assertThat(Bytes.memcmp(segment.asSlice(2), segment)).isPositive();
        Bytes.memset(segment, 'z');
        assertThat(segment.toArray(ValueLayout.JAVA_BYTE)).containsOnly('z');
        Bytes.explicitBzero(segment);
        assertThat(segment.toArray(ValueLayout.JAVA_BYTE)).containsOnly(0);
    }

    @Test
    void memcmpOfTwoKindsOfMemory() {
        try (Arena arena = Arena.ofConfined()) {
            byte[] content = random(600, 1);
            for (Kind left : Kind.values()) {
                for (Kind right : Kind.values()) {
                    MemorySegment one = left.allocate(arena, 600).fill(content).segment();
                    MemorySegment two = right.allocate(arena, 600).fill(content).segment();
                    assertThat(Bytes.memcmp(one, two)).isZero();
                    Bytes.memset(two, 599, content[599] - 1, 1);
                    assertThat(Integer.signum(Bytes.memcmp(one, two)))
                            .isEqualTo(Integer.compare(content[599] & 0xFF, (content[599] - 1) & 0xFF));
                    Bytes.memcpy(two, 0, one, 0, 600);
                    assertThat(Bytes.memcmp(one, two)).isZero();
                }
            }
        }
    }
}
