package malloc4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.List;
import java.util.function.LongUnaryOperator;
import java.util.stream.Stream;
import malloc4j.internal.memory.RawMemory;
import malloc4j.internal.os.Errno;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

class CFamilyTest {
    private static final long MIB = 1 << 20;
    private static final long[] SIZES = {0, 24, 5_000, 100_000, 9 * MIB};
    private static final int UNTOUCHED = 77;

    private static HeapOptions.Builder quiet() {
        return HeapOptions.builder()
                .name("c")
                .mmapThresholdBytes(8 * MIB)
                .hardLimitBytes(64 * MIB)
                .purgeDelay(Duration.ofMillis(-1));
    }

    /// Sets this thread's `errno` to what no call here sets.
    private static void clearErrno(CFamily family) {
        assertThat(family.alignedAlloc(3, 8)).isZero();
        assertThat(CFamily.errno()).isEqualTo(Errno.EINVAL);
    }

    @ParameterizedTest
    @EnumSource(MisusePolicy.class)
    void theFamilyWorksOnItsHeap(MisusePolicy policy) {
        try (Heap heap = Heap.create(quiet().build())) {
            CFamily c = heap.cFamily(policy);
            assertThat(c.misusePolicy()).isEqualTo(policy);
            for (long byteSize : SIZES) {
                long block = c.malloc(byteSize);
                assertThat(block).isPositive();
                assertThat(c.usableSize(block))
                        .isEqualTo(heap.usableSize(block))
                        .isGreaterThanOrEqualTo(byteSize);
                RawMemory.fill(block, byteSize, (byte) 7);
                long grown = c.realloc(block, byteSize + 10_000);
                assertThat(byteSize == 0 || RawMemory.getByte(grown + byteSize - 1) == 7)
                        .isTrue();
                long zeroed = c.calloc(byteSize, 1);
                assertThat(byteSize == 0 || RawMemory.getByte(zeroed + byteSize / 2) == 0)
                        .isTrue();
                long aligned = c.alignedAlloc(4096, byteSize);
                assertThat(aligned % 4096).isZero();
                long array = c.reallocarray(aligned, 3, byteSize + 1);
                c.free(grown);
                assertThat(c.realloc(zeroed, 0)).isZero();
                c.free(array);
                c.free(0);
            }
            assertThat(c.usableSize(0)).isZero();
            assertThat(c.misuseCount()).isZero();
            assertThat(heap.statistics().liveBlocks()).isZero();
            heap.verify();
        }
    }

    @ParameterizedTest
    @EnumSource(MisusePolicy.class)
    void whatCannotBeHadIsZeroWithErrno(MisusePolicy policy) {
        try (Heap heap = Heap.create(quiet().build())) {
            CFamily c = heap.cFamily(policy);
            long block = c.malloc(100);
            LongUnaryOperator[] requests = {
                byteSize -> c.malloc(byteSize),
                byteSize -> c.calloc(1, byteSize),
                byteSize -> c.calloc(byteSize, byteSize),
                byteSize -> c.realloc(block, byteSize),
                byteSize -> c.realloc(0, byteSize),
                byteSize -> c.reallocarray(block, byteSize, 1),
                byteSize -> c.reallocarray(block, byteSize, byteSize),
                byteSize -> c.alignedAlloc(64, byteSize)
            };
            for (LongUnaryOperator request : requests) {
                for (long byteSize :
                        new long[] {65 * MIB, 1L << 46, (1L << 46) + 1, Long.MAX_VALUE, -1, Long.MIN_VALUE}) {
                    clearErrno(c);
                    assertThat(request.applyAsLong(byteSize)).isZero();
                    assertThat(CFamily.errno()).isEqualTo(Errno.ENOMEM);
                }
            }
            for (long alignment : new long[] {0, 3, 24, -1}) {
                assertThat(c.malloc(-1)).isZero();
                assertThat(c.alignedAlloc(alignment, 8)).isZero();
                assertThat(CFamily.errno()).isEqualTo(Errno.EINVAL);
            }
            assertThat(c.usableSize(block)).isEqualTo(112);
            c.free(block);
            assertThat(heap.statistics().liveBlocks()).isZero();
            heap.verify();
        }
    }

    @ParameterizedTest
    @EnumSource(MisusePolicy.class)
    void posixMemalignAnswersAndLeavesErrno(MisusePolicy policy) {
        try (Heap heap = Heap.create(quiet().build());
                Arena arena = Arena.ofConfined()) {
            CFamily c = heap.cFamily(policy);
            MemorySegment out = arena.allocate(8);
            out.set(ValueLayout.JAVA_LONG, 0, UNTOUCHED);
            clearErrno(c);
            assertThat(c.posixMemalign(out, 24, 8)).isEqualTo(Errno.EINVAL);
            assertThat(c.posixMemalign(out, 4, 8)).isEqualTo(Errno.EINVAL);
            assertThat(c.posixMemalign(out, 64, 1L << 50)).isEqualTo(Errno.ENOMEM);
            assertThat(out.get(ValueLayout.JAVA_LONG, 0)).isEqualTo(UNTOUCHED);
            assertThat(CFamily.errno()).isEqualTo(Errno.EINVAL);
            assertThat(c.posixMemalign(out, 64, 8)).isZero();
            c.free(out.get(ValueLayout.JAVA_LONG, 0));
            for (MemorySegment refusing : List.of(out.asReadOnly(), out.asSlice(0, 4))) {
                if (policy == MisusePolicy.THROW) {
                    assertThatThrownBy(() -> c.posixMemalign(refusing, 64, 8)).isInstanceOf(RuntimeException.class);
                } else {
                    assertThat(c.posixMemalign(refusing, 64, 8)).isEqualTo(Errno.EFAULT);
                }
            }
            assertThat(heap.statistics().liveBlocks()).isZero();
        }
    }

    private enum Sin {
        FREED,
        INSIDE,
        FOREIGN,
        WILD,
        OF_ANOTHER_HEAP;

        long address(Heap heap, Heap other, long byteSize) {
            long block = heap.malloc(byteSize);
            return switch (this) {
                case FREED -> {
                    heap.free(block);
                    yield block;
                }
                case INSIDE -> block + 16;
                case FOREIGN -> MemorySegment.ofArray(new byte[1]).address() + (1L << 40) + 1;
                case WILD -> -16;
                case OF_ANOTHER_HEAP -> other.malloc(byteSize);
            };
        }
    }

    private enum Call {
        FREE,
        REALLOC,
        REALLOC_TO_NOTHING,
        REALLOCARRAY,
        USABLE_SIZE;

        long make(CFamily c, long address) {
            return switch (this) {
                case FREE -> {
                    c.free(address);
                    yield 0;
                }
                case REALLOC -> c.realloc(address, 40);
                case REALLOC_TO_NOTHING -> c.realloc(address, 0);
                case REALLOCARRAY -> c.reallocarray(address, 3, 400);
                case USABLE_SIZE -> c.usableSize(address);
            };
        }
    }

    static Stream<Arguments> misuses() {
        return Stream.of(MisusePolicy.values())
                .flatMap(policy -> Stream.of(Sin.values()).map(sin -> Arguments.of(policy, sin)));
    }

    @ParameterizedTest
    @MethodSource("misuses")
    void misuseIsReportedAsThePolicySaysAndChangesNothing(MisusePolicy policy, Sin sin) {
        try (Heap heap = Heap.create(quiet().build());
                Heap other = Heap.create(quiet().build())) {
            CFamily c = heap.cFamily(policy);
            for (long byteSize : new long[] {48, 5_000, 100_000, 9 * MIB}) {
                long address = sin.address(heap, other, byteSize);
                long live = heap.statistics().liveBytes();
                for (Call call : Call.values()) {
                    long before = c.misuseCount();
                    assertThat(c.malloc(-1)).isZero(); // ENOMEM
                    switch (policy) {
                        case THROW ->
                            assertThatThrownBy(() -> call.make(c, address))
                                    .isInstanceOf(BlockMisuseException.class)
                                    .hasMessageContaining("of heap 'c'");
                        case COUNT -> {
                            assertThat(call.make(c, address)).isZero();
                            assertThat(CFamily.errno()).isEqualTo(Errno.ENOMEM);
                        }
                        case FAIL -> {
                            assertThat(call.make(c, address)).isZero();
                            assertThat(CFamily.errno()).isEqualTo(Errno.EINVAL);
                        }
                    }
                    assertThat(c.misuseCount()).isEqualTo(before + 1);
                }
                assertThat(heap.statistics().liveBytes()).isEqualTo(live);
                heap.verify();
                other.verify();
            }
        }
    }

    @ParameterizedTest
    @EnumSource(MisusePolicy.class)
    void anErrorInsideIsThrownWithThrowOnly(MisusePolicy policy) {
        HeapOptions options = quiet().onHardLimit(byteSize -> {
                    throw new UnsupportedOperationException("of the hook");
                })
                .build();
        try (Heap heap = Heap.create(options)) {
            CFamily c = heap.cFamily(policy);
            long block = c.malloc(100);
            LongUnaryOperator[] requests = {
                c::malloc,
                byteSize -> c.calloc(1, byteSize),
                byteSize -> c.realloc(block, byteSize),
                byteSize -> c.reallocarray(block, byteSize, 1),
                byteSize -> c.alignedAlloc(64, byteSize)
            };
            for (LongUnaryOperator request : requests) {
                clearErrno(c);
                if (policy == MisusePolicy.THROW) {
                    assertThatThrownBy(() -> request.applyAsLong(70 * MIB))
                            .isInstanceOf(UnsupportedOperationException.class);
                } else {
                    assertThat(request.applyAsLong(70 * MIB)).isZero();
                    assertThat(CFamily.errno()).isEqualTo(Errno.ENOMEM);
                }
            }
            c.free(block);
            heap.verify();
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = MisusePolicy.class,
            names = {"COUNT", "FAIL"})
    void aCallThatFindsTooLittleStackFails(MisusePolicy policy) {
        try (Heap heap = Heap.create(quiet().build())) {
            CFamily c = heap.cFamily(policy);
            c.free(c.malloc(100_000));
            clearErrno(c);
            int[] failed = {0};
            try {
                descend(c, failed);
            } catch (StackOverflowError end) { // of the test's own recursion
                assertThat(failed[0]).isPositive();
            }
            assertThat(failed[0]).isPositive();
            assertThat(CFamily.errno())
                    .isIn(Errno.ENOMEM, Errno.EINVAL); // as it was, where even setting it is too deep
            heap.verify();
            assertThat(heap.statistics().liveBlocks()).isLessThanOrEqualTo(1); // a free may find too little as well
        }
    }

    private static void descend(CFamily c, int[] failed) {
        long block = c.malloc(100_000);
        if (block == 0) {
            failed[0]++;
            return;
        }
        c.free(block);
        descend(c, failed);
    }

    @Test
    void aClosedHeapHasNoMemoryAndNoBlocks() {
        Heap heap = Heap.create(quiet().build());
        CFamily c = heap.cFamily(MisusePolicy.FAIL);
        long block = c.malloc(100);
        heap.close();
        clearErrno(c);
        assertThat(c.malloc(100)).isZero();
        assertThat(CFamily.errno()).isEqualTo(Errno.ENOMEM);
        c.free(block);
        assertThat(CFamily.errno()).isEqualTo(Errno.EINVAL);
        assertThat(c.usableSize(block)).isZero();
        assertThat(c.misuseCount()).isEqualTo(2);
    }

    @Test
    void errnoIsTheThreadsAndOneForAllFamilies() throws InterruptedException {
        assertThat(Heap.common().cFamily(MisusePolicy.COUNT).malloc(-1)).isZero();
        assertThat(Malloc.errno()).isEqualTo(CFamily.errno()).isEqualTo(Errno.ENOMEM);
        int[] other = {-1};
        Thread thread = Thread.ofPlatform().start(() -> other[0] = CFamily.errno());
        thread.join();
        assertThat(other[0]).isZero();
    }
}
