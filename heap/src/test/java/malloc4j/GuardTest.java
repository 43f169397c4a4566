package malloc4j;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Stream;
import malloc4j.internal.memory.RawMemory;
import malloc4j.internal.os.Errno;
import malloc4j.internal.os.SystemCalls;
import malloc4j.internal.region.FakeCalls;
import malloc4j.internal.region.Ground;
import malloc4j.observe.MisuseReport.Block;
import malloc4j.observe.MisuseReport.Finding;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/// Blocks between guards: a touch outside of one, or after it was freed, is an error that says which.
class GuardTest {
    private final Heap heap =
            Heap.create(HeapOptions.builder().name("guarded").guardEvery(1).build());

    @AfterEach
    void close() {
        if (!heap.isClosed()) {
            heap.verify();
            heap.close();
        }
    }

    /// The whole of the block and as much before and behind as an overflow may reach.
    @SuppressWarnings("restricted")
    private static MemorySegment unchecked(long address) {
        return MemorySegment.ofAddress(address).reinterpret(1 << 20);
    }

    private static long allocate(Heap heap, long byteSize) {
        return heap.malloc(byteSize);
    }

    private static void release(Heap heap, long block) {
        heap.free(block);
    }

    @Test
    void everyByteOfABlockMayBeTouched() {
        for (int byteSize = 0; byteSize < 5_000; byteSize += 7) {
            long block = heap.malloc(byteSize);
            assertThat(block % 16).isZero();
            assertThat(heap.usableSize(block)).isEqualTo(Math.max(1, byteSize));
            heap.segment(block).fill((byte) 1);
            heap.free(block);
        }
        assertThat(heap.statistics().liveBlocks()).isZero();
    }

    @Test
    void aTouchPastTheEndIsAnErrorThatCanBeCaught() {
        int caught = 0;
        for (int turn = 0; turn < 200; turn++) {
            long block = heap.malloc(64); // a power of two: without a gap
            try {
                RawMemory.putByte(block + 64, (byte) 1);
                RawMemory.putByte(block - 1, (byte) 1);
            } catch (InternalError fault) {
                caught++;
            }
            try {
                heap.free(block);
            } catch (BlockMisuseException damaged) {
                assertThat(damaged.report().finding()).isEqualTo(Finding.DAMAGED);
            }
        }
        assertThat(caught).isEqualTo(200); // one of the two is a guard, wherever the block is
    }

    @Test
    void whatIsWrittenBesideABlockIsFoundWhenItIsFreed() {
        int found = 0;
        for (int turn = 0; turn < 200; turn++) {
            long block = heap.malloc(100); // leaves 12 bytes behind it, or a page
            RawMemory.putByte(block + 100, (byte) 1);
            try {
                heap.free(block);
            } catch (BlockMisuseException damaged) {
                found++;
                assertThat(damaged)
                        .hasMessageContaining("overflow: the byte 1 past the end of the block of 100 bytes")
                        .hasMessageContaining("allocated by thread")
                        .hasMessageContaining("malloc4j.GuardTest.whatIsWritten");
            }
            assertThatThrownBy(() -> heap.free(block)).isInstanceOf(BlockMisuseException.class);
        }
        assertThat(found).isEqualTo(200);
        assertThat(heap.statistics().liveBlocks()).isZero();
    }

    @Test
    void aTouchAfterFreeIsExplained() {
        requireAddresses();
        long block = allocate(heap, 200);
        release(heap, block);
        assertThatThrownBy(() -> RawMemory.getLong(block)).isInstanceOfSatisfying(InternalError.class, fault -> {
            Optional<String> text = Heap.explain(new IllegalStateException(fault));
            assertThat(text).isPresent();
            assertThat(text.orElseThrow())
                    .startsWith("use after free: 0x" + Long.toHexString(block)
                            + " was touched, 0 bytes into the block of 200")
                    .contains("200 bytes at 0x" + Long.toHexString(block) + " of heap 'guarded', freed")
                    .contains("malloc4j.GuardTest.allocate(GuardTest.java:")
                    .contains("malloc4j.GuardTest.release(GuardTest.java:");
        });
    }

    @Test
    void anErrorIsExplainedByItsOwnTouchWhateverWasAllocatedMeanwhile() throws InterruptedException {
        requireAddresses();
        try (Heap other =
                Heap.create(HeapOptions.builder().name("other").guardEvery(1).build())) {
            for (int turn = 0; turn < 100; turn++) {
                Heap touched = turn % 2 == 0 ? heap : other;
                long block = touched.malloc(100 + turn);
                touched.free(block);
                InternalError fault = fault(block);
                long next = (turn % 3 == 0 ? heap : other).malloc(300);
                Optional<String> text = Heap.explain(fault);
                assertThat(text.orElseThrow()).startsWith("use after free: 0x" + Long.toHexString(block));
                assertThat(Heap.explain(new IllegalStateException(fault))).isEqualTo(text);
                (turn % 3 == 0 ? heap : other).free(next);
            }
            AtomicReference<InternalError> elsewhere = new AtomicReference<>();
            long block = other.malloc(77);
            other.free(block);
            Thread worker = new Thread(() -> {
                other.free(other.malloc(50)); // so that it is watched
                elsewhere.set(fault(block));
            });
            worker.start();
            worker.join();
            assertThat(Heap.explain(requireNonNull(elsewhere.get())).orElseThrow())
                    .startsWith("use after free: 0x" + Long.toHexString(block));
        }
    }

    /// Where the kernel tells no addresses of faults, which was touched is a guess.
    private void requireAddresses() {
        assumeTrue(heap.sampler().faultsRefusal() == 0, "perf_event_open is refused");
    }

    private static InternalError fault(long block) {
        try {
            long unused = RawMemory.getLong(block);
        } catch (InternalError fault) {
            return fault;
        }
        throw new AssertionError("no fault at 0x" + Long.toHexString(block));
    }

    @Test
    void anErrorWithoutATouchOfAGuardIsAGuessThatSaysSo() {
        long block = heap.malloc(123);
        InternalError cut = new InternalError("a fault occurred in an unsafe memory access operation");
        assertThat(Heap.explain(cut).orElseThrow()).contains("Neither the JVM nor the kernel says at which address");
        heap.free(block);
    }

    @Test
    void guardsJoinAgainWhenBlocksAreFreed() throws IOException {
        heap.free(heap.malloc(16));
        long before = mappings();
        for (int round = 0; round < 8; round++) {
            long[] blocks = new long[1_000];
            Arrays.setAll(blocks, place -> heap.malloc(16));
            for (long block : blocks) {
                heap.free(block);
            }
        }
        assertThat(mappings()).isLessThan(before + 50);
    }

    private static long mappings() throws IOException {
        try (Stream<String> lines = Files.lines(Path.of("/proc/self/maps"))) {
            return lines.filter(line -> line.contains("malloc4j-guard")).count();
        }
    }

    @Test
    void aReallocOfADamagedBlockIsRefusedAndLeavesIt() {
        long block = heap.malloc(10);
        RawMemory.putByte(block + 10, (byte) 1);
        RawMemory.putByte(block, (byte) 42);
        assertThatThrownBy(() -> heap.realloc(block, 20))
                .isInstanceOf(BlockMisuseException.class)
                .hasMessageContaining("past the end of the block of 10 bytes was written to; the block is live");
        assertThat(RawMemory.getByte(block)).isEqualTo((byte) 42);
        assertThatThrownBy(() -> heap.free(block)).hasMessageContaining("the block is free now");
        assertThat(heap.statistics().liveBlocks()).isZero();
    }

    @Test
    void aRequestThatTheLimitRefusesAsksTheHook() {
        AtomicReference<Runnable> hook = new AtomicReference<>(() -> {});
        AtomicInteger asked = new AtomicInteger();
        HeapOptions options = HeapOptions.builder()
                .guardEvery(1)
                .profileBytes(1)
                .hardLimitBytes(4 << 20)
                .onHardLimit(wanted -> {
                    requireNonNull(hook.get()).run();
                    return asked.incrementAndGet() == 1;
                })
                .build();
        try (Heap limited = Heap.create(options)) {
            List<Long> blocks = new ArrayList<>();
            for (int count = 0; count < 64; count++) {
                blocks.add(limited.malloc(65_536));
            }
            hook.set(() -> blocks.forEach(limited::free));
            assertThat(limited.malloc(16)).isPositive();
            assertThat(asked.get()).isEqualTo(1);
        }
    }

    @Test
    void ofTwoHeapsTheOneThatWasTouchedLastIsNamed() {
        requireAddresses();
        try (Heap later =
                Heap.create(HeapOptions.builder().name("later").guardEvery(1).build())) {
            for (Heap touched : List.of(later, heap, later)) {
                long block = touched.malloc(64);
                touched.free(block);
                assertThatThrownBy(() -> RawMemory.getLong(block))
                        .isInstanceOfSatisfying(InternalError.class, fault -> {
                            assertThat(Heap.explain(fault).orElseThrow())
                                    .startsWith("use after free: 0x" + Long.toHexString(block))
                                    .contains(" of heap '" + touched.options().name() + "', freed");
                        });
            }
        }
    }

    @Test
    void amongManyBlocksOneIsNamedExactly() {
        requireAddresses();
        long[] blocks = new long[2_000];
        for (int index = 0; index < blocks.length; index++) {
            blocks[index] = heap.malloc(64);
        }
        for (long block : blocks) {
            heap.free(block);
        }
        for (int turn = 0; turn < 5; turn++) {
            long block = blocks[turn * 400];
            assertThatThrownBy(() -> RawMemory.getLong(block)).isInstanceOfSatisfying(InternalError.class, fault -> {
                assertThat(Heap.explain(fault).orElseThrow())
                        .startsWith("use after free: 0x" + Long.toHexString(block));
            });
        }
    }

    @Test
    void aHeapWhoseGuardsAreRefusedLeavesNoMapping() {
        int before = Ground.process().mappings().used();
        SystemCalls calls = FakeCalls.with("memfdCreate", (arguments, perform) -> -Errno.EMFILE);
        try (Heap bare = Heap.create(calls, HeapOptions.builder().guardEvery(1).build())) {
            bare.free(bare.malloc(64));
            assertThat(bare.sampler().guardRefusal()).isEqualTo(-Errno.EMFILE);
        }
        assertThat(Ground.process().mappings().used()).isEqualTo(before);
    }

    @Test
    void aFilterOfSystemCallsMakesReportsGuessesAndIsKnown() {
        for (int errno : new int[] {Errno.EPERM, Errno.EACCES, Errno.ENOSYS}) {
            SystemCalls calls = FakeCalls.with("perfEventOpen", (arguments, perform) -> -errno);
            try (Heap filtered =
                    Heap.create(calls, HeapOptions.builder().guardEvery(1).build())) {
                assertThat(filtered.sampler().faultsRefusal()).isEqualTo(-errno);
                long block = filtered.malloc(99);
                filtered.free(block);
                assertThat(Heap.explain(fault(block)).orElseThrow()).contains("this is a guess", "99 bytes at 0x");
            }
        }
    }

    @Test
    void whatIsUsedUpForTheMomentIsTriedAgain() {
        AtomicInteger tries = new AtomicInteger();
        SystemCalls calls = FakeCalls.with("perfEventOpen", (arguments, perform) -> {
            tries.incrementAndGet();
            return -Errno.EMFILE;
        });
        try (Heap full = Heap.create(calls, HeapOptions.builder().guardEvery(1).build())) {
            full.free(full.malloc(10));
            assertThat(full.sampler().faultsRefusal()).isZero();
            assertThat(tries.get()).isEqualTo(3); // when the heap was made, by malloc, and by free
        }
    }

    @Test
    void anotherErrorIsNotExplained() {
        heap.free(heap.malloc(10));
        assertThat(Heap.explain(new InternalError("other"))).isEmpty();
        assertThat(Heap.explain(new IllegalStateException())).isEmpty();
    }

    @Test
    void aDoubleFreeSaysWhoHasFreedBefore() {
        long block = allocate(heap, 64);
        release(heap, block);
        assertThatThrownBy(() -> heap.free(block)).isInstanceOfSatisfying(BlockMisuseException.class, misuse -> {
            assertThat(misuse.report().finding()).isEqualTo(Finding.FREE_BLOCK);
            Block reported = misuse.report().blockIfAny().orElseThrow();
            assertThat(reported.allocatedIfKnown()
                            .orElseThrow()
                            .stack()
                            .getFirst()
                            .getMethodName())
                    .isEqualTo("allocate");
            assertThat(reported.freedIfKnown().orElseThrow().stack().getFirst().getMethodName())
                    .isEqualTo("release");
            assertThat(misuse).hasMessageContaining("\n    freed by thread");
        });
    }

    @Test
    void aReallocMovesSoThatTheOldBlockIsGuarded() {
        long block = heap.calloc(1, 100);
        RawMemory.putLong(block, 42);
        long moved = heap.realloc(block, 50);
        assertThat(moved).isNotEqualTo(block);
        assertThat(RawMemory.getLong(moved)).isEqualTo(42);
        assertThatThrownBy(() -> RawMemory.getLong(block)).isInstanceOf(InternalError.class);
        heap.free(moved);
    }

    @Test
    void whenEverySlotIsTakenBlocksAreAsAnyOther() {
        List<Long> blocks = new ArrayList<>();
        for (int count = 0; count < 200_000; count++) {
            blocks.add(heap.malloc(32));
        }
        heap.verify();
        assertThat(heap.statistics().liveBlocks()).isEqualTo(200_000);
        assertThat(heap.sampler().guardCensus().liveBlocks()).isBetween(1_000L, 4_096L);
        blocks.forEach(heap::free);
        assertThatCode(heap::verify).doesNotThrowAnyException();
    }

    @Test
    void segmentsOfABlockReadAndWriteIt() {
        long block = heap.malloc(1_000);
        MemorySegment segment = heap.segment(block);
        segment.set(ValueLayout.JAVA_INT, 996, 7);
        assertThat(unchecked(block).get(ValueLayout.JAVA_INT, 996)).isEqualTo(7);
        heap.free(segment);
    }
}
