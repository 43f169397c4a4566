package malloc4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.FutureTask;
import java.util.function.Supplier;
import java.util.stream.Stream;
import malloc4j.internal.region.PageGeometry;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/// The contract of [Arena]: every test of both kinds runs on the JDK's arenas and on those of a heap.
class HeapArenaTest {
    private static final Heap HEAP = Heap.create(
            HeapOptions.builder().name("arenas").mmapThresholdBytes(1 << 20).build());

    /// For automatic arenas, so that blocks that the collector frees at any time are counted in no other test.
    private static final Heap COLLECTED =
            Heap.create(HeapOptions.builder().name("collected").build());

    private record Kind(String name, boolean confined, boolean closeable, Supplier<Arena> open) {
        @Override
        public String toString() {
            return name;
        }
    }

    private static final List<Arena> OPENED = new ArrayList<>();

    private static Kind kind(String name, boolean confined, boolean closeable, Supplier<Arena> open) {
        return new Kind(name, confined, closeable, () -> {
            Arena arena = open.get();
            OPENED.add(arena);
            return arena;
        });
    }

    static Stream<Arguments> all() {
        return Stream.of(
                        kind("JDK confined", true, true, Arena::ofConfined),
                        kind("JDK shared", false, true, Arena::ofShared),
                        kind("JDK auto", false, false, Arena::ofAuto),
                        kind("heap confined", true, true, HEAP::ofConfined),
                        kind("heap shared", false, true, HEAP::ofShared),
                        kind("heap auto", false, false, COLLECTED::ofAuto))
                .map(Arguments::of);
    }

    static Stream<Arguments> closeable() {
        return all().filter(arguments -> ((Kind) arguments.get()[0]).closeable());
    }

    static Stream<Arguments> confined() {
        return all().filter(arguments -> ((Kind) arguments.get()[0]).confined());
    }

    static Stream<Arguments> open() {
        return all().filter(arguments -> !((Kind) arguments.get()[0]).confined());
    }

    /// The heap is not closed before the arenas that are open on it.
    @AfterEach
    void closeArenas() {
        OPENED.forEach(HeapArenaTest::closeIfOpen);
        OPENED.clear();
    }

    private static void closeIfOpen(Arena arena) {
        try {
            arena.close();
        } catch (UnsupportedOperationException | IllegalStateException automaticOrClosed) {
            assertThat(automaticOrClosed)
                    .as("an automatic arena, or one that the test has closed")
                    .isNotNull();
        }
    }

    @AfterEach
    void verifyHeaps() {
        HEAP.verify();
        COLLECTED.verify();
    }

    @AfterAll
    static void closeHeaps() {
        HEAP.close();
        COLLECTED.close();
    }

    private static <T extends Throwable> void assertThrowsInThread(Class<T> type, Runnable action) throws Exception {
        FutureTask<Void> task =
                new FutureTask<>(() -> assertThatThrownBy(action::run).isInstanceOf(type), null);
        Thread thread = Thread.ofPlatform().start(task);
        thread.join();
        task.get();
    }

    @ParameterizedTest
    @MethodSource("all")
    void segmentsAreZeroedAlignedDisjointAndInTheScope(Kind kind) {
        Arena arena = kind.open.get();
        SplittableRandom random = new SplittableRandom(1);
        List<MemorySegment> segments = new ArrayList<>();
        for (int step = 0; step < 400; step++) {
            long byteSize = random.nextInt(step % 20 == 0 ? 100_000 : step % 3 == 0 ? 5_000 : 100);
            long byteAlignment = 1L << random.nextInt(step % 10 == 0 ? 15 : 6);
            MemorySegment segment = arena.allocate(byteSize, byteAlignment);
            assertThat(segment.byteSize()).isEqualTo(byteSize);
            assertThat(segment.address() % byteAlignment).isZero();
            assertThat(segment.scope()).isEqualTo(arena.scope());
            assertThat(segment.isNative()).isTrue();
            assertThat(segment.isReadOnly()).isFalse();
            assertThat(segment.mismatch(MemorySegment.ofArray(new byte[(int) byteSize])))
                    .as("the first byte that is not zero")
                    .isEqualTo(-1);
            segment.fill((byte) -1);
            segments.add(segment);
        }
        segments.sort((one, other) -> Long.compare(one.address(), other.address()));
        for (int index = 1; index < segments.size(); index++) {
            assertThat(segments.get(index - 1).asOverlappingSlice(segments.get(index)))
                    .isEmpty();
        }
        if (kind.closeable) {
            arena.close();
        }
    }

    @ParameterizedTest
    @MethodSource("all")
    void memoryThatWasUsedBeforeIsZeroedAgain(Kind kind) {
        for (int round = 0; round < 20; round++) {
            Arena arena = kind.open.get();
            for (long byteSize : new long[] {1, 8, 100, 3_000, 9_000, 70_000}) {
                MemorySegment segment = arena.allocate(byteSize, 1);
                for (long offset = 0; offset < byteSize; offset++) {
                    assertThat(segment.get(ValueLayout.JAVA_BYTE, offset)).isZero();
                }
                segment.fill((byte) -1);
            }
            if (kind.closeable) {
                arena.close();
            }
        }
    }

    @ParameterizedTest
    @MethodSource("all")
    void zeroBytesAreASegment(Kind kind) {
        Arena arena = kind.open.get();
        MemorySegment segment = arena.allocate(0, 64);
        assertThat(segment.byteSize()).isZero();
        assertThat(segment.address()).isNotZero();
        assertThat(segment.address() % 64).isZero();
        assertThatThrownBy(() -> segment.get(ValueLayout.JAVA_BYTE, 0)).isInstanceOf(IndexOutOfBoundsException.class);
        assertThat(arena.allocate(0).byteSize()).isZero();
    }

    @ParameterizedTest
    @MethodSource("all")
    void segmentsOfNoBytesHaveAddressesOfTheirOwn(Kind kind) {
        Arena arena = kind.open.get();
        Set<Long> addresses = new HashSet<>();
        for (int index = 0; index < 2_000; index++) {
            assertThat(addresses.add(arena.allocate(0, 1).address())).isTrue();
            assertThat(addresses.add(arena.allocate(index % 3, 1).address())).isTrue();
        }
        assertThat(addresses).doesNotContain(arena.allocate(8, 1).address());
        if (kind.closeable) {
            arena.close();
        }
    }

    @ParameterizedTest
    @MethodSource("all")
    void segmentsOfNoBytesHaveNoAddressOfAnotherBlock(Kind kind) {
        Arena arena = kind.open.get();
        Set<Long> addresses = new HashSet<>();
        for (long byteAlignment = 1; byteAlignment <= 1 << 16; byteAlignment <<= 1) { // also in blocks of their own
            assertThat(addresses.add(arena.allocate(0, byteAlignment).address()))
                    .isTrue();
        }
        for (Heap heap : List.of(HEAP, COLLECTED)) {
            List<Long> blocks = new ArrayList<>();
            for (long byteSize = 16; byteSize <= 1 << 16; byteSize <<= 1) {
                for (int index = 0; index < 20; index++) {
                    blocks.add(heap.malloc(byteSize));
                }
            }
            assertThat(addresses).doesNotContainAnyElementsOf(blocks);
            blocks.forEach(heap::free);
        }
        if (kind.closeable) {
            arena.close();
        }
    }

    @ParameterizedTest
    @MethodSource("confined")
    void anotherThreadIsRefusedInTheWordsOfTheJdk(Kind kind) throws Exception {
        try (Arena jdk = Arena.ofConfined();
                Arena arena = kind.open.get()) {
            String[] words = new String[2];
            Thread.ofPlatform()
                    .start(() -> {
                        words[0] = catchThrowableOfType(WrongThreadException.class, () -> jdk.allocate(8))
                                .getMessage();
                        words[1] = catchThrowableOfType(WrongThreadException.class, () -> arena.allocate(8))
                                .getMessage();
                    })
                    .join();
            assertThat(words[1]).isEqualTo(words[0]).contains("outside owning thread");
        }
    }

    @ParameterizedTest
    @MethodSource("all")
    void badArguments(Kind kind) {
        Arena arena = kind.open.get();
        for (long byteSize : new long[] {-1, Long.MIN_VALUE}) {
            assertThatIllegalArgumentException().isThrownBy(() -> arena.allocate(byteSize, 1));
            assertThatIllegalArgumentException().isThrownBy(() -> arena.allocate(byteSize));
        }
        for (long byteAlignment : new long[] {0, -1, 3, 24, Long.MIN_VALUE, Long.MAX_VALUE}) {
            assertThatIllegalArgumentException().isThrownBy(() -> arena.allocate(8, byteAlignment));
        }
        assertThat(arena.allocate(8, 8).byteSize()).isEqualTo(8);
    }

    @ParameterizedTest
    @MethodSource("all")
    void sizesBeyondAnyMemoryAreOutOfMemory(Kind kind) {
        Arena arena = kind.open.get();
        arena.allocate(1);
        for (long byteSize : new long[] {Long.MAX_VALUE, Long.MAX_VALUE - 16, Long.MAX_VALUE - 4096, 1L << 55}) {
            assertThatThrownBy(() -> arena.allocate(byteSize, 1)).isInstanceOf(OutOfMemoryError.class);
            assertThatThrownBy(() -> arena.allocate(byteSize, 64)).isInstanceOf(OutOfMemoryError.class);
        }
        assertThat(arena.allocate(8, 8).byteSize()).isEqualTo(8);
    }

    @ParameterizedTest
    @MethodSource("all")
    void anAlignmentBeyondAnyMemoryIsOutOfMemory(Kind kind) {
        Arena arena = kind.open.get();
        assertThatThrownBy(() -> arena.allocate(8, 1L << 62)).isInstanceOf(OutOfMemoryError.class);
    }

    @ParameterizedTest
    @MethodSource("closeable")
    void closingEndsTheScopeAndEverySegment(Kind kind) {
        Arena arena = kind.open.get();
        MemorySegment segment = arena.allocate(100, 8);
        MemorySegment slice = segment.asSlice(8, 8);
        assertThat(arena.scope().isAlive()).isTrue();
        arena.close();
        assertThat(arena.scope().isAlive()).isFalse();
        assertThat(segment.scope().isAlive()).isFalse();
        for (MemorySegment dead : List.of(segment, slice)) {
            assertThatThrownBy(() -> dead.get(ValueLayout.JAVA_BYTE, 0))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessage("Already closed");
        }
    }

    @ParameterizedTest
    @MethodSource("closeable")
    void aClosedArenaAllocatesNothingAndCannotBeClosedAgain(Kind kind) {
        Arena arena = kind.open.get();
        arena.allocate(8);
        arena.close();
        assertThatThrownBy(() -> arena.allocate(8))
                .isExactlyInstanceOf(IllegalStateException.class)
                .hasMessage("Already closed");
        assertThatThrownBy(() -> arena.allocate(100_000, 64)).isExactlyInstanceOf(IllegalStateException.class);
        assertThatThrownBy(arena::close)
                .isExactlyInstanceOf(IllegalStateException.class)
                .hasMessage("Already closed");
    }

    @ParameterizedTest
    @MethodSource("all")
    void onlySomeArenasCanBeClosed(Kind kind) {
        Arena arena = kind.open.get();
        if (!kind.closeable) {
            MemorySegment segment = arena.allocate(8, 8);
            assertThatThrownBy(arena::close).isInstanceOf(UnsupportedOperationException.class);
            assertThat(segment.get(ValueLayout.JAVA_LONG, 0)).isZero();
        }
        assertThat(arena.scope().isAlive()).isTrue();
    }

    @ParameterizedTest
    @MethodSource("confined")
    void otherThreadsMayNotUseAConfinedArena(Kind kind) throws Exception {
        try (Arena arena = kind.open.get()) {
            MemorySegment segment = arena.allocate(16, 8);
            MemorySegment slice = segment.asSlice(8, 8);
            assertThat(segment.isAccessibleBy(Thread.ofPlatform().unstarted(() -> {})))
                    .isFalse();
            assertThrowsInThread(WrongThreadException.class, () -> arena.allocate(8));
            assertThrowsInThread(WrongThreadException.class, () -> segment.get(ValueLayout.JAVA_LONG, 0));
            assertThrowsInThread(WrongThreadException.class, () -> slice.get(ValueLayout.JAVA_LONG, 0));
            assertThrowsInThread(WrongThreadException.class, arena::close);
            assertThat(slice.get(ValueLayout.JAVA_LONG, 0)).isZero();
        }
    }

    @ParameterizedTest
    @MethodSource("open")
    void anyThreadMayUseTheOthers(Kind kind) throws Exception {
        Arena arena = kind.open.get();
        FutureTask<MemorySegment> task = new FutureTask<>(() -> {
            MemorySegment segment = arena.allocate(ValueLayout.JAVA_LONG);
            segment.set(ValueLayout.JAVA_LONG, 0, 42);
            return segment;
        });
        Thread.ofPlatform().start(task);
        assertThat(task.get().get(ValueLayout.JAVA_LONG, 0)).isEqualTo(42);
        if (kind.closeable) {
            FutureTask<Void> close = new FutureTask<>(arena::close, null);
            Thread.ofPlatform().start(close);
            close.get();
            assertThat(arena.scope().isAlive()).isFalse();
        }
    }

    @ParameterizedTest
    @MethodSource("open")
    void threadsThatAllocateAtOnceGetMemoryOfTheirOwn(Kind kind) throws Exception {
        Arena arena = kind.open.get();
        List<FutureTask<Integer>> tasks = new ArrayList<>();
        for (int index = 0; index < 4; index++) {
            long mark = index + 1L;
            FutureTask<Integer> task = new FutureTask<>(() -> {
                List<MemorySegment> mine = new ArrayList<>();
                for (int step = 0; step < 5_000; step++) {
                    MemorySegment segment = arena.allocate(8 + step % 300, 8);
                    segment.set(ValueLayout.JAVA_LONG, 0, mark);
                    mine.add(segment);
                }
                return (int) mine.stream()
                        .filter(segment -> segment.get(ValueLayout.JAVA_LONG, 0) == mark)
                        .count();
            });
            Thread.ofPlatform().start(task);
            tasks.add(task);
        }
        for (FutureTask<Integer> task : tasks) {
            assertThat(task.get()).isEqualTo(5_000);
        }
    }

    @Test
    void closingWhileOthersAllocateLosesNoBlock() throws Exception {
        long before = HEAP.statistics().liveBlocks();
        for (int round = 0; round < 300; round++) {
            Arena arena = HEAP.ofShared();
            List<FutureTask<Boolean>> tasks = new ArrayList<>();
            for (int index = 0; index < 2; index++) {
                FutureTask<Boolean> task = new FutureTask<>(() -> {
                    try {
                        while (true) {
                            arena.allocate(5_000, 8);
                        }
                    } catch (IllegalStateException closed) {
                        return true;
                    }
                });
                Thread.ofPlatform().start(task);
                tasks.add(task);
            }
            arena.allocate(1);
            closePatiently(arena);
            for (FutureTask<Boolean> task : tasks) {
                assertThat(task.get()).isTrue();
            }
        }
        assertThat(HEAP.statistics().liveBlocks()).isEqualTo(before);
    }

    /// Closing fails while another thread is inside an access of one of the segments.
    private static void closePatiently(Arena arena) {
        while (arena.scope().isAlive()) {
            try {
                arena.close();
            } catch (IllegalStateException acquired) {
                Thread.onSpinWait();
            }
        }
    }

    @Test
    void everyBlockIsBackInTheHeapAfterClose() {
        long before = HEAP.statistics().liveBlocks();
        for (Supplier<Arena> open : List.<Supplier<Arena>>of(HEAP::ofConfined, HEAP::ofShared)) {
            try (Arena arena = open.get()) {
                for (int step = 0; step < 1_000; step++) {
                    arena.allocate(step * 3L, 8);
                }
                arena.allocate(3 << 20, 4096);
                arena.allocate(200_000, 1 << 20);
                assertThat(HEAP.statistics().liveBlocks()).isGreaterThan(before);
                assertThat(HEAP.statistics().hugeBlocks()).isEqualTo(1);
            }
            assertThat(HEAP.statistics().liveBlocks()).isEqualTo(before);
            assertThat(HEAP.statistics().hugeBlocks()).isZero();
        }
    }

    @Test
    void anArenaWhoseCleanupThrowsGivesItsBlocksBack() {
        for (Supplier<Arena> open : List.<Supplier<Arena>>of(HEAP::ofConfined, HEAP::ofShared)) {
            long before = HEAP.statistics().liveBlocks();
            Arena arena = open.get();
            arena.allocate(5_000, 8);
            arena.allocate(3 << 20, 4096);
            @SuppressWarnings("restricted")
            MemorySegment unused = arena.allocate(8, 8).reinterpret(arena, segment -> {
                throw new UnsupportedOperationException("cleanup");
            });
            assertThatThrownBy(arena::close)
                    .isInstanceOf(UnsupportedOperationException.class)
                    .hasMessage("cleanup");
            assertThat(HEAP.statistics().liveBlocks()).isEqualTo(before);
            assertThatThrownBy(arena::close)
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessage("Already closed");
            assertThat(HEAP.statistics().liveBlocks()).isEqualTo(before);
        }
    }

    @Test
    void whatAnArenaHasHandedOutIsNotFreedByTheHeap() throws Exception {
        for (Supplier<Arena> open : List.<Supplier<Arena>>of(HEAP::ofConfined, HEAP::ofShared, HEAP::ofUnscoped)) {
            try (Arena arena = open.get();
                    Arena beside = open.get()) {
                for (long byteSize : new long[] {0, 1, 16, 100, 2_000, 20_000, 40_000, 3 << 20}) {
                    for (long byteAlignment : new long[] {1, 16, 64, 4_096, 65_536}) {
                        assertRefused(arena.allocate(byteSize, byteAlignment));
                        assertRefused(beside.allocate(byteSize, byteAlignment));
                    }
                }
            }
        }
    }

    /// Pages, mappings of their own, and the first bytes of a chunk or of a piece.
    @Test
    void theHeapDoesNotFreeThePagesThatAnArenaHas() throws Exception {
        for (Supplier<Arena> open : List.<Supplier<Arena>>of(HEAP::ofConfined, HEAP::ofShared, HEAP::ofUnscoped)) {
            assertPagesAreTheArenas(HEAP, open);
        }
        assertPagesAreTheArenas(COLLECTED, COLLECTED::ofAuto);
    }

    private static void assertPagesAreTheArenas(Heap heap, Supplier<Arena> open) throws Exception {
        for (long byteSize : new long[] {4 << 10, 9 << 10, 31 << 10, 33 << 10, 100_000, 300 << 10, 33 << 20}) {
            Arena arena = open.get();
            Arena beside = open.get();
            arena.allocate(16);
            beside.allocate(16);
            assertPagesAreTheArenas(heap, arena.allocate(byteSize));
            assertPagesAreTheArenas(heap, beside.allocate(byteSize));
            closeIfOpen(beside);
            closeIfOpen(arena);
        }
    }

    private static void assertPagesAreTheArenas(Heap heap, MemorySegment segment) throws Exception {
        long begin = segment.address() & -PageGeometry.PAGE_BYTES;
        assertBelongsToArena(heap, begin);
        assertThrowsInThread(BlockMisuseException.class, () -> heap.free(begin));
        assertThatThrownBy(() -> heap.free(segment.address() - 16)).isInstanceOf(BlockMisuseException.class);
        segment.fill((byte) 1);
        assertBelongsToArena(heap, begin);
    }

    private static void assertBelongsToArena(Heap heap, long begin) {
        for (ThrowingCallable call : List.<ThrowingCallable>of(
                () -> heap.free(begin),
                () -> heap.realloc(begin, 100_000),
                () -> heap.usableSize(begin),
                () -> heap.resizeInPlace(begin, 1),
                () -> heap.segment(begin),
                () -> heap.free(MemorySegment.ofAddress(begin)))) {
            assertThatThrownBy(call)
                    .isInstanceOf(BlockMisuseException.class)
                    .hasMessageContaining("the block belongs to an arena");
        }
    }

    private static void assertRefused(MemorySegment segment) {
        assertThatThrownBy(() -> HEAP.free(segment)).isInstanceOf(BlockMisuseException.class);
        assertThatThrownBy(() -> HEAP.realloc(segment, 10)).isInstanceOf(BlockMisuseException.class);
        assertThatThrownBy(() -> HEAP.usableSize(segment.address())).isInstanceOf(BlockMisuseException.class);
        assertThatThrownBy(() -> HEAP.resizeInPlace(segment.address(), 1)).isInstanceOf(BlockMisuseException.class);
    }

    @Test
    void theCollectorFreesTheBlocksOfAnAutomaticArena() throws InterruptedException {
        try (Heap heap = Heap.create(HeapOptions.defaults())) {
            abandonArenas(heap);
            assertThat(heap.statistics().largeBlocks()).isPositive();
            for (int attempt = 0; attempt < 200 && heap.statistics().liveBlocks() > 0; attempt++) {
                System.gc();
                Thread.sleep(20);
            }
            assertThat(heap.statistics().liveBlocks()).isZero();
        }
    }

    private static void abandonArenas(Heap heap) {
        for (int index = 0; index < 100; index++) {
            heap.ofAuto().allocate(50_000, 8).fill((byte) 1);
        }
    }

    @Test
    void aSegmentKeepsItsAutomaticArenaAlive() throws InterruptedException {
        MemorySegment segment = COLLECTED.ofAuto().allocate(40_000, 16);
        segment.fill((byte) 3);
        for (int attempt = 0; attempt < 5; attempt++) {
            System.gc();
            Thread.sleep(10);
            assertThatThrownBy(() -> COLLECTED.free(segment)).hasMessageContaining("the block belongs to an arena");
        }
        assertThat(segment.get(ValueLayout.JAVA_BYTE, 39_999)).isEqualTo((byte) 3);
    }

    @Test
    void anArenaOfAHeapThatIsFullSaysSoAndLivesOn() {
        try (Heap limited = Heap.create(HeapOptions.builder()
                        .name("limited")
                        .hardLimitBytes(1 << 20)
                        .build());
                Arena arena = limited.ofConfined()) {
            arena.allocate(100);
            assertThatThrownBy(() -> arena.allocate(2 << 20))
                    .isInstanceOf(OutOfNativeMemoryError.class)
                    .hasMessageStartingWith(
                            "allocate(byteSize=2097152, byteAlignment=1) of heap 'limited' failed: the hard limit of"
                                    + " the heap or of a parent is reached: limit 1.0 MiB, live ")
                    .hasMessageEndingWith(" MiB; free blocks or raise hardLimitBytes");
            assertThat(arena.allocate(100).byteSize()).isEqualTo(100);
            limited.verify();
        }
    }

    @Test
    void anUnscopedArenaIsForAllThreadsAndFreesWithoutEndingItsSegmentsScope() throws Exception {
        long before = HEAP.statistics().liveBlocks();
        Arena arena = HEAP.ofUnscoped();
        MemorySegment small = arena.allocate(100, 8);
        MemorySegment large = arena.allocate(100_000, 4096);
        assertThat(large.address() % 4096).isZero();
        assertThat(small.asByteBuffer()).isEqualTo(ByteBuffer.allocate(100));
        Thread other = Thread.ofPlatform().start(() -> arena.allocate(50, 1).fill((byte) 1));
        other.join();
        assertThat(arena.scope()).isEqualTo(HEAP.arenaBlocks().scope().scope());
        assertThat(HEAP.statistics().liveBlocks()).isGreaterThan(before);
        arena.close();
        assertThat(HEAP.statistics().liveBlocks()).isEqualTo(before);
        assertThatThrownBy(arena::close)
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("Already closed");
        assertThatThrownBy(() -> arena.allocate(1))
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("Already closed");
        assertThat(small.scope().isAlive()).isTrue();
    }

    /// 64 bytes into the chunk of the thread's confined arenas.
    @Test
    void whatAnArenaHasHandedOutIsSaidToBeInABlockOfAnArena() {
        try (Arena arena = HEAP.ofConfined()) {
            long address = arena.allocate(1, 64).address();
            assertThatThrownBy(() -> HEAP.free(address))
                    .isInstanceOf(BlockMisuseException.class)
                    .hasMessageContaining("inside a block that belongs to an arena");
        }
    }
}
