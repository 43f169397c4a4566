package malloc4j.bytes;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/// What is refused, with what exception, and that nothing was written.
class BytesRefusalsTest {
    private static final long BYTE_SIZE = 1000;

    /// An operation on one range of a segment.
    private interface OnSegment {
        void run(MemorySegment segment, long offset, long byteSize);
    }

    /// An operation on one range of addresses.
    private interface OnAddress {
        void run(long address, long byteSize);
    }

    private final MemorySegment other = MemorySegment.ofArray(new byte[(int) BYTE_SIZE]);

    private Map<String, OnSegment> writers() {
        Map<String, OnSegment> writers = new LinkedHashMap<>();
        writers.put("memset", (segment, offset, byteSize) -> Bytes.memset(segment, offset, 7, byteSize));
        writers.put("explicitBzero", Bytes::explicitBzero);
        writers.put("memcpy", (segment, offset, byteSize) -> Bytes.memcpy(segment, offset, other, 0, byteSize));
        writers.put("memmove", (segment, offset, byteSize) -> Bytes.memmove(segment, offset, other, 0, byteSize));
        return writers;
    }

    private Map<String, OnSegment> readers() {
        Map<String, OnSegment> readers = new LinkedHashMap<>();
        readers.put("memcpy from", (segment, offset, byteSize) -> Bytes.memcpy(other, 0, segment, offset, byteSize));
        readers.put("memmove from", (segment, offset, byteSize) -> Bytes.memmove(other, 0, segment, offset, byteSize));
        readers.put("memcmp left", (segment, offset, byteSize) -> {
            int unused = Bytes.memcmp(segment, offset, other, 0, byteSize);
        });
        readers.put("memcmp right", (segment, offset, byteSize) -> {
            int unused = Bytes.memcmp(other, 0, segment, offset, byteSize);
        });
        readers.put("memchr", (segment, offset, byteSize) -> {
            long unused = Bytes.memchr(segment, offset, 'x', byteSize);
        });
        readers.put("memrchr", (segment, offset, byteSize) -> {
            long unused = Bytes.memrchr(segment, offset, 'x', byteSize);
        });
        readers.put("memmem haystack", (segment, offset, byteSize) -> {
            long unused = Bytes.memmem(segment, offset, byteSize, other, 0, byteSize == 1 ? 1 : 2);
        });
        readers.put("memmem needle", (segment, offset, byteSize) -> {
            long unused = Bytes.memmem(other, 0, BYTE_SIZE, segment, offset, byteSize);
        });
        return readers;
    }

    private Map<String, OnSegment> all() {
        Map<String, OnSegment> all = writers();
        all.putAll(readers());
        return all;
    }

    @Test
    void rangesOutOfBounds() {
        MemorySegment segment = MemorySegment.ofArray(new byte[(int) BYTE_SIZE]);
        long[][] ranges = {
            {0, BYTE_SIZE + 1},
            {BYTE_SIZE, 1},
            {BYTE_SIZE + 1, 0},
            {-1, 1},
            {-1, 0},
            {0, -1},
            {5, -5},
            {1, BYTE_SIZE},
            {BYTE_SIZE - 3, 8},
            {Long.MAX_VALUE, Long.MAX_VALUE},
            {Long.MAX_VALUE, 1},
            {1, Long.MAX_VALUE},
            {Long.MIN_VALUE, Long.MIN_VALUE}
        };
        all().forEach((name, operation) -> {
            for (long[] range : ranges) {
                assertThatExceptionOfType(IndexOutOfBoundsException.class)
                        .as("%s of [%s, +%s)", name, range[0], range[1])
                        .isThrownBy(() -> operation.run(segment, range[0], range[1]))
                        .withMessageMatching("offset=(0|" + range[0] + "), byteSize=" + range[1]
                                + ": must lie within the segment's 1000 bytes");
            }
            operation.run(segment, BYTE_SIZE, 0);
        });
        assertThat(segment.toArray(ValueLayout.JAVA_BYTE)).containsOnly(0);
        assertThat(other.toArray(ValueLayout.JAVA_BYTE)).containsOnly(0);
    }

    /// Of sizes that take different ways.
    private static final List<Long> WAYS = List.of(1L, 5L, 8L, 16L, 17L, 31L, 40L, 64L, 65L, 600L, BYTE_SIZE);

    @Test
    void readOnlySegmentsAreNotWritten() {
        try (Arena arena = Arena.ofConfined()) {
            for (MemorySegment segment : List.of(other, arena.allocate(BYTE_SIZE))) {
                writers().forEach((name, operation) -> {
                    for (long byteSize : WAYS) {
                        assertThatIllegalArgumentException()
                                .as("%s of %s bytes", name, byteSize)
                                .isThrownBy(() -> operation.run(segment.asReadOnly(), 0, byteSize))
                                .withMessage("Attempt to write a read-only segment");
                    }
                });
                assertThat(segment.toArray(ValueLayout.JAVA_BYTE)).containsOnly(0);
                readers().forEach((name, operation) -> operation.run(segment.asReadOnly(), 0, BYTE_SIZE));
            }
        }
    }

    @Test
    void closedSegmentsAreNotTouched() {
        for (Arena arena : List.of(Arena.ofConfined(), Arena.ofShared())) {
            MemorySegment segment = arena.allocate(BYTE_SIZE);
            arena.close();
            all().forEach((name, operation) -> {
                for (long byteSize : WAYS) {
                    assertThatIllegalStateException()
                            .as("%s of %s bytes", name, byteSize)
                            .isThrownBy(() -> operation.run(segment, 0, byteSize))
                            .withMessage("Already closed");
                }
            });
        }
    }

    @Test
    void confinedSegmentsAreTheirThreads() throws InterruptedException {
        MemorySegment[] segments = new MemorySegment[1];
        Thread owner = new Thread(() -> segments[0] = Arena.ofConfined().allocate(BYTE_SIZE));
        owner.start();
        owner.join();
        all().forEach((name, operation) -> {
            for (long byteSize : WAYS) {
                assertThatExceptionOfType(WrongThreadException.class)
                        .as("%s of %s bytes", name, byteSize)
                        .isThrownBy(() -> operation.run(segments[0], 0, byteSize));
            }
        });
    }

    @Test
    void addressesThatAreNoRange() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment memory = arena.allocate(BYTE_SIZE);
            long[][] ranges = {
                {0, 1}, {0, 100}, {-1, 1}, {Long.MIN_VALUE, 1}, {memory.address(), -1}, {Long.MAX_VALUE, 1}, {1, -1}
            };
            onAddresses(memory.address()).forEach((name, operation) -> {
                for (long[] range : ranges) {
                    assertThatIllegalArgumentException()
                            .as("%s of [%s, +%s)", name, range[0], range[1])
                            .isThrownBy(() -> operation.run(range[0], range[1]))
                            .withMessageMatching(name.split(" ", 2)[0] + "\\(address=0x("
                                    + Long.toHexString(range[0]) + "|" + Long.toHexString(memory.address())
                                    + "), byteSize=" + range[1]
                                    + " bytes\\): an address is from 1, a size from 0, and their sum at most "
                                    + Long.MAX_VALUE);
                }
                operation.run(0, 0);
                operation.run(-1, 0);
            });
            assertThat(memory.toArray(ValueLayout.JAVA_BYTE)).containsOnly(0);
        }
    }

    /// Each takes a good address where it has a second one.
    private static Map<String, OnAddress> onAddresses(long good) {
        Map<String, OnAddress> all = new LinkedHashMap<>();
        all.put("memset", (address, byteSize) -> Bytes.memset(address, 7, byteSize));
        all.put("explicitBzero", Bytes::explicitBzero);
        all.put("memcpy to", (address, byteSize) -> Bytes.memcpy(address, good, byteSize));
        all.put("memcpy from", (address, byteSize) -> Bytes.memcpy(good, address, byteSize));
        all.put("memmove to", (address, byteSize) -> Bytes.memmove(address, good, byteSize));
        all.put("memmove from", (address, byteSize) -> Bytes.memmove(good, address, byteSize));
        all.put("memcmp left", (address, byteSize) -> Bytes.memcmp(address, good, byteSize));
        all.put("memcmp right", (address, byteSize) -> Bytes.memcmp(good, address, byteSize));
        all.put("memchr", (address, byteSize) -> Bytes.memchr(address, 'x', byteSize));
        all.put("memrchr", (address, byteSize) -> Bytes.memrchr(address, 'x', byteSize));
        all.put("memmem haystack", (address, byteSize) -> Bytes.memmem(address, byteSize, good, 2));
        all.put("memmem needle", (address, byteSize) -> Bytes.memmem(good, 2, address, byteSize));
        return all;
    }

    @Test
    void addressesOfEmptyNeedlesAndHaystacks() {
        assertThat(Bytes.memmem(0, 0, 0, 0)).isZero();
        assertThat(Bytes.memmem(77, 0, 0, 0)).isEqualTo(77);
        assertThat(Bytes.memmem(0, 0, 77, 1)).isZero();
        assertThat(Bytes.memchr(0, 0, 0)).isZero();
        assertThat(Bytes.memcmp(0, 0, 0)).isZero();
    }

    @Test
    @SuppressWarnings("NullAway")
    void nulls() {
        List<Consumer<@Nullable MemorySegment>> operations = List.of(
                nothing -> Bytes.memset(nothing, 1),
                nothing -> Bytes.memcpy(nothing, 0, other, 0, 1),
                nothing -> Bytes.memmove(other, 0, nothing, 0, 1),
                nothing -> Bytes.memcmp(nothing, other),
                nothing -> Bytes.memchr(nothing, 1),
                nothing -> Bytes.memrchr(nothing, 1),
                nothing -> Bytes.memmem(other, nothing),
                nothing -> Bytes.explicitBzero(nothing));
        for (Consumer<@Nullable MemorySegment> operation : operations) {
            ThrowingCallable call = () -> operation.accept(null);
            assertThatNullPointerException().isThrownBy(call);
        }
    }
}
