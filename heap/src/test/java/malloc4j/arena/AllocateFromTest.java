package malloc4j.arena;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.util.List;
import malloc4j.arena.ArenaKind.Trait;

/// Allocating from a value, an array, a segment or a string: memory that nobody has zeroed must be written whole.
class AllocateFromTest extends ArenaContract {
    private static final List<String> TEXTS = List.of("", "a", "text", "ä€😀", "with a \0 in it", "x".repeat(70_000));

    /// Has used the memory that the next arena is given.
    private void soil(ArenaKind kind) {
        Arena arena = kind.open(heap);
        for (long byteSize : new long[] {200, 2_000, 20_000, 80_000, 300_000}) {
            arena.allocate(byteSize, 8).fill((byte) -1);
        }
        if (kind.is(Trait.CLOSEABLE)) {
            arena.close();
        }
    }

    @ContractPoint("A string ends in zero, in each standard charset, and is read back as it was")
    void stringsAreReadBack(ArenaKind kind) {
        soil(kind);
        Arena arena = open(kind);
        for (Charset charset : List.of(
                StandardCharsets.UTF_8,
                StandardCharsets.UTF_16LE,
                StandardCharsets.UTF_16BE,
                StandardCharsets.UTF_32LE,
                StandardCharsets.UTF_32BE)) {
            int width =
                    charset.equals(StandardCharsets.UTF_8) ? 1 : charset.name().contains("16") ? 2 : 4;
            for (String text : TEXTS) {
                byte[] bytes = text.getBytes(charset);
                MemorySegment segment = arena.allocateFrom(text, charset);
                assertThat(segment.byteSize()).isEqualTo(bytes.length + width);
                assertThat(segment.asSlice(0, bytes.length).toArray(ValueLayout.JAVA_BYTE))
                        .isEqualTo(bytes);
                assertThat(segment.asSlice(bytes.length).toArray(ValueLayout.JAVA_BYTE))
                        .containsOnly(0);
                if (text.indexOf('\0') < 0) {
                    assertThat(segment.getString(0, charset)).isEqualTo(text);
                }
            }
        }
        for (Charset charset : List.of(StandardCharsets.US_ASCII, StandardCharsets.ISO_8859_1)) {
            assertThat(arena.allocateFrom("ascii", charset).getString(0, charset))
                    .isEqualTo("ascii");
        }
        assertThat(arena.allocateFrom("ä").toArray(ValueLayout.JAVA_BYTE)).containsExactly(0xc3, 0xa4, 0);
    }

    @ContractPoint("A value of each primitive type, in either order of bytes")
    void valuesAreStored(ArenaKind kind) {
        soil(kind);
        Arena arena = open(kind);
        for (ByteOrder order : List.of(ByteOrder.LITTLE_ENDIAN, ByteOrder.BIG_ENDIAN)) {
            ValueLayout.OfInt ofInt = ValueLayout.JAVA_INT.withOrder(order);
            ValueLayout.OfLong ofLong = ValueLayout.JAVA_LONG.withOrder(order);
            ValueLayout.OfShort ofShort = ValueLayout.JAVA_SHORT.withOrder(order);
            ValueLayout.OfChar ofChar = ValueLayout.JAVA_CHAR.withOrder(order);
            ValueLayout.OfDouble ofDouble = ValueLayout.JAVA_DOUBLE.withOrder(order);
            ValueLayout.OfFloat ofFloat = ValueLayout.JAVA_FLOAT.withOrder(order);
            assertThat(arena.allocateFrom(ofInt, 0x1234_5678).get(ofInt, 0)).isEqualTo(0x1234_5678);
            assertThat(arena.allocateFrom(ofLong, -5L).get(ofLong, 0)).isEqualTo(-5);
            assertThat(arena.allocateFrom(ofShort, (short) 0x102).get(ofShort, 0))
                    .isEqualTo((short) 0x102);
            assertThat(arena.allocateFrom(ofChar, 'ä').get(ofChar, 0)).isEqualTo('ä');
            assertThat(arena.allocateFrom(ofDouble, 1.5).get(ofDouble, 0)).isEqualTo(1.5);
            assertThat(arena.allocateFrom(ofFloat, 2.5f).get(ofFloat, 0)).isEqualTo(2.5f);
        }
        MemorySegment one = arena.allocateFrom(ValueLayout.JAVA_BYTE, (byte) 9);
        assertThat(one.byteSize()).isEqualTo(1);
        assertThat(one.get(ValueLayout.JAVA_BYTE, 0)).isEqualTo((byte) 9);
        assertThat(arena.allocateFrom(ValueLayout.ADDRESS, one).get(ValueLayout.ADDRESS, 0))
                .isEqualTo(MemorySegment.ofAddress(one.address()));
    }

    @ContractPoint("An array of each primitive type, of no elements too")
    void arraysAreCopied(ArenaKind kind) {
        soil(kind);
        Arena arena = open(kind);
        for (int count : new int[] {0, 1, 3, 1_000, 30_000}) {
            int[] ints = new int[count];
            long[] longs = new long[count];
            byte[] bytes = new byte[count];
            for (int index = 0; index < count; index++) {
                ints[index] = index * 31;
                longs[index] = index * 1_000_003L;
                bytes[index] = (byte) index;
            }
            assertThat(arena.allocateFrom(ValueLayout.JAVA_INT, ints).toArray(ValueLayout.JAVA_INT))
                    .isEqualTo(ints);
            assertThat(arena.allocateFrom(ValueLayout.JAVA_LONG, longs).toArray(ValueLayout.JAVA_LONG))
                    .isEqualTo(longs);
            assertThat(arena.allocateFrom(ValueLayout.JAVA_BYTE, bytes).toArray(ValueLayout.JAVA_BYTE))
                    .isEqualTo(bytes);
        }
        assertThat(arena.allocateFrom(ValueLayout.JAVA_SHORT, (short) 1, (short) 2)
                        .toArray(ValueLayout.JAVA_SHORT))
                .containsExactly(1, 2);
        assertThat(arena.allocateFrom(ValueLayout.JAVA_CHAR, 'a', 'ä').toArray(ValueLayout.JAVA_CHAR))
                .containsExactly('a', 'ä');
        assertThat(arena.allocateFrom(ValueLayout.JAVA_FLOAT, 1f, 2f).toArray(ValueLayout.JAVA_FLOAT))
                .containsExactly(1f, 2f);
        assertThat(arena.allocateFrom(ValueLayout.JAVA_DOUBLE, 1.0, 2.0).toArray(ValueLayout.JAVA_DOUBLE))
                .containsExactly(1.0, 2.0);
    }

    @ContractPoint("Elements of a segment, from an offset, with their bytes turned where the orders differ")
    void elementsOfASegmentAreCopied(ArenaKind kind) {
        soil(kind);
        Arena arena = open(kind);
        ValueLayout.OfInt big = ValueLayout.JAVA_INT.withOrder(ByteOrder.BIG_ENDIAN);
        MemorySegment source = MemorySegment.ofArray(new int[] {1, 2, 3, 4});
        MemorySegment turned = arena.allocateFrom(big, source, ValueLayout.JAVA_INT, 4, 2);
        assertThat(turned.byteSize()).isEqualTo(8);
        assertThat(turned.getAtIndex(big, 0)).isEqualTo(2);
        assertThat(turned.getAtIndex(big, 1)).isEqualTo(3);
        assertThat(turned.address() % 4).isZero();
    }

    @ContractPoint("Elements outside of the source, of another type, or below none are refused; the arena goes on")
    void wrongElementsAreRefused(ArenaKind kind) {
        Arena arena = open(kind);
        MemorySegment source = MemorySegment.ofArray(new int[] {1, 2, 3, 4});
        assertThatThrownBy(() -> arena.allocateFrom(ValueLayout.JAVA_INT, source, ValueLayout.JAVA_INT, 0, 5))
                .isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> arena.allocateFrom(ValueLayout.JAVA_INT, source, ValueLayout.JAVA_INT, -4, 1))
                .isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> arena.allocateFrom(ValueLayout.JAVA_LONG, source, ValueLayout.JAVA_INT, 0, 1))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> arena.allocateFrom(ValueLayout.JAVA_INT, source, ValueLayout.JAVA_INT, 0, -1))
                .isInstanceOf(IllegalArgumentException.class);
        if (kind.is(Trait.HEAP)) { // 2^64 bytes, for which the JDK's own arenas hand out none
            assertThatThrownBy(
                            () -> arena.allocateFrom(ValueLayout.JAVA_INT, source, ValueLayout.JAVA_INT, 0, 1L << 62))
                    .isInstanceOf(IllegalArgumentException.class);
        }
        assertThat(arena.allocateFrom(ValueLayout.JAVA_INT, 7).get(ValueLayout.JAVA_INT, 0))
                .isEqualTo(7);
    }

    @ContractPoint("A source that was closed, or is another thread's, is refused; the arena goes on")
    void aClosedSourceIsRefused(ArenaKind kind) throws Exception {
        Arena arena = open(kind);
        MemorySegment closed;
        try (Arena other = kind == ArenaKind.JDK_AUTO ? Arena.ofConfined() : heap.ofConfined()) {
            closed = other.allocate(16, 8);
            MemorySegment confined = closed;
            Boolean done = elsewhere(() -> {
                try (Arena theirs = heap.ofConfined()) {
                    assertOtherThread(
                            () -> theirs.allocateFrom(ValueLayout.JAVA_INT, confined, ValueLayout.JAVA_INT, 0, 4));
                }
                return true;
            });
            assertThat(done).isTrue();
        }
        assertClosed(() -> arena.allocateFrom(ValueLayout.JAVA_INT, closed, ValueLayout.JAVA_INT, 0, 4));
        assertThat(arena.allocateFrom("on").getString(0)).isEqualTo("on");
    }
}
