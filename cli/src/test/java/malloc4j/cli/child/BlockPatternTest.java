package malloc4j.cli.child;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;

class BlockPatternTest {
    @Test
    void findsAnyWrongByte() {
        try (Arena arena = Arena.ofConfined()) {
            for (int byteSize = 1; byteSize <= 40; byteSize++) {
                MemorySegment block = arena.allocate(byteSize, 16);
                BlockPattern.fill(7, block.address(), 0, byteSize);
                BlockPattern.check(7, block.address(), byteSize, "at first");
                for (int offset = 0; offset < byteSize; offset++) {
                    byte right = block.get(JAVA_BYTE, offset);
                    block.set(JAVA_BYTE, offset, (byte) (right ^ 0x10));
                    int size = byteSize;
                    assertThatThrownBy(() -> BlockPattern.check(7, block.address(), size, "when freed"))
                            .isInstanceOf(ChildFailure.class)
                            .hasMessage(
                                    "block of ID 7 at 0x%x, %d bytes: byte %d is 0x%02x instead of 0x%02x when freed",
                                    block.address(), byteSize, offset, (byte) (right ^ 0x10), right);
                    block.set(JAVA_BYTE, offset, right);
                }
            }
        }
    }

    @Test
    void growingFillsFromAnyOffset() {
        try (Arena arena = Arena.ofConfined()) {
            for (int kept = 0; kept <= 33; kept++) {
                MemorySegment block = arena.allocate(50, 16);
                BlockPattern.fill(3, block.address(), 0, kept);
                BlockPattern.fill(3, block.address(), kept, 50);
                BlockPattern.check(3, block.address(), 50, "after realloc");
            }
        }
    }

    @Test
    void blocksOfDifferentObjectsDiffer() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment block = arena.allocate(8, 16);
            BlockPattern.fill(1, block.address(), 0, 8);
            assertThatThrownBy(() -> BlockPattern.check(2, block.address(), 8, "when freed"))
                    .isInstanceOf(ChildFailure.class);
        }
    }

    @Test
    void findsAByteThatIsNotZero() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment block = arena.allocate(21, 16);
            BlockPattern.checkZero(0, block.address(), 21);
            block.set(JAVA_BYTE, 20, (byte) 5);
            assertThatThrownBy(() -> BlockPattern.checkZero(0, block.address(), 21))
                    .hasMessageEndingWith("21 bytes: byte 20 is 0x05 instead of 0x00 after calloc");
        }
    }

    @Test
    void alignmentIsThatOfAnyObjectOfTheSize() {
        assertThat(BlockPattern.naturalAlignment(0)).isEqualTo(1);
        assertThat(BlockPattern.naturalAlignment(7)).isEqualTo(4);
        assertThat(BlockPattern.naturalAlignment(8)).isEqualTo(8);
        assertThat(BlockPattern.naturalAlignment(15)).isEqualTo(8);
        assertThat(BlockPattern.naturalAlignment(16)).isEqualTo(16);
        assertThat(BlockPattern.naturalAlignment(1 << 20)).isEqualTo(16);
        BlockPattern.checkAlignment(4, 0x1010, 16);
        assertThatThrownBy(() -> BlockPattern.checkAlignment(4, 0x1018, 16))
                .hasMessage("block of ID 4 at 0x1018 is not aligned to 16 bytes");
    }
}
