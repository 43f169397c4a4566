package malloc4j.bytes;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Random;
import malloc4j.bytes.Place.Kind;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// Ranges of several of the pieces in which the C library is called.
class LongPiecesTest {
    private static final int PIECE = (int) CLibrary.PIECE_BYTES;
    private static final int BYTE_SIZE = 3 * PIECE + 17;

    @ParameterizedTest
    @EnumSource
    void everyPieceIsDone(Kind kind) {
        try (Arena arena = Arena.ofConfined()) {
            byte[] content = new byte[2 * BYTE_SIZE];
            new Random(3).nextBytes(content);
            Place place = kind.allocate(arena, content.length);
            for (int distance : List.of(0, 1, 64, PIECE - 1, PIECE, PIECE + 1, BYTE_SIZE)) {
                byte[] expected = content.clone();
                System.arraycopy(content, 0, expected, distance, BYTE_SIZE);
                place.fill(content).memmove(distance, 0, BYTE_SIZE);
                assertThat(place.segment().mismatch(MemorySegment.ofArray(expected)))
                        .isEqualTo(-1);
                expected = content.clone();
                System.arraycopy(content, distance, expected, 0, BYTE_SIZE);
                place.fill(content).memmove(0, distance, BYTE_SIZE);
                assertThat(place.segment().mismatch(MemorySegment.ofArray(expected)))
                        .isEqualTo(-1);
            }
            place.memset(0, 0, content.length);
            assertThat(place.memchr(0, 1, content.length)).isEqualTo(-1);
            assertThat(place.memrchr(0, 1, content.length)).isEqualTo(-1);
            place.memset(BYTE_SIZE, 0, BYTE_SIZE);
            for (int position : List.of(0, 1, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE, 3 * PIECE, BYTE_SIZE - 1)) {
                place.segment().set(ValueLayout.JAVA_BYTE, position, (byte) 1);
                assertThat(place.memchr(0, 1, content.length)).isEqualTo(position);
                assertThat(place.memrchr(0, 1, content.length)).isEqualTo(position);
                assertThat(place.memcmp(0, BYTE_SIZE, BYTE_SIZE)).isPositive();
                assertThat(place.memcmp(BYTE_SIZE, 0, BYTE_SIZE)).isNegative();
                place.segment().set(ValueLayout.JAVA_BYTE, position, (byte) 0);
                assertThat(place.memcmp(0, BYTE_SIZE, BYTE_SIZE)).isZero();
            }
        }
    }
}
