package malloc4j.arena;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import malloc4j.HeapArena;
import malloc4j.arena.ArenaKind.Trait;

/// What allocating from an arena gives, and what it refuses.
class AllocationTest extends ArenaContract {
    private static final long[] BYTE_SIZES = {1, 8, 100, 1_000, 3_000, 5_000, 9_000, 33_000, 70_000, 3 << 20};

    @ContractPoint("A segment is native, writable, and exactly as large as was asked for")
    void aSegmentIsAsLargeAsWasAskedFor(ArenaKind kind) {
        Arena arena = open(kind);
        for (long byteSize : BYTE_SIZES) {
            MemorySegment segment = arena.allocate(byteSize, 1);
            assertThat(segment.byteSize()).isEqualTo(byteSize);
            assertThat(segment.isNative()).isTrue();
            assertThat(segment.isReadOnly()).isFalse();
            assertThat(segment.isMapped()).isFalse();
            assertThat(segment.heapBase()).isEmpty();
            assertThatThrownBy(() -> segment.get(ValueLayout.JAVA_BYTE, byteSize))
                    .isInstanceOf(IndexOutOfBoundsException.class);
            assertThatThrownBy(() -> segment.asSlice(0, byteSize + 1)).isInstanceOf(IndexOutOfBoundsException.class);
        }
    }

    @ContractPoint("Segments are zero, also where the memory was used before")
    void segmentsAreZero(ArenaKind kind) {
        for (int round = 0; round < 4; round++) {
            Arena arena = open(kind);
            for (long byteSize : BYTE_SIZES) {
                MemorySegment segment = arena.allocate(byteSize, 1);
                assertThat(segment.mismatch(MemorySegment.ofArray(new byte[(int) byteSize])))
                        .isEqualTo(-1);
                segment.fill((byte) -1);
            }
            if (kind.is(Trait.CLOSEABLE)) {
                arena.close();
            }
        }
    }

    @ContractPoint("An address is a multiple of the alignment, up to 1 MiB")
    void addressesAreAligned(ArenaKind kind) {
        Arena arena = open(kind);
        for (long byteAlignment = 1; byteAlignment <= 1 << 20; byteAlignment <<= 1) {
            for (long byteSize : new long[] {0, 1, 100, 5_000}) {
                assertThat(arena.allocate(byteSize, byteAlignment).address() % byteAlignment)
                        .isZero();
            }
        }
    }

    @ContractPoint("No two segments overlap")
    void noTwoSegmentsOverlap(ArenaKind kind) {
        Arena arena = open(kind);
        SplittableRandom random = new SplittableRandom(7);
        List<MemorySegment> segments = new ArrayList<>();
        for (int count = 0; count < 1_000; count++) {
            segments.add(arena.allocate(random.nextInt(count % 20 == 0 ? 100_000 : 200), 1L << random.nextInt(8)));
        }
        segments.sort((one, other) -> Long.compare(one.address(), other.address()));
        for (int index = 1; index < segments.size(); index++) {
            assertThat(segments.get(index - 1).asOverlappingSlice(segments.get(index)))
                    .isEmpty();
        }
    }

    @ContractPoint("A segment of no bytes has an aligned address of its own, and the scope")
    void aSegmentOfNoBytesHasItsOwnAddress(ArenaKind kind) {
        Arena arena = open(kind);
        Set<Long> addresses = new HashSet<>();
        for (long byteAlignment = 1; byteAlignment <= 4_096; byteAlignment <<= 1) {
            for (int count = 0; count < 20; count++) {
                MemorySegment segment = arena.allocate(0, byteAlignment);
                assertThat(segment.byteSize()).isZero();
                assertThat(segment.address() % byteAlignment).isZero();
                assertThat(segment.scope()).isEqualTo(arena.scope());
                assertThat(addresses.add(segment.address())).isTrue();
            }
        }
        assertThat(addresses).doesNotContain(0L);
        assertThat(arena.allocate(MemoryLayout.sequenceLayout(0, ValueLayout.JAVA_LONG))
                        .byteSize())
                .isZero();
        assertThat(arena.allocateFrom(ValueLayout.JAVA_INT, new int[0]).byteSize())
                .isZero();
        assertThat(arena.allocate(ValueLayout.JAVA_INT, 0).asByteBuffer().capacity())
                .isZero();
    }

    @ContractPoint("A negative size, and an alignment that is no power of two, is an IllegalArgumentException")
    void badArgumentsAreRefused(ArenaKind kind) {
        Arena arena = open(kind);
        for (long byteSize : new long[] {-1, -8, Long.MIN_VALUE}) {
            assertThatThrownBy(() -> arena.allocate(byteSize)).isExactlyInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> arena.allocate(byteSize, 8)).isExactlyInstanceOf(IllegalArgumentException.class);
        }
        for (long byteAlignment : new long[] {0, -1, -8, 3, 24, Long.MIN_VALUE, Long.MAX_VALUE}) {
            assertThatThrownBy(() -> arena.allocate(8, byteAlignment))
                    .isExactlyInstanceOf(IllegalArgumentException.class);
        }
        assertThat(arena.allocate(8, 8).byteSize()).isEqualTo(8);
    }

    @ContractPoint("A size that no memory has is an OutOfMemoryError, and the arena goes on")
    void hugeSizesAreOutOfMemory(ArenaKind kind) {
        Arena arena = open(kind);
        for (long byteSize : new long[] {Long.MAX_VALUE, Long.MAX_VALUE - 4_096, 1L << 62, 1L << 55}) {
            for (long byteAlignment : new long[] {1, 64, 1 << 20}) {
                assertThatThrownBy(() -> arena.allocate(byteSize, byteAlignment))
                        .isInstanceOf(OutOfMemoryError.class);
            }
        }
        assertThat(arena.allocate(8, 8).byteSize()).isEqualTo(8);
    }

    @ContractPoint("Layouts give size and alignment; a count whose product no long holds, or below 0, is refused")
    void layoutsGiveSizeAndAlignment(ArenaKind kind) {
        Arena arena = open(kind);
        MemoryLayout layout = MemoryLayout.structLayout(ValueLayout.JAVA_LONG, ValueLayout.JAVA_INT)
                .withByteAlignment(256);
        assertThat(arena.allocate(layout).byteSize()).isEqualTo(12);
        assertThat(arena.allocate(layout).address() % 256).isZero();
        assertThat(arena.allocate(ValueLayout.JAVA_SHORT, 7).byteSize()).isEqualTo(14);
        assertThatThrownBy(() -> arena.allocate(ValueLayout.JAVA_INT, -1))
                .isExactlyInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> arena.allocate(ValueLayout.JAVA_LONG, 1L << 61))
                .isExactlyInstanceOf(IllegalArgumentException.class);
    }

    @ContractPoint("Null is a NullPointerException")
    @SuppressWarnings({"NullAway", "DataFlowIssue"})
    void nullIsRefused(ArenaKind kind) {
        Arena arena = open(kind);
        assertThatThrownBy(() -> arena.allocate((MemoryLayout) null)).isInstanceOf(NullPointerException.class);
        assertThatThrownBy(() -> arena.allocate(null, 1)).isInstanceOf(NullPointerException.class);
        assertThatThrownBy(() -> arena.allocateFrom((String) null)).isInstanceOf(NullPointerException.class);
        assertThatThrownBy(() -> arena.allocateFrom("text", null)).isInstanceOf(NullPointerException.class);
        assertThatThrownBy(() -> arena.allocateFrom(ValueLayout.JAVA_INT, (int[]) null))
                .isInstanceOf(NullPointerException.class);
        assertThatThrownBy(() -> arena.allocateFrom(null, MemorySegment.NULL, ValueLayout.JAVA_INT, 0, 0))
                .isInstanceOf(NullPointerException.class);
    }

    @ContractPoint(value = "Beyond the JDK's: a request may leave the memory as it is; all else holds", of = Trait.HEAP)
    void unzeroedSegmentsAreAsOthersButNotZero(ArenaKind kind) {
        HeapArena arena = (HeapArena) open(kind);
        List<MemorySegment> segments = new ArrayList<>();
        for (long byteSize : BYTE_SIZES) {
            segments.add(arena.allocateUnzeroed(byteSize, 64));
            segments.add(arena.unzeroed().allocate(byteSize, 64));
            segments.add(arena.allocate(byteSize, 64));
            assertThat(segments.getLast().mismatch(MemorySegment.ofArray(new byte[(int) byteSize])))
                    .isEqualTo(-1);
            for (MemorySegment each : segments.subList(segments.size() - 3, segments.size())) {
                assertThat(each.byteSize()).isEqualTo(byteSize);
                assertThat(each.address() % 64).isZero();
                assertThat(each.scope()).isEqualTo(arena.scope());
                each.fill((byte) -1);
            }
        }
        segments.sort((one, other) -> Long.compare(one.address(), other.address()));
        for (int index = 1; index < segments.size(); index++) {
            assertThat(segments.get(index - 1).asOverlappingSlice(segments.get(index)))
                    .isEmpty();
        }
        assertThatThrownBy(() -> arena.allocateUnzeroed(-1, 8))
                .isExactlyInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("allocateUnzeroed(byteSize=-1, byteAlignment=8)");
        assertThatThrownBy(() -> arena.allocateUnzeroed(Long.MAX_VALUE, 8)).isInstanceOf(OutOfMemoryError.class);
        if (kind.is(Trait.CLOSEABLE)) {
            arena.close();
            assertClosed(() -> arena.allocateUnzeroed(8, 8));
            assertClosed(() -> arena.unzeroed().allocateFrom("text"));
        }
    }

    @ContractPoint(
            value = "Beyond the JDK's: what was not zeroed by one request is zeroed for the next",
            of = {Trait.HEAP, Trait.CLOSEABLE})
    void memoryThatWasLeftAsItIsIsZeroedLater(ArenaKind kind) {
        for (int round = 0; round < 6; round++) {
            HeapArena arena = (HeapArena) open(kind);
            for (long byteSize : BYTE_SIZES) {
                arena.allocateUnzeroed(byteSize, 1).fill((byte) -1);
                assertThat(arena.allocate(byteSize, 1).mismatch(MemorySegment.ofArray(new byte[(int) byteSize])))
                        .isEqualTo(-1);
            }
            arena.close();
        }
    }
}
