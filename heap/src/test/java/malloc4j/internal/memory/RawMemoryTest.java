package malloc4j.internal.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/// Reads and writes reach the very bytes that a segment of the JDK sees at the same address.
class RawMemoryTest {
    @Test
    void wordsAreWhereASegmentSeesThem() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment segment = arena.allocate(64, 8);
            long address = segment.address();
            RawMemory.putLong(address + 8, 0x0102_0304_0506_0708L);
            RawMemory.putInt(address + 16, 0x1112_1314);
            RawMemory.putByte(address + 63, (byte) 9);
            assertThat(segment.get(ValueLayout.JAVA_LONG, 8)).isEqualTo(0x0102_0304_0506_0708L);
            assertThat(segment.get(ValueLayout.JAVA_INT, 16)).isEqualTo(0x1112_1314);
            assertThat(segment.get(ValueLayout.JAVA_BYTE, 63)).isEqualTo((byte) 9);
            assertThat(RawMemory.getLong(address + 8)).isEqualTo(RawMemory.getLongVolatile(address + 8));
            assertThat(RawMemory.getIntAcquire(address + 16)).isEqualTo(0x1112_1314);
            assertThat(RawMemory.getLong(address + 1)).isEqualTo(segment.get(ValueLayout.JAVA_LONG_UNALIGNED, 1));
        }
    }

    @Test
    void atomicsReturnWhatWasBefore() {
        try (Arena arena = Arena.ofConfined()) {
            long address = arena.allocate(16, 8).address();
            assertThat(RawMemory.getAndOrLong(address, 0b1100)).isZero();
            assertThat(RawMemory.getAndAndLong(address, 0b0110)).isEqualTo(0b1100);
            assertThat(RawMemory.getAndSetLong(address, 7)).isEqualTo(0b0100);
            assertThat(RawMemory.getLong(address)).isEqualTo(7);
            assertThat(RawMemory.compareAndSetInt(address + 8, 1, 2)).isFalse();
            assertThat(RawMemory.compareAndSetInt(address + 8, 0, 2)).isTrue();
            RawMemory.putIntVolatile(address + 8, 3);
            RawMemory.putIntRelease(address + 12, 4);
            assertThat(RawMemory.getInt(address + 8)).isEqualTo(3);
            assertThat(RawMemory.getInt(address + 12)).isEqualTo(4);
        }
    }

    @Test
    void overlappingCopiesKeepTheBytes() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment segment = arena.allocateFrom(ValueLayout.JAVA_BYTE, new byte[] {1, 2, 3, 4, 5, 6});
            RawMemory.copy(segment.address(), segment.address() + 2, 4);
            RawMemory.fill(segment.address(), 1, (byte) 9);
            assertThat(segment.toArray(ValueLayout.JAVA_BYTE)).containsExactly(9, 2, 1, 2, 3, 4);
        }
    }

    @Test
    void aSegmentOfAnArenaEndsWithIt() {
        AtomicInteger closed = new AtomicInteger();
        Arena memory = Arena.ofAuto();
        long address = memory.allocate(8, 8).address();
        MemorySegment segment;
        try (Arena arena = Arena.ofConfined()) {
            RawMemory.onClose(arena, closed::incrementAndGet);
            segment = RawMemory.segment(address, 8, arena);
            segment.set(ValueLayout.JAVA_LONG, 0, 5);
            assertThat(closed).hasValue(0);
        }
        assertThat(closed).hasValue(1);
        assertThatIllegalStateException().isThrownBy(() -> segment.get(ValueLayout.JAVA_LONG, 0));
        assertThat(RawMemory.segment(address, 8).get(ValueLayout.JAVA_LONG, 0)).isEqualTo(5);
    }
}
